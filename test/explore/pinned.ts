// SPDX-License-Identifier: Apache-2.0
import type { Story, Timed } from './story.ts';

interface Pinned {
  /** What the operator must do in this story. */
  readonly title: string;
  readonly story: Story;
}

/** From now on nothing more comes from the watch whose line this is. */
const stall = (skip: number, thenMs: number): Timed => ({
  ...{ do: 'fault', on: 'line', skip, fault: { kind: 'stall' }, thenMs },
});
const push = (version: string, thenMs: number): Timed => ({ do: 'set image', version, thenMs });

/** As many of the operator's next writes never reach the API server. */
const lostWrites = (count: number): Timed[] =>
  Array.from({ length: count }, () => ({
    ...{ do: 'fault', on: 'write', lost: 'call', skip: 1, fault: { kind: 'reset' }, thenMs: 0 },
  }));

const deployment = (maxSurge: number | string, maxUnavailable: number | string = 0) => ({
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
});
const statefulSet = (more: object = {}) => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0, ...more } },
});
const daemonSet = (maxUnavailable: number | string) => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable } },
});
const batches = (soakSeconds: number, ...sizes: readonly (number | string)[]) => ({
  ...{ failurePolicy: 'Ignore' as const, release: { batches: sizes, soakSeconds } },
});

/** Stories that broke a law once, as seeds found them and shrinking left them. */
export const PINNED: readonly Pinned[] = [
  {
    title: 'the deadline of missing pods starts when they are missing',
    story: {
      ...{
        seed: 476,
        kind: 'DaemonSet',
        replicas: 4,
        strategy: daemonSet(2),
        policy: batches(1, 1),
      },
      actions: [
        stall(8, 0),
        push('noready2', 1000),
        { do: 'decide', action: 'RollBack', thenMs: 0 },
      ],
    },
  },
  {
    title: 'pods of a revision that the cache lacks are not called missing',
    story: {
      ...{ seed: 41, kind: 'StatefulSet', replicas: 4, strategy: statefulSet() },
      policy: batches(5, 1, '100%'),
      actions: [stall(47, 1000), push('crash2', 8000), push('3', 3000), push('slow4', 50)],
    },
  },
  {
    title: 'ready pods go only while the others are still there',
    story: {
      ...{ seed: 25, kind: 'Deployment', replicas: 4, strategy: deployment(1) },
      policy: { ...batches(1, 1, '50%', '100%'), onFail: 'Suspend', failurePolicy: 'Fail' },
      actions: [stall(55, 300), push('slow2', 20_000), push('3', 300)],
    },
  },
  {
    title: 'a pod that became ready is not deleted as an unready one',
    story: {
      ...{
        seed: 7,
        kind: 'StatefulSet',
        replicas: 3,
        strategy: statefulSet({ maxUnavailable: 2 }),
      },
      policy: batches(5, 1, '50%', '100%'),
      actions: [stall(49, 300), push('2', 20_000), push('3', 50), push('bad4', 8000)],
    },
  },
  {
    title: 'pods that are gone do not pay for those that a batch deletes',
    story: {
      ...{ seed: 189, kind: 'DaemonSet', replicas: 4, strategy: daemonSet('50%') },
      policy: batches(3, '50%', '100%'),
      actions: [stall(3, 50), { do: 'scale', replicas: 2, thenMs: 20_000 }, push('noready2', 8000)],
    },
  },
  {
    title: 'a change that was found late is recorded once',
    story: {
      ...{ seed: 156, kind: 'Deployment', replicas: 4, strategy: deployment('100%') },
      policy: batches(5, 1, '50%', '100%'),
      actions: [
        stall(12, 50),
        push('slow2', 1000),
        { do: 're-create', version: 'again813', absentMs: 5000, thenMs: 20_000 },
        push('slow3', 8000),
      ],
    },
  },
  {
    title: 'the fields of a template are its user’s also when the rollback is observed late',
    story: {
      ...{ seed: 149, kind: 'Deployment', replicas: 5, strategy: deployment('25%', '25%') },
      policy: { ...batches(3, 1, '100%'), failurePolicy: 'Fail' },
      actions: [stall(23, 1000), push('oom2', 8000)],
    },
  },
  {
    title: 'GitOps cannot apply a revision again that was rolled back',
    story: {
      ...{ seed: 1, kind: 'Deployment', replicas: 4, strategy: deployment(1) },
      policy: batches(1, 1, '100%'),
      actions: [push('bad2', 20_000), push('bad2', 8000)],
    },
  },
  {
    title: 'a rollback whose write is lost is repeated',
    story: {
      ...{ seed: 1, kind: 'StatefulSet', replicas: 3, strategy: statefulSet() },
      policy: batches(1, 1, '100%'),
      actions: [
        push('noready2', 20_000),
        ...lostWrites(8),
        { do: 'decide', action: 'RollBack', thenMs: 20_000 },
      ],
    },
  },
  {
    title: 'a scale-down while no replica leads takes released pods back',
    story: {
      ...{ seed: 1, kind: 'Deployment', replicas: 5, strategy: deployment(1) },
      policy: batches(5, 3, '100%'),
      actions: [
        push('slow2', 12_000),
        { do: 'lose the lease', leaderlessMs: 15_000, thenMs: 50 },
        { do: 'scale', replicas: 3, thenMs: 20_000 },
      ],
    },
  },
  {
    title: 'the broken pods of a StatefulSet are gone after a rollback',
    story: {
      ...{ seed: 1, kind: 'StatefulSet', replicas: 4, strategy: statefulSet() },
      policy: batches(1, 2, '100%'),
      actions: [push('crash2', 20_000)],
    },
  },
  {
    title: 'a verified change is rolled back whole when a user asks for it',
    story: {
      ...{ seed: 385, kind: 'Deployment', replicas: 3, strategy: deployment('100%') },
      policy: { ...batches(1, 1), failurePolicy: 'Fail' },
      actions: [
        push('2', 20_000),
        ...lostWrites(1),
        { do: 'decide', action: 'RollBack', thenMs: 0 },
      ],
    },
  },
];
