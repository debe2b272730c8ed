// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, OBJECT_NAMES } from '@altershield/api';
import { toJsonPointer } from '../../../json/patch.ts';
import { celText, notTheOperator } from '../../cel.ts';
import { IN_FLIGHT_PATTERN } from './annotation.ts';
import { CLAMP_TABLE, GROWS_BLINDLY, INVALID_RELEASE } from './clamp-table.ts';

type Json = Readonly<Record<string, unknown>>;

/** One object to apply: its kind, name and complete spec, including defaults. */
export interface NativePolicy {
  readonly kind: NativeKind;
  readonly name: string;
  readonly spec: Json;
}

export type NativeKind =
  | 'MutatingAdmissionPolicy'
  | 'MutatingAdmissionPolicyBinding'
  | 'ValidatingAdmissionPolicy'
  | 'ValidatingAdmissionPolicyBinding';

const RELEASE = `'${ANNOTATIONS.release}'`;

/**
 * The clamp inside the API server (Kubernetes 1.36 and later): it enforces caps in flight even when
 * every operator is down. Policies precede their bindings: a binding without its policy denies
 * nothing.
 */
export const nativePolicies = (operatorUser: string): readonly NativePolicy[] => [
  { kind: 'MutatingAdmissionPolicy', name: OBJECT_NAMES.clamp, spec: clampPolicy(operatorUser) },
  { kind: 'MutatingAdmissionPolicy', name: OBJECT_NAMES.keep, spec: keepPolicy(operatorUser) },
  { kind: 'ValidatingAdmissionPolicy', name: OBJECT_NAMES.clamp, spec: denyInvalid(operatorUser) },
  binding('MutatingAdmissionPolicyBinding', OBJECT_NAMES.clamp),
  binding('MutatingAdmissionPolicyBinding', OBJECT_NAMES.keep),
  binding('ValidatingAdmissionPolicyBinding', OBJECT_NAMES.clamp, { validationActions: ['Deny'] }),
];

const binding = (kind: NativeKind, name: string, more: Json = {}): NativePolicy => ({
  kind,
  name,
  spec: { policyName: name, ...more },
});

/**
 * Matches all namespaces: the match conditions exclude objects without AlterShield's annotation.
 */
const matching = (plural: string, operations: readonly string[]): Json => ({
  matchPolicy: 'Equivalent',
  namespaceSelector: {},
  objectSelector: {},
  // The scale subresource has no annotations, so the clamp does not see `kubectl scale rs`.
  resourceRules: [
    { apiGroups: ['apps'], apiVersions: ['v1'], operations, resources: [plural], scope: '*' },
  ],
});

/**
 * Clamps ReplicaSets in flight. Runs again after other plug-ins, because they may change the
 * replicas.
 */
const clampPolicy = (operatorUser: string): Json => ({
  failurePolicy: 'Fail',
  reinvocationPolicy: 'IfNeeded',
  matchConstraints: matching('replicasets', ['CREATE', 'UPDATE']),
  matchConditions: [
    notTheOperator(operatorUser),
    {
      name: 'in-flight',
      expression: `object.metadata.?annotations[?${RELEASE}].orValue('').matches('${IN_FLIGHT_PATTERN}')`,
    },
  ],
  variables: CLAMP_TABLE,
  mutations: [
    {
      patchType: 'ApplyConfiguration',
      applyConfiguration: {
        expression: 'Object{spec: Object.spec{replicas: variables.allowed}}',
      },
    },
  ],
});

/**
 * Keeps the annotation of a Deployment in every user's write: a PUT without it would release the
 * change. It must not run again: AlterShield's own webhook comes later in the same write, and may
 * hold the change.
 */
const keepPolicy = (operatorUser: string): Json => ({
  failurePolicy: 'Fail',
  reinvocationPolicy: 'Never',
  matchConstraints: matching('deployments', ['UPDATE']),
  matchConditions: [
    notTheOperator(operatorUser),
    {
      name: 'changed',
      expression: `object.metadata.?annotations[?${RELEASE}] != oldObject.metadata.?annotations[?${RELEASE}]`,
    },
  ],
  variables: [{ name: 'old', expression: `oldObject.metadata.?annotations[?${RELEASE}]` }],
  mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: KEEP } }],
});

const PATH = celText(toJsonPointer('metadata', 'annotations', ANNOTATIONS.release));

const KEEP = [
  `!variables.old.hasValue() ? [JSONPatch{op: 'remove', path: ${PATH}}] :`,
  `(has(object.metadata.annotations) ? [] : [JSONPatch{op: 'add', path: '/metadata/annotations', value: {}}])`,
  `+ [JSONPatch{op: 'add', path: ${PATH}, value: variables.old.orValue('')}]`,
].join(' ');

const NEEDED: readonly string[] = ['text', 'valid', 'asked', 'was'];

/**
 * Denies growth under an invalid annotation with a message; a mutating policy cannot return one.
 */
const denyInvalid = (operatorUser: string): Json => ({
  failurePolicy: 'Fail',
  matchConstraints: matching('replicasets', ['CREATE', 'UPDATE']),
  matchConditions: [
    notTheOperator(operatorUser),
    { name: 'released', expression: `object.metadata.?annotations[?${RELEASE}].hasValue()` },
  ],
  variables: CLAMP_TABLE.filter(({ name }) => NEEDED.includes(name)),
  validations: [{ expression: `!(${GROWS_BLINDLY})`, message: INVALID_RELEASE, reason: 'Invalid' }],
});
