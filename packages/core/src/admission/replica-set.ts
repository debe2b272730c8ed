// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import {
  HELD,
  formatReleaseCap,
  isInFlight,
  parseReleaseCap,
} from '../workload/deployment/cap/annotation.ts';
import { INVALID_RELEASE } from '../workload/deployment/cap/clamp-table.ts';
import { clampReplicas, type ReplicaSetWrite } from '../workload/deployment/cap/clamp.ts';
import { toJsonPointer, type PatchOp } from '../json/patch.ts';
import type { ReplicaSet } from '../workload/deployment/objects.ts';
import { POD_TEMPLATE_HASH } from '../revision/fingerprint.ts';
import { allow, deny, type Request, type Review } from './review.ts';

export interface ReplicaSetContext {
  /** Current `altershield.io/release` of the owning Deployment; undefined: not known. */
  readonly releaseOfDeployment: string | undefined;
}

const DESIRED = 'deployment.kubernetes.io/desired-replicas';

/**
 * Clamps a ReplicaSet to its annotation. A revision that grows at rest bypassed admission: this
 * write marks it as held, so that it stays held without an operator.
 */
export function mutateReplicaSet(
  request: Request<ReplicaSet>,
  { releaseOfDeployment }: ReplicaSetContext,
): Review {
  const write = writeOf(request);
  const clamped = clampReplicas(write);
  if (clamped === 'Invalid') return deny('Invalid', INVALID_RELEASE);
  const release = parseReleaseCap(write.release);
  if (release === undefined || release === 'Invalid' || clamped.allowed === write.asked) {
    return allow();
  }
  const replicas = clampTo(clamped.allowed);
  if (isInFlight(release)) return allow([replicas]);
  const isStable = write.hash === release.verified;
  if (isStable && isReplaced(release.verified, releaseOfDeployment)) return allow();
  const path = toJsonPointer('metadata', 'annotations', ANNOTATIONS.release);
  const held = formatReleaseCap({ ...release, target: HELD });
  return allow([replicas, { op: 'replace', path, value: held }]);
}

const clampTo = (value: number): PatchOp => ({ op: 'replace', path: '/spec/replicas', value });

/**
 * Whether a revert to an earlier verified revision replaced this one: only the Deployment's
 * annotation shows it.
 */
function isReplaced(verified: string, releaseOfDeployment: string | undefined): boolean {
  const current = parseReleaseCap(releaseOfDeployment);
  return current !== undefined && current !== 'Invalid' && current.verified !== verified;
}

function writeOf({ object, oldObject }: Request<ReplicaSet>): ReplicaSetWrite {
  const { annotations = {}, labels = {} } = object.metadata;
  return {
    release: annotations[ANNOTATIONS.release],
    hash: labels[POD_TEMPLATE_HASH] ?? '',
    asked: replicasOf(object),
    was: oldObject && replicasOf(oldObject),
    desired: annotations[DESIRED],
    oldDesired: oldObject?.metadata.annotations?.[DESIRED],
  };
}

/** The API server sets this default before it calls admission. */
const replicasOf = ({ spec }: ReplicaSet): number => spec.replicas ?? 1;
