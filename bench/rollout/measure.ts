// SPDX-License-Identifier: Apache-2.0
import { parseReleaseCap, type Deployment } from '@altershield/core';
import { eventually } from '@altershield/testing/eventually';
import { imageOf, isActive, isReady } from '../../test/e2e/support/pods.ts';
import { RELEASE, type App } from '../../test/e2e/support/story.ts';

/** Of a status: how many pods there are to be, and the counts that must have reached this. */
function countsOf({ spec, status = {} }: Deployment): readonly (number | undefined)[] {
  const counts: Readonly<Record<string, number | undefined>> = Object(status);
  const daemon = counts['desiredNumberScheduled'];
  return daemon === undefined
    ? [spec.replicas, counts['replicas'], counts['updatedReplicas'], counts['readyReplicas']]
    : [daemon, counts['updatedNumberScheduled'], counts['numberAvailable']];
}

/** What `kubectl rollout status` calls complete. */
function isComplete(workload: Deployment, image: string): boolean {
  const { metadata, spec, status = {} } = workload;
  const [wanted, ...counts] = countsOf(workload);
  return (
    JSON.stringify(spec.template).includes(`"${image}"`) &&
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
    counts.every((count) => count === wanted)
  );
}

/** How long a rollout takes, from the push until the watch shows it complete. */
export async function rollOut(app: App, image: string): Promise<number> {
  const began = performance.now();
  await app.setImage(image);
  const look = (): number | undefined =>
    app.deployment.states.find(({ at, deployment }) => at >= began && isComplete(deployment, image))
      ?.at;
  const at = await eventually(look, { what: `${image} to be complete`, timeoutMs: 240_000 });
  return at - began;
}

/** When the annotation of a Deployment released more pods of the change, and how many there might be then. */
function releasesOf(
  { deployment: { states } }: App,
  since: number,
): { at: number; pods: number }[] {
  const releases: { at: number; pods: number }[] = [];
  for (const { at, deployment } of states) {
    const cap = parseReleaseCap(deployment.metadata.annotations?.[RELEASE]);
    if (at < since || cap === undefined || cap === 'Invalid' || cap.target === '') continue;
    if (cap.released > (releases.at(-1)?.pods ?? 0)) releases.push({ at, pods: cap.released });
  }
  return releases;
}

/** When so many pods of an image were first ready. */
function readyAt({ timeline: { events } }: App, image: string, count: number): number {
  const ready = new Set<string>();
  for (const { at, pod, type } of events) {
    const isIn = type !== 'DELETED' && isActive(pod) && isReady(pod) && imageOf(pod) === image;
    if (isIn) ready.add(pod.metadata.uid);
    else ready.delete(pod.metadata.uid);
    if (ready.size >= count) return at;
  }
  return NaN;
}

/** Of each batch after the first: from the readiness of the one before it to its release. */
export function waitsAfterReady(app: App, image: string, since: number): number[] {
  const releases = releasesOf(app, since);
  return releases.slice(1).map(({ at }, i) => at - readyAt(app, image, releases[i]?.pods ?? 0));
}
