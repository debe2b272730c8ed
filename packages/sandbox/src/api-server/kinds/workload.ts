// SPDX-License-Identifier: Apache-2.0
import {
  dig,
  integer,
  isJsonObject,
  asJsonObject,
  same,
  strings,
  type Json,
  type StoredObject,
} from '../../json.ts';
import type { KindRules } from '../definition.ts';
import { FIELD, type FieldProblem } from '../failure.ts';
import { compileLabelSelector } from '../selectors.ts';
import { completePodSpec, validatePodSpec } from './pod-template.ts';

export const completeTemplate = (template: unknown): Json => ({
  ...asJsonObject(template),
  metadata: asJsonObject(dig(template, 'metadata')),
  spec: completePodSpec(asJsonObject(dig(template, 'spec'))),
});

export function withSpec(object: StoredObject, defaults: (spec: Json) => Json): StoredObject {
  const spec = asJsonObject(object['spec']);
  const completed = { ...spec, ...defaults(spec), template: completeTemplate(spec['template']) };
  return { ...object, spec: completed };
}

const replicaSetDefaults = (spec: Json): Json => ({ replicas: spec['replicas'] ?? 1 });

const deploymentDefaults = (spec: Json): Json => ({
  replicas: spec['replicas'] ?? 1,
  strategy: completeStrategy(asJsonObject(spec['strategy'])),
  revisionHistoryLimit: spec['revisionHistoryLimit'] ?? 10,
  progressDeadlineSeconds: spec['progressDeadlineSeconds'] ?? 600,
});

function completeStrategy(strategy: Json): Json {
  const type = strategy['type'] ?? 'RollingUpdate';
  if (type !== 'RollingUpdate') return { ...strategy, type };
  const given = asJsonObject(strategy['rollingUpdate']);
  const rollingUpdate = {
    maxUnavailable: given['maxUnavailable'] ?? '25%',
    maxSurge: given['maxSurge'] ?? '25%',
  };
  return { ...strategy, type, rollingUpdate };
}

/** Zero values that Go leaves out when it writes JSON; `paused: false` reads back as absent. */
export function omitEmpty(object: StoredObject): StoredObject {
  const spec = Object.entries(asJsonObject(object['spec'])).filter(
    ([key, value]) =>
      !(key === 'paused' && value === false) && !(key === 'minReadySeconds' && value === 0),
  );
  return { ...object, spec: Object.fromEntries(spec) };
}

export const differs =
  (...fields: readonly string[]) =>
  (a: StoredObject, b: StoredObject): boolean =>
    !same(dig(a, ...fields), dig(b, ...fields));

export const nonNegative = (fields: Json, field: string, at = 'spec'): FieldProblem[] =>
  integer(fields[field]) >= 0
    ? []
    : [FIELD.invalid(`${at}.${field}`, fields[field], 'must be greater than or equal to 0')];

function validateSelector(object: StoredObject): FieldProblem[] {
  const selector = dig(object, 'spec', 'selector');
  if (!isJsonObject(selector)) return [FIELD.required('spec.selector')];
  const labels = strings(dig(object, 'spec', 'template', 'metadata', 'labels'));
  if (compileLabelSelector(selector)(labels)) return [];
  const why = '`selector` does not match template `labels`';
  return [FIELD.invalid('spec.template.metadata.labels', labels, why)];
}

function validateSameSelector(object: StoredObject, old: StoredObject | undefined): FieldProblem[] {
  if (old === undefined || !differs('spec', 'selector')(object, old)) return [];
  const selector = dig(object, 'spec', 'selector');
  return [FIELD.invalid('spec.selector', selector, 'field is immutable')];
}

/** An integer, or the number before the percent sign; undefined when it is neither. */
export function amount(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  const [, digits] = /^(\d+)%$/.exec(typeof value === 'string' ? value : '') ?? [];
  return digits === undefined ? undefined : Number(digits);
}

