// SPDX-License-Identifier: Apache-2.0
import { findCondition, isReady } from './conditions.ts';
import type { Pod } from './types.ts';

const PHASES: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

const isPlaced = ({ spec }: Pod): number => (spec.nodeName === undefined ? 0 : 1);
const phase = ({ status }: Pod): number => PHASES[status.phase] ?? 0;
const readiness = (pod: Pod): number => (isReady(pod) ? 1 : 0);
const cost = ({ metadata }: Pod): number =>
  Number(metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0);
const restarts = ({ status }: Pod): number =>
  -Math.max(0, ...(status.containerStatuses ?? []).map(({ restartCount }) => restartCount));

/** Ages are compared by their order of magnitude, so that not always the youngest go first. */
const magnitude = (ms: number): number => Math.floor(Math.log2(Math.max(1, ms / 1000)));
const readySince = (pod: Pod): number =>
  -Date.parse(findCondition(pod.status.conditions, 'Ready')?.lastTransitionTime ?? '') || 0;
const created = ({ metadata }: Pod): number => -Date.parse(metadata.creationTimestamp);

/** The pods that a ReplicaSet deletes first: unplaced, pending, not ready, crowded, young ones. */
export function byDeletionOrder(pods: readonly Pod[]): Pod[] {
  const crowd = new Map<string, number>();
  for (const pod of pods.filter(isReady)) {
    const node = pod.spec.nodeName ?? '';
    crowd.set(node, (crowd.get(node) ?? 0) + 1);
  }
  const crowding = ({ spec }: Pod): number => -(crowd.get(spec.nodeName ?? '') ?? 0);
  const newest = Math.max(...pods.map((pod) => -created(pod)), 0);
  const age = (since: number): number => magnitude(newest + since);
  const ranks = [
    isPlaced,
    phase,
    readiness,
    cost,
    crowding,
    (pod: Pod) => age(readySince(pod)),
    restarts,
    (pod: Pod) => age(created(pod)),
  ];
  return [...pods].sort((a, b) => {
    for (const rank of ranks) {
      const difference = rank(a) - rank(b);
      if (difference !== 0) return difference;
    }
    return a.metadata.uid < b.metadata.uid ? -1 : 1;
  });
}
