// SPDX-License-Identifier: Apache-2.0
import { parseReleaseCap, type Deployment } from '@altershield/core';
import type { ClusterAccess } from '../../test/cluster/access.ts';
import { eventually } from '../../test/e2e/support/eventually.ts';
import { imageOf, isActive, isReady } from '../../test/e2e/support/pods.ts';
import { RELEASE, anApp, type App } from '../../test/e2e/support/story.ts';
import { median, seconds, times } from '../support/figures.ts';
import { live, type Live } from '../support/live.ts';
import type { Section } from '../support/section.ts';

const PAIRS = 5;
const REPLICAS = 10;
const POLICY = { release: { batches: [1, '30%', '100%'], soakSeconds: 0 } };
const IMAGES = Array.from({ length: PAIRS }, (_, i) => `checkout:v${i + 2}`);

interface Pair {
  readonly plainMs: number;
  readonly governedMs: number;
  /** Of the governed one: from the push, or a batch's readiness, to the write that lets out the next pods. */
  readonly oursMs: number;
  /** CPU of the operator until the record is closed, seconds. */
  readonly cpu: number;
}

/** What `kubectl rollout status` calls complete. */
function isComplete({ metadata, spec, status = {} }: Deployment, image: string): boolean {
  const { replicas, updatedReplicas, readyReplicas, observedGeneration = 0 } = status;
  return (
    JSON.stringify(spec.template).includes(`"${image}"`) &&
    observedGeneration >= (metadata.generation ?? 0) &&
    [replicas, updatedReplicas, readyReplicas].every((count) => count === REPLICAS)
  );
}

/** How long a rollout takes, from the push until the watch shows it complete. */
async function rollOut(app: App, image: string): Promise<number> {
  const began = performance.now();
  await app.setImage(image);
  const look = (): number | undefined =>
    app.deployment.states.find(({ at, deployment }) => at >= began && isComplete(deployment, image))
      ?.at;
  const at = await eventually(look, { what: `${image} to be complete`, timeoutMs: 120_000 });
  return at - began;
}

/** When the annotation let out more pods of the change, and how many there might be then. */
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

/** The part of a release that is no wait for the user's own pods. */
function ourPart(app: App, image: string, since: number): number {
  const releases = releasesOf(app, since);
  return releases.reduce((sum, { at }, i) => {
    const before = releases[i - 1];
    return sum + at - (before === undefined ? since : readyAt(app, image, before.pods));
  }, 0);
}

async function pair(apps: readonly [App, App], image: string, { operator }: Live): Promise<Pair> {
  const [governed, plain] = apps;
  const [since, cpu] = [performance.now(), operator.cpu];
  const [governedMs, plainMs] = await Promise.all([
    rollOut(governed, image),
    rollOut(plain, image),
  ]);
  await governed.until(image, 'Success');
  return { plainMs, governedMs, cpu: operator.cpu - cpu, oursMs: ourPart(governed, image, since) };
}

async function twoApps(cluster: ClusterAccess): Promise<readonly [App, App]> {
  const governed = await anApp(cluster, { replicas: REPLICAS, policy: POLICY });
  try {
    return [governed, await anApp(cluster, { replicas: REPLICAS, policy: undefined })];
  } catch (error) {
    await governed.close();
    throw error;
  }
}

async function measure(on: Live): Promise<Pair[]> {
  const apps = await twoApps(on.cluster);
  try {
    const pairs: Pair[] = [];
    for (const image of IMAGES) {
      on.say(`${image}, governed and plain side by side`);
      pairs.push(await pair(apps, image, on));
    }
    return pairs;
  } finally {
    await Promise.all(apps.map((app) => app.close()));
  }
}

export const rollout: Section = {
  name: 'rollout',
  title: 'A governed release beside the plain rollout, on a real control plane',
  run: async (say) => {
    const pairs = await live(say, measure);
    const of = (figure: (each: Pair) => number): number => median(pairs.map(figure));
    const range = (figure: (each: Pair) => number, show: (value: number) => string): string => {
      const all = pairs.map(figure);
      return `${show(Math.min(...all))} – ${show(Math.max(...all))}`;
    };
    const row = (
      name: string,
      figure: (each: Pair) => number,
      show: (value: number) => string,
      target = '',
    ): string[] => [name, show(of(figure)), range(figure, show), target];
    const cpu = (value: number): string => `${value.toFixed(2)} s`;
    return {
      tables: [
        {
          head: ['', 'median', 'range', 'target'],
          rows: [
            row('plain rollout', (p) => p.plainMs, seconds),
            row('governed, three batches', (p) => p.governedMs, seconds),
            row('governed ÷ plain', (p) => p.governedMs / p.plainMs, times, '1.30 ×'),
            row('of the governed one, not waiting for pods', (p) => p.oursMs, seconds),
            row('CPU of the operator for it', (p) => p.cpu, cpu, '0.30 s'),
            ['Argo Rollouts, the same three steps (earlier run)', '9.30 s', '', ''],
            ['CPU of Argo Rollouts for it (earlier run)', '0.27 s', '', ''],
          ],
        },
      ],
      notes: [
        `${PAIRS} pairs, each pushed at the same moment: ${REPLICAS} replicas, 25 % of surge and of unavailability, pods that are ready after 1 to 3 s, batches of 1, 30 % and 100 %, no soak. From the push until the Deployment’s status is what \`kubectl rollout status\` calls complete, from a watch.`,
        'A batch ends when its pods are ready, by its nature: three waits of 1 to 3 s where the plain rollout, which begins with five pods at once, has about two. Not waiting for pods: from the push to the first write that lets pods out, and from the readiness of a batch to the next such write.',
      ],
    };
  },
};
