// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { parseReleaseCap, type Deployment } from '@altershield/core';
import type { ClusterAccess } from '../../test/cluster/access.ts';
import { eventually } from '@altershield/testing/eventually';
import { imageOf, isActive, isReady } from '../../test/e2e/support/pods.ts';
import { RELEASE, anApp, type App } from '../../test/e2e/support/story.ts';
import { median, seconds, times } from '../support/figures.ts';
import { live, type Live } from '../support/live.ts';
import type { Section } from '../support/section.ts';

const PAIRS = 5;
const REPLICAS = 10;
const POLICY = { release: { batches: [1, '30%', '100%'], soakSeconds: 0 } };
/** Releases without the plain rollout beside them, whose objects the operator follows as well. */
const ALONE = 3;

interface Pair {
  readonly plainMs: number;
  readonly governedMs: number;
  /** Of the governed one: from the push, or a batch's readiness, to the write that lets out the next pods. */
  readonly oursMs: number;
}

interface Measured {
  readonly pairs: readonly Pair[];
  /** CPU of the operator for a release until its record is closed, nothing else going on; seconds. */
  readonly cpu: readonly number[];
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

async function pair([governed, plain]: readonly [App, App], image: string): Promise<Pair> {
  const since = performance.now();
  const [governedMs, plainMs] = await Promise.all([
    rollOut(governed, image),
    rollOut(plain, image),
  ]);
  await governed.until(image, 'Success');
  return { plainMs, governedMs, oursMs: ourPart(governed, image, since) };
}

async function alone(app: App, image: string, { operator }: Live): Promise<number> {
  // The last events of what went before.
  await sleep(1500);
  const before = operator.cpu;
  await app.setImage(image);
  await app.until(image, 'Success', 120_000);
  return operator.cpu - before;
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

async function measure(on: Live): Promise<Measured> {
  const apps = await twoApps(on.cluster);
  const [pairs, cpu]: [Pair[], number[]] = [[], []];
  try {
    for (let version = 1; version <= PAIRS; version += 1) {
      on.say(`pair ${version}, side by side`);
      pairs.push(await pair(apps, `checkout:v1.${version}`));
    }
    for (let version = 1; version <= ALONE; version += 1) {
      on.say(`governed alone, ${version}`);
      cpu.push(await alone(apps[0], `checkout:v2.${version}`, on));
    }
    return { pairs, cpu };
  } finally {
    await Promise.all(apps.map((app) => app.close()));
  }
}

type Show = (value: number) => string;

function row(name: string, figures: readonly number[], show: Show, target = ''): string[] {
  const range = `${show(Math.min(...figures))} – ${show(Math.max(...figures))}`;
  return [name, show(median(figures)), range, target];
}

const cpuSeconds: Show = (value) => `${value.toFixed(2)} s`;

function rows({ pairs, cpu }: Measured): string[][] {
  const of = (figure: (each: Pair) => number): number[] => pairs.map(figure);
  return [
    row(
      'plain rollout',
      of((p) => p.plainMs),
      seconds,
    ),
    row(
      'governed, three batches',
      of((p) => p.governedMs),
      seconds,
    ),
    row(
      'governed ÷ plain',
      of((p) => p.governedMs / p.plainMs),
      times,
      '1.30 ×',
    ),
    row(
      'of the governed one, not waiting for pods',
      of((p) => p.oursMs),
      seconds,
    ),
    row('CPU of the operator for one', cpu, cpuSeconds, '0.30 s'),
    ['Argo Rollouts, the same three steps (earlier run)', '9.30 s', '', ''],
    ['CPU of Argo Rollouts for it (earlier run)', '0.27 s', '', ''],
  ];
}

export const rollout: Section = {
  name: 'rollout',
  title: 'A governed release beside the plain rollout, on a real control plane',
  run: async (say) => {
    const measured = await live(say, measure);
    return {
      tables: [{ head: ['', 'median', 'range', 'target'], rows: rows(measured) }],
      notes: [
        `${PAIRS} pairs, each pushed at the same moment: ${REPLICAS} replicas, 25 % of surge and of unavailability, pods that are ready after 1 to 3 s, batches of 1, 30 % and 100 %, no soak. From the push until the Deployment’s status is what \`kubectl rollout status\` calls complete, from a watch.`,
        'A batch ends when its pods are ready, by its nature: three waits of 1 to 3 s where the plain rollout, which begins with five pods at once, has about two. Not waiting for pods: from the push to the first write that lets pods out, and from the readiness of a batch to the next such write. CPU: of three more releases, governed ones alone.',
      ],
    };
  },
};
