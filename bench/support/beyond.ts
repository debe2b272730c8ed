// SPDX-License-Identifier: Apache-2.0
import { parseReleaseCap } from '@altershield/core';
import { imageOf, isActive, type Pod } from '../../test/e2e/support/pods.ts';
import { RELEASE, type App } from '../../test/e2e/support/story.ts';
import type { DeploymentRecorder } from '../../test/e2e/support/watch-deployment.ts';
import type { Timeline } from '../../test/e2e/support/timeline.ts';

const HASH = 'pod-template-hash';

/**
 * The most pods that an image ever had beyond what the Deployment's annotation allowed at that moment. The order of
 * the two watches is told by the revisions of etcd, which count for all kinds alike.
 */
export function podsBeyond(
  { timeline, deployment }: Pick<App, 'timeline' | 'deployment'>,
  image: string,
): number {
  const allowed = allowances(deployment);
  const active = new Set<string>();
  let most = 0;
  for (const { type, pod } of timeline.events) {
    if (imageOf(pod) !== image) continue;
    const isThere = type !== 'DELETED' && isActive(pod);
    if (isThere) active.add(pod.metadata.uid);
    else active.delete(pod.metadata.uid);
    // Only a pod that is new can go beyond; the others were within when they were made.
    if (type === 'ADDED') most = Math.max(most, active.size - allowed(pod));
  }
  return most;
}

type Allowance = (pod: Pod) => number;

function allowances({ states }: DeploymentRecorder): Allowance {
  const steps = states.map(({ deployment: { metadata } }) => ({
    revision: Number(metadata.resourceVersion),
    cap: parseReleaseCap(metadata.annotations?.[RELEASE]),
  }));
  return ({ metadata }) => {
    const revision = Number(metadata.resourceVersion);
    const cap = steps.findLast((step) => step.revision <= revision)?.cap;
    // Without the annotation the Deployment is not governed.
    if (cap === undefined) return Infinity;
    if (cap === 'Invalid') return 0;
    const hash = metadata.labels?.[HASH];
    if (hash === cap.verified) return Infinity;
    return hash === cap.target ? cap.released : 0;
  };
}

/** How long after its evidence the last bad pod was gone, milliseconds, both as a watch shows them. */
export function goneAfter(
  { events }: Pick<Timeline, 'events'>,
  isBad: (pod: Pod) => boolean,
  isEvidence: (pod: Pod) => boolean,
): number {
  const bad = events.filter(({ pod }) => isBad(pod));
  const shown = bad.find(({ pod }) => isEvidence(pod));
  const ends = new Map<string, number>();
  for (const { type, pod, at } of bad) {
    const { uid } = pod.metadata;
    if (!ends.has(uid) && (type === 'DELETED' || !isActive(pod))) ends.set(uid, at);
  }
  return Math.max(...ends.values()) - (shown?.at ?? NaN);
}
