// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { imageOf, waitingReason } from '../../test/e2e/support/pods.ts';
import type { AppKind } from '../../test/e2e/support/manifests.ts';
import { activeOf, anApp, mostBefore, type App } from '../../test/e2e/support/story.ts';
import { goneAfter } from '../support/beyond.ts';
import { seconds } from '../support/figures.ts';
import { live, type Live } from '../support/live.ts';
import type { Section } from '../support/section.ts';
import { writesOf } from '../support/writes.ts';

const GOOD = 'checkout:v2';
const BAD = 'checkout:bad-3';
const BATCHES = [1, '40%', '100%'];
const POLICY = { release: { batches: BATCHES, soakSeconds: 1 } };
/** One pod at a time, as both kinds update without `maxUnavailable`. */
const UNAVAILABLE = 1;

interface Change {
  readonly workload: number;
  readonly all: number;
  readonly beyond: number;
  readonly below: number;
  readonly ms: number;
}

interface Figures {
  readonly replicas: number;
  readonly good: Change;
  readonly bad: Change;
  readonly goneMs: number;
  readonly badPods: number;
}

async function watched(app: App, image: string, work: () => Promise<unknown>): Promise<Change> {
  const { cluster, namespace, timeline } = app;
  const [since, began] = [new Date(), performance.now()];
  await work();
  const ms = performance.now() - began;
  // The last Event is written after the record is closed.
  await sleep(1500);
  const { workload, records } = await writesOf(cluster, { namespace, since });
  const { length: replicas } = timeline.pods;
  return {
    ...{ workload, ms, all: workload + records },
    beyond: await beyondBatches(app, image),
    below: Math.max(0, replicas - UNAVAILABLE - timeline.minReady(began)),
  };
}

/** A batch is recorded before its first pod is released, so until then the one before it bounds. */
async function beyondBatches(app: App, image: string): Promise<number> {
  const changes = await app.changes();
  const change = changes.find(({ spec }) => spec.to.images?.[0] === image)?.metadata.uid;
  const batches = (await app.batches()).filter(({ spec }) => spec.change.uid === change);
  const most = batches.map(({ spec }) => {
    const until = Date.parse(spec.releasedAt);
    return mostBefore(app.timeline, image, until) - spec.previous;
  });
  return Math.max(0, ...most);
}

interface Measured {
  readonly kind: AppKind;
  readonly sizes: readonly number[];
  readonly spec: object;
}

async function measure(
  { cluster, say }: Live,
  { kind, spec }: Measured,
  replicas: number,
): Promise<Figures> {
  const wishes = { spec: { ...spec } };
  const app = await anApp(cluster, { kind, replicas, policy: POLICY, wishes });
  try {
    say(`${replicas} pods: a good change in three batches`);
    const good = await watched(app, GOOD, async () => {
      await app.setImage(GOOD);
      await app.until(GOOD, 'Success', 400_000);
    });
    say(`${replicas} pods: a bad change`);
    const bad = await watched(app, BAD, async () => {
      await app.setImage(BAD);
      await app.untilOut(BAD, 1);
      await app.pods.until('no bad pod', ({ pods }) => activeOf(pods, BAD) === 0, 60_000);
      await app.until(BAD, 'RolledBack');
    });
    const goneMs = goneAfter(
      app.timeline,
      (pod) => imageOf(pod) === BAD,
      (pod) => waitingReason(pod) === 'ImagePullBackOff',
    );
    return { replicas, good, bad, goneMs, badPods: app.timeline.everCreated(BAD) };
  } finally {
    await app.close();
  }
}

const row = ({ replicas, good, bad, goneMs, badPods }: Figures): string[] => [
  `${replicas} pods`,
  seconds(goneMs),
  String(badPods),
  String(Math.max(good.beyond, bad.beyond)),
  String(Math.max(good.below, bad.below)),
  seconds(good.ms),
  `${good.workload}, ${good.all}`,
  `${bad.workload}, ${bad.all}`,
];

const sectionOf = (
  measured: Measured,
  { name, note }: { readonly name: string; readonly note: string },
): Section => ({
  name,
  title: `A good and a bad change of a ${measured.kind}, on a real control plane`,
  run: async (say) => {
    const figures = await live(say, async (running) => {
      const all: Figures[] = [];
      for (const replicas of measured.sizes) {
        all.push(await measure(running, measured, replicas));
      }
      return all;
    });
    return {
      tables: [
        {
          head: [
            '',
            'evidence → no bad pod left',
            'bad pods',
            'beyond the batch',
            'ready below the bound',
            'good change',
            'its writes: workload, all',
            'bad change: workload, all',
          ],
          rows: figures.map(row),
        },
      ],
      notes: [
        note,
        'Evidence: the pod status that shows ImagePullBackOff, as a watch delivers it; the end: the watch shows no active pod of the bad image. Goal: 1 s beside what the controller takes.',
      ],
    };
  },
});

export const statefulSet = sectionOf(
  {
    kind: 'StatefulSet',
    sizes: [5, 50],
    // Created at once; its controller updates one pod at a time all the same.
    spec: { podManagementPolicy: 'Parallel' },
  },
  {
    name: 'stateful-set',
    note: 'Writes by the operator’s user, from the API server’s audit log; pods that it deletes are not among them. A good change has three batches: two writes for each, to open and to close the partition, and one that gives the strategy back.',
  },
);

export const daemonSet = sectionOf(
  { kind: 'DaemonSet', sizes: [10, 100], spec: {} },
  {
    name: 'daemon-set',
    note: 'Writes by the operator’s user, from the API server’s audit log; pods that it deletes are not among them, but the patch is that tests the DaemonSet before they go. With one pod unavailable at a time, that is one for each pod of the first two batches.',
  },
);
