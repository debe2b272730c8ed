// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import { COUNT_PATTERN, RELEASE_PATTERN } from './annotation.ts';

/** A named CEL expression; it may use earlier ones as `variables.NAME`. */
export interface CelVariable {
  readonly name: string;
  readonly expression: string;
}

const RELEASE = `'${ANNOTATIONS.release}'`;
const DESIRED = `'deployment.kubernetes.io/desired-replicas'`;

const annotation = (object: string, name: string): string =>
  `${object}.metadata.?annotations[?${name}].orValue('')`;

/**
 * The table of `clampReplicas` in CEL, the only source of what the API server evaluates. Every
 * variable has a value for every write, even an invalid one: an error would also deny a scale-down.
 */
export const CLAMP_TABLE: readonly CelVariable[] = [
  { name: 'text', expression: annotation('object', RELEASE) },
  { name: 'valid', expression: `variables.text.matches('${RELEASE_PATTERN}')` },
  {
    name: 'parts',
    expression: `variables.valid ? variables.text.split('/') : ['', '', '0', '0']`,
  },
  { name: 'target', expression: 'variables.parts[1]' },
  { name: 'released', expression: 'int(variables.parts[2])' },
  { name: 'replicas', expression: 'int(variables.parts[3])' },
  {
    name: 'hash',
    expression: `object.metadata.?labels[?'pod-template-hash'].orValue('')`,
  },
  { name: 'asked', expression: 'object.spec.replicas' },
  { name: 'was', expression: 'oldObject == null ? 0 : oldObject.spec.replicas' },
  { name: 'desired', expression: annotation('object', DESIRED) },
  {
    name: 'oldDesired',
    expression: `oldObject == null ? '' : ${annotation('oldObject', DESIRED)}`,
  },
  {
    name: 'wanted',
    expression: `variables.desired.matches('${COUNT_PATTERN}') ? int(variables.desired) : variables.replicas`,
  },
  {
    name: 'scaling',
    expression: 'oldObject != null && variables.desired != variables.oldDesired',
  },
  {
    name: 'share',
    expression:
      'variables.wanted >= variables.replicas ? variables.released : variables.released * variables.wanted / variables.replicas',
  },
  { name: 'cap', expression: 'variables.hash == variables.target ? variables.share : 0' },
  { name: 'floor', expression: 'variables.wanted - variables.share' },
  {
    name: 'verified',
    expression: [
      'variables.asked >= variables.floor ? variables.asked',
      ': variables.scaling ? variables.floor',
      ': variables.asked >= variables.was ? variables.asked',
      ': variables.was < variables.floor ? variables.was : variables.floor',
    ].join(' '),
  },
  {
    name: 'others',
    expression: [
      'variables.asked <= variables.was || variables.asked <= variables.cap ? variables.asked',
      ': variables.was > variables.cap ? variables.was : variables.cap',
    ].join(' '),
  },
  {
    name: 'allowed',
    expression: 'variables.hash == variables.parts[0] ? variables.verified : variables.others',
  },
];

/**
 * True when the annotation is invalid and the write grows the ReplicaSet: such a write is denied.
 */
export const GROWS_BLINDLY = '!variables.valid && variables.asked > variables.was';

/** Message of that denial, which a user sees in a condition of the Deployment. */
export const INVALID_RELEASE = `AlterShield denies more pods: annotation ${ANNOTATIONS.release} of this ReplicaSet does not read VERIFIED/TARGET/RELEASED/REPLICAS; scaling down and deletion work`;

/**
 * Writes that scale the Deployment pass even when the operator is down: otherwise the controller
 * would be stuck, and block a scale-up or even a revert. The controller never scales a revision
 * without pods: such a write would be its first step to roll that revision out.
 */
const SCALES = `variables.scaling && (variables.was > 0 || variables.hash == variables.parts[0])`;

/** When the clamp that fails closed applies: it clamps a cap in flight, or denies. */
export const CLAMPS_IN_FLIGHT = `${GROWS_BLINDLY} || variables.valid && variables.target != '' && !(${SCALES}) && variables.allowed != variables.asked`;

/** When the clamp that fails open applies: at rest, and while the Deployment is scaled. */
export const CLAMPS_AT_REST = `variables.valid && (variables.target == '' || ${SCALES}) && variables.allowed != variables.asked`;

/**
 * One expression without variables, for webhooks: `[value].exists(name, …)` binds a name, so each
 * value is computed once.
 */
export const inlined = (predicate: string): string =>
  CLAMP_TABLE.reduceRight(
    (body, { name, expression }) => `[${bare(expression)}].exists(${name}, ${body})`,
    bare(predicate),
  );

const bare = (expression: string): string => expression.replaceAll('variables.', '');
