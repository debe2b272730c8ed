// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { ADAPTERS, groupKind, type WorkloadAdapter } from '@altershield/core';

/** What a kind's descriptor may declare that a hold does not stop. */
export type Leak =
  | 'ScaleUpInBatch'
  | 'ScaleUpFromZero'
  | 'RevisionInBatch'
  | 'LostRevision'
  | 'ScaleUp'
  | 'PodReplaced';

/** What tests have to know of a kind to write its objects as users do. */
export interface KindUnderTest {
  readonly adapter: WorkloadAdapter;
  /** Fields that each object of the kind needs, beside replicas, selector and pod template. */
  readonly spec: object;
  /** It runs one pod on each labeled node, and has no replicas. */
  readonly isPerNode?: true;
  /** How its users have pods replaced: fields of the spec. The first is the one to begin with. */
  readonly strategies: readonly object[];
  /** Within which ten pods are created and ready. */
  readonly readyDeadlineSeconds: number;
  /** The sandbox's controllers that replace its pods. */
  readonly controllers: readonly ('deployment' | 'replicaSet' | 'statefulSet' | 'daemonSet')[];
  /** Fields that undo the edits. */
  readonly plain: object;
  /** Other fields that users edit at any time, by a merge patch. */
  readonly edits: readonly object[];
  /** A strategy that its users may choose and AlterShield cannot release by. */
  readonly unsupported?: object;
  /** What each sentence of the descriptor's `leaks` stands for. */
  readonly leaks: Readonly<Record<string, Leak>>;
}

const deployment = (rollingUpdate: object) => ({
  strategy: { type: 'RollingUpdate', rollingUpdate },
});
const statefulSet = (rollingUpdate: object) => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate },
});

const daemonSet = (rollingUpdate: object) => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate },
});

type Known = Omit<KindUnderTest, 'adapter'>;

const KNOWN: Readonly<Record<string, Known>> = {
  'Deployment.apps': {
    spec: {},
    strategies: [
      deployment({ maxSurge: '25%', maxUnavailable: '25%' }),
      deployment({ maxSurge: 1, maxUnavailable: 0 }),
      deployment({ maxSurge: 0, maxUnavailable: 2 }),
      deployment({ maxSurge: '100%', maxUnavailable: 0 }),
    ],
    edits: [{ paused: true }, { paused: false }],
    readyDeadlineSeconds: 30,
    controllers: ['deployment', 'replicaSet'],
    plain: { paused: false, ...deployment({ maxSurge: '25%', maxUnavailable: '25%' }) },
    leaks: {},
  },
  'StatefulSet.apps': {
    spec: { serviceName: 'checkout' },
    strategies: [
      statefulSet({ partition: 0 }),
      statefulSet({ partition: 0, maxUnavailable: 2 }),
      statefulSet({ partition: 0, maxUnavailable: '50%' }),
    ],
    edits: [
      statefulSet({ partition: 2 }),
      { updateStrategy: { type: 'OnDelete', rollingUpdate: null } },
    ],
    // One after the other; only then are pods updated.
    readyDeadlineSeconds: 120,
    controllers: ['statefulSet'],
    plain: statefulSet({ partition: 0, maxUnavailable: 1 }),
    unsupported: { updateStrategy: { type: 'OnDelete' } },
    leaks: {
      'pods that a scale-up creates while a batch is being released are updated ones':
        'ScaleUpInBatch',
      'pods of a third revision that is applied during a batch while no operator answers: as many as the batch has':
        'RevisionInBatch',
      'stable pods that are replaced after the ControllerRevision of the verified revision was deleted come back updated':
        'LostRevision',
      'all pods, when a held change is scaled to zero and up again: at zero replicas the controller takes the update for complete':
        'ScaleUpFromZero',
    },
  },
  'DaemonSet.apps': {
    isPerNode: true,
    spec: {},
    strategies: [
      daemonSet({ maxUnavailable: 1 }),
      daemonSet({ maxUnavailable: 2 }),
      daemonSet({ maxUnavailable: '50%' }),
    ],
    edits: [
      daemonSet({ maxUnavailable: 3 }),
      { updateStrategy: { type: 'OnDelete', rollingUpdate: null } },
    ],
    readyDeadlineSeconds: 30,
    controllers: ['daemonSet'],
    plain: daemonSet({ maxUnavailable: 1, maxSurge: 0 }),
    unsupported: { updateStrategy: { type: 'OnDelete' } },
    leaks: {
      'the pod of a new node': 'ScaleUp',
      'a pod that replaces one that was deleted or evicted, or that ended': 'PodReplaced',
    },
  },
};

/** Pods of these kinds run to completion: they are tested by stories of their own. */
const RUN_TO_COMPLETION: ReadonlySet<string> = new Set(['Job.batch', 'CronJob.batch']);

/**
 * Every kind of the registry whose pods stay. One that is not described here has no tests, and that is
 * a failure.
 */
export const KINDS: readonly KindUnderTest[] = ADAPTERS.filter(
  ({ descriptor }) => !RUN_TO_COMPLETION.has(groupKind(descriptor.resource)),
).map((adapter) => {
  const name = groupKind(adapter.descriptor.resource);
  const known = KNOWN[name];
  assert.ok(known, `${name} is described in test/support/kinds.ts`);
  return { adapter, ...known };
});

export const kindNamed = (kind: string): KindUnderTest =>
  KINDS.find(({ adapter }) => adapter.descriptor.resource.kind === kind) ??
  assert.fail(`no kind ${kind}`);

/** Key of the kind in the sandbox's store. */
export const storeType = ({ adapter: { descriptor } }: Pick<KindUnderTest, 'adapter'>): string =>
  `${descriptor.resource.plural}.${descriptor.resource.group}`;

export function workloadPath(
  { adapter: { descriptor } }: Pick<KindUnderTest, 'adapter'>,
  { namespace = 'shop', name = 'checkout' } = {},
): string {
  const { group, version, plural } = descriptor.resource;
  return `/apis/${group}/${version}/namespaces/${namespace}/${plural}/${name}`;
}
