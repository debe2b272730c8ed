// SPDX-License-Identifier: Apache-2.0
import {
  asJsonObject,
  dig,
  integer,
  isJsonObject,
  text,
  type Json,
  type StoredObject,
} from '../../json.ts';
import type { KindRules } from '../definition.ts';
import { FIELD, type FieldProblem } from '../failure.ts';
import {
  amount,
  differs,
  nonNegative,
  omitEmpty,
  validateAmount,
  validateShare,
  validateWorkload,
  withSpec,
} from './workload.ts';

/** Counts the templates of a DaemonSet; its pods are labeled with it. No client can set it. */
export const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

export const daemonSetRules: KindRules = {
  complete: (object, { old }) => ({
    status: {
      currentNumberScheduled: 0,
      desiredNumberScheduled: 0,
      numberMisscheduled: 0,
      numberReady: 0,
    },
    ...counted(omitEmpty(withSpec(object, defaults)), old),
  }),
  validate: (object, old) => [
    ...validateStrategy(asJsonObject(dig(object, 'spec', 'updateStrategy'))),
    ...validateWorkload(object),
    ...nonNegative(asJsonObject(object['spec']), 'revisionHistoryLimit'),
    ...(old !== undefined && differs('spec', 'selector')(object, old)
      ? [FIELD.invalid('spec.selector', dig(object, 'spec', 'selector'), 'field is immutable')]
      : []),
  ],
  bumpsGeneration: differs('spec'),
};

const defaults = (spec: Json): Json => ({
  updateStrategy: completeStrategy(asJsonObject(spec['updateStrategy'])),
  revisionHistoryLimit: spec['revisionHistoryLimit'] ?? 10,
});

/** OnDelete gets no defaults, and keeps a rolling update that it was given. */
function completeStrategy(given: Json): Json {
  const type = text(given['type']) || 'RollingUpdate';
  if (type !== 'RollingUpdate') return { ...given, type };
  const rollingUpdate = asJsonObject(given['rollingUpdate']);
  return { ...given, type, rollingUpdate: { maxUnavailable: 1, maxSurge: 0, ...rollingUpdate } };
}

function counted(object: StoredObject, old: StoredObject | undefined): StoredObject {
  const before = integer(Number(old?.metadata.annotations?.[TEMPLATE_GENERATION] ?? 0));
  const isNew = old === undefined || differs('spec', 'template')(object, old);
  const generation = String(isNew ? before + 1 : before);
  const annotations = { ...object.metadata.annotations, [TEMPLATE_GENERATION]: generation };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function validateStrategy(strategy: Json): FieldProblem[] {
  const { type, rollingUpdate } = strategy;
  const at = 'spec.updateStrategy';
  if (type === 'OnDelete') return [];
  if (type !== 'RollingUpdate') {
    return [FIELD.notSupported(at, strategy, ['RollingUpdate', 'OnDelete'])];
  }
  return isJsonObject(rollingUpdate)
    ? validateRollingUpdate(rollingUpdate)
    : [FIELD.required(`${at}.rollingUpdate`)];
}

function validateRollingUpdate({ maxUnavailable, maxSurge }: Json): FieldProblem[] {
  const at = 'spec.updateStrategy.rollingUpdate';
  const problems = (['maxUnavailable', 'maxSurge'] as const).flatMap((field) => {
    const value = field === 'maxSurge' ? maxSurge : maxUnavailable;
    return [...validateAmount(`${at}.${field}`, value), ...validateShare(`${at}.${field}`, value)];
  });
  const unavailable = amount(maxUnavailable) ?? 0;
  const surge = amount(maxSurge) ?? 0;
  if (unavailable > 0 && surge > 0) {
    const why = 'may not be set when maxUnavailable is non-zero';
    return [...problems, FIELD.invalid(`${at}.maxSurge`, maxSurge, why)];
  }
  if (unavailable > 0 || surge > 0) return problems;
  return [...problems, FIELD.required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0')];
}