export function validateAmount(at: string, value: unknown): FieldProblem[] {
  const number = amount(value);
  if (number === undefined) {
    const why =
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%', or '93%', regex used for validation is '[0-9]+%')";
    return [FIELD.invalid(at, value, why)];
  }
  return number >= 0 ? [] : [FIELD.invalid(at, value, 'must be greater than or equal to 0')];
}

function validateRollingUpdate(rollingUpdate: Json): FieldProblem[] {
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const at = 'spec.strategy.rollingUpdate.maxUnavailable';
  const problems = [
    ...validateAmount(at, maxUnavailable),
    ...validateAmount('spec.strategy.rollingUpdate.maxSurge', maxSurge),
  ];
  if (amount(maxUnavailable) === 0 && amount(maxSurge) === 0) {
    problems.push(FIELD.invalid(at, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  return [...problems, ...validateShare(at, maxUnavailable)];
}

export function validateShare(at: string, value: unknown): FieldProblem[] {
  const isTooMuch = typeof value === 'string' && (amount(value) ?? 0) > 100;
  return isTooMuch ? [FIELD.invalid(at, value, 'must not be greater than 100%')] : [];
}

function validateStrategy(strategy: Json): FieldProblem[] {
  switch (strategy['type']) {
    case 'RollingUpdate':
      return validateRollingUpdate(asJsonObject(strategy['rollingUpdate']));
    case 'Recreate':
      return strategy['rollingUpdate'] === undefined
        ? []
        : [
            FIELD.forbidden(
              'spec.strategy.rollingUpdate',
              "may not be specified when strategy `type` is 'Recreate'",
            ),
          ];
    default:
      return [FIELD.notSupported('spec.strategy', strategy, ['Recreate', 'RollingUpdate'])];
  }
}

function validateProgress(spec: Json): FieldProblem[] {
  const deadline = spec['progressDeadlineSeconds'];
  return integer(deadline) > integer(spec['minReadySeconds'])
    ? []
    : [
        FIELD.invalid(
          'spec.progressDeadlineSeconds',
          deadline,
          'must be greater than minReadySeconds',
        ),
      ];
}

/** What every workload is checked for, whatever its kind. */
export const validateWorkload = (object: StoredObject): FieldProblem[] => [
  ...nonNegative(asJsonObject(object['spec']), 'replicas'),
  ...validateSelector(object),
  ...validatePodSpec(dig(object, 'spec', 'template', 'spec'), 'spec.template.spec'),
  ...nonNegative(asJsonObject(object['spec']), 'minReadySeconds'),
];

/** A Deployment's generation also counts changes of its annotations. */
export const deploymentRules: KindRules = {
  complete: (object) => ({
    status: {},
    ...omitEmpty(withSpec(object, deploymentDefaults)),
  }),
  validate: (object, old) => {
    const spec = asJsonObject(object['spec']);
    return [
      ...validateWorkload(object),
      ...validateSameSelector(object, old),
      ...validateStrategy(asJsonObject(spec['strategy'])),
      ...nonNegative(spec, 'revisionHistoryLimit'),
      ...validateProgress(spec),
    ];
  },
  bumpsGeneration: (a, b) => differs('spec')(a, b) || differs('metadata', 'annotations')(a, b),
};

export const replicaSetRules: KindRules = {
  complete: (object) => ({
    status: { replicas: 0 },
    ...omitEmpty(withSpec(object, replicaSetDefaults)),
  }),
  validate: (object, old) => [...validateWorkload(object), ...validateSameSelector(object, old)],
  bumpsGeneration: differs('spec'),
};

export const podRules: KindRules = {
  complete: (object) => ({
    ...object,
    spec: { enableServiceLinks: true, ...completePodSpec(asJsonObject(object['spec'])) },
    status: object['status'] ?? { phase: 'Pending', qosClass: 'BestEffort' },
  }),
  validate: (object) => validatePodSpec(object['spec'], 'spec'),
  bumpsGeneration: differs('spec'),
};
