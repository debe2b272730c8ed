// SPDX-License-Identifier: Apache-2.0
import {
  dig,
  isJsonObject,
  asJsonObject,
  same,
  text,
  without,
  type Json,
  type StoredObject,
} from '../../json.ts';
import type { KindRules } from '../definition.ts';
import { FIELD, type FieldProblem } from '../failure.ts';
import {
  hasMaxUnavailable,
  namesFixedFields,
  type KubernetesVersion,
} from '../kubernetes-version.ts';
import { plainRules } from './plain.ts';
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

/** The rules of StatefulSets; only some versions keep `maxUnavailable`. */
export const statefulSetRules = (kubernetes: KubernetesVersion): KindRules => ({
  complete: (object, { old }) => ({
    status: { replicas: 0, availableReplicas: 0 },
    ...omitEmpty(withSpec(object, (spec) => defaults(spec, old, hasMaxUnavailable(kubernetes)))),
  }),
  validate: (object, old) => [
    ...validatePolicies(asJsonObject(object['spec'])),
    ...validateWorkload(object),
    // The controller can count below zero; its status is then rejected, and it tries again.
    ...nonNegative(asJsonObject(object['status']), 'currentReplicas', 'status'),
    ...(old === undefined ? [] : validateFixed(object, old, kubernetes)),
  ],
  bumpsGeneration: differs('spec'),
});

function defaults(spec: Json, old: StoredObject | undefined, keepsMaxUnavailable: boolean): Json {
  const given = asJsonObject(spec['updateStrategy']);
  const isUsed =
    dig(old, 'spec', 'updateStrategy', 'rollingUpdate', 'maxUnavailable') !== undefined;
  const retention = asJsonObject(spec['persistentVolumeClaimRetentionPolicy']);
  return {
    replicas: spec['replicas'] ?? 1,
    serviceName: spec['serviceName'] ?? '',
    podManagementPolicy: spec['podManagementPolicy'] ?? 'OrderedReady',
    updateStrategy: completeStrategy(given, { keepsMaxUnavailable, isUsed }),
    revisionHistoryLimit: spec['revisionHistoryLimit'] ?? 10,
    persistentVolumeClaimRetentionPolicy: {
      whenDeleted: retention['whenDeleted'] ?? 'Retain',
      whenScaled: retention['whenScaled'] ?? 'Retain',
    },
  };
}

interface MaxUnavailable {
  readonly keepsMaxUnavailable: boolean;
  /** A value that is stored already is kept, whatever the version. */
  readonly isUsed: boolean;
}

/** A strategy with a type but without `rollingUpdate` gets no default partition. */
function completeStrategy(given: Json, { keepsMaxUnavailable, isUsed }: MaxUnavailable): Json {
  const type = given['type'] ?? 'RollingUpdate';
  const rollingUpdate = given['rollingUpdate'] ?? (given['type'] === undefined ? {} : undefined);
  if (!isJsonObject(rollingUpdate)) return { ...given, type };
  if (type !== 'RollingUpdate') return { ...given, type, rollingUpdate };
  const kept =
    keepsMaxUnavailable || isUsed ? rollingUpdate : without(rollingUpdate, 'maxUnavailable');
  const maxUnavailable = keepsMaxUnavailable ? { maxUnavailable: 1 } : {};
  return { ...given, type, rollingUpdate: { partition: 0, ...maxUnavailable, ...kept } };
}

const validatePolicies = (spec: Json): FieldProblem[] => [
  ...validateManagement(spec['podManagementPolicy']),
  ...validateStrategy(asJsonObject(spec['updateStrategy'])),
  ...validateRetention(asJsonObject(spec['persistentVolumeClaimRetentionPolicy'])),
];

function validateManagement(policy: unknown): FieldProblem[] {
  if (policy === 'OrderedReady' || policy === 'Parallel') return [];
  return [
    FIELD.invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'"),
  ];
}

function validateStrategy(strategy: Json): FieldProblem[] {
  const { type, rollingUpdate } = strategy;
  const at = 'spec.updateStrategy';
  switch (type) {
    case 'RollingUpdate':
      return rollingUpdate === undefined ? [] : validateRollingUpdate(asJsonObject(rollingUpdate));
    case 'OnDelete': {
      const why = "only allowed for updateStrategy 'RollingUpdate'";
      return rollingUpdate === undefined
        ? []
        : [FIELD.invalid(`${at}.rollingUpdate`, rollingUpdate, why)];
    }
    default:
      return [FIELD.invalid(at, strategy, "must be 'RollingUpdate' or 'OnDelete'")];
  }
}

function validateRollingUpdate(rollingUpdate: Json): FieldProblem[] {
  const at = 'spec.updateStrategy.rollingUpdate';
  const { maxUnavailable } = rollingUpdate;
  const partition = nonNegative(rollingUpdate, 'partition', at);
  if (maxUnavailable === undefined) return partition;
  const path = `${at}.maxUnavailable`;
  return [
    ...partition,
    ...validateAmount(path, maxUnavailable),
    ...((amount(maxUnavailable) ?? 0) === 0
      ? [FIELD.invalid(path, maxUnavailable, 'cannot be 0')]
      : []),
    ...validateShare(path, maxUnavailable),
  ];
}

const validateRetention = (policy: Json): FieldProblem[] =>
  ['whenDeleted', 'whenScaled'].flatMap((field) =>
    ['Retain', 'Delete'].includes(text(policy[field]))
      ? []
      : [
          FIELD.notSupported(`spec.persistentVolumeClaimRetentionPolicy.${field}`, policy[field], [
            'Retain',
            'Delete',
          ]),
        ],
  );

/** As the message names them. */
const MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

const FIXED = ['selector', 'volumeClaimTemplates', 'serviceName', 'podManagementPolicy'];

function validateFixed(
  object: StoredObject,
  old: StoredObject,
  kubernetes: KubernetesVersion,
): FieldProblem[] {
  const changed = FIXED.filter((field) => differs('spec', field)(object, old));
  if (changed.length === 0) return [];
  if (namesFixedFields(kubernetes)) {
    return changed.map((field) =>
      FIELD.invalid(`spec.${field}`, dig(object, 'spec', field), 'field is immutable'),
    );
  }
  const names = MUTABLE.map((name) => `'${name}'`);
  const others = `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
  const why = `updates to statefulset spec for fields other than ${others} are forbidden`;
  return [FIELD.forbidden('spec', why)];
}

/** A revision can be renumbered and relabeled; its content is fixed. */
export const controllerRevisionRules: KindRules = {
  ...plainRules,
  validate: (object, old) => [
    ...(isJsonObject(object['data']) ? [] : [FIELD.required('data', 'data is mandatory')]),
    ...(old === undefined || same(object['data'], old['data'])
      ? []
      : [FIELD.invalid('data', object['data'], 'field is immutable')]),
  ],
};
