// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import type { Template } from '../../json/objects.ts';
import { POD_TEMPLATE_HASH } from '../../revision/fingerprint.ts';
import type { AdmissionAdapter, AdmissionInput } from '../adapter.ts';
import { AT_REST, HELD, formatReleaseCap, isInFlight, parseReleaseCap } from './cap/annotation.ts';
import { isRecreate, type Deployment, type ReplicaSet } from './objects.ts';

type Input = AdmissionInput<Deployment>;

const release = (value: string | undefined) => ({ annotations: { [ANNOTATIONS.release]: value } });
const before = ({ old }: Pick<Input, 'old'>): string | undefined =>
  old.metadata.annotations?.[ANNOTATIONS.release];

/** A Deployment is held by its annotation alone: its spec stays as the user wrote it. */
export const deploymentAdmission: AdmissionAdapter<Deployment> = {
  annotations: [ANNOTATIONS.release],
  create: () => release(undefined),
  keep: (input) => release(before(input)),
  hold: (input) => release(heldText(input)),
  revert: (input) => release(before(input) && atRestText(input)),
};

function atRestText(input: Input): string | undefined {
  const { object } = input;
  const verified = hashOf(object.spec.template, input);
  if (verified === undefined) return undefined;
  const replicas = object.spec.replicas ?? 1;
  return formatReleaseCap({ verified, target: AT_REST, released: 0, replicas });
}

/**
 * The annotation for a change with no released pods. A hold in flight also covers every later
 * revision. `Recreate` is held only by the annotation on its stable ReplicaSet: if the Deployment
 * were marked here, and all operators stopped before that ReplicaSet is marked, the change would
 * have no pods at all.
 */
function heldText(input: Input): string | undefined {
  const { object, old } = input;
  const text = before(input);
  const cap = parseReleaseCap(text);
  const known = cap === 'Invalid' ? undefined : cap;
  if (known !== undefined && isInFlight(known)) return text;
  if (isRecreate(object.spec.strategy) || isRecreate(old.spec.strategy)) return text;
  const verified = known?.verified ?? hashOf(old.spec.template, input);
  if (verified === undefined) return text;
  const replicas = old.spec.replicas ?? 1;
  return formatReleaseCap({ verified, target: HELD, released: 0, replicas });
}

/**
 * `pod-template-hash` of the ReplicaSet with this template; undefined when it does not exist or is
 * unknown.
 */
function hashOf(template: Template, { snapshot, signing }: Input): string | undefined {
  const { fingerprintOf } = signing;
  const replicaSets = (snapshot().related['replicaSets'] ?? []) as readonly ReplicaSet[];
  const wanted = fingerprintOf(template);
  const found = replicaSets.find(
    ({ spec }) => spec.template !== undefined && fingerprintOf(spec.template) === wanted,
  );
  return found?.metadata.labels?.[POD_TEMPLATE_HASH];
}
