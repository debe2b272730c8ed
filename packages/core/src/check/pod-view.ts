// SPDX-License-Identifier: Apache-2.0
import type { PodView } from '../change/model.ts';
import type { ContainerStatus, Pod } from '../workload/types.ts';

type PodTrouble = NonNullable<PodView['trouble']>;

/** Waiting reasons that do not pass by themselves. A first ErrImagePull may, its back-off does not. */
const WAITING: Readonly<Record<string, PodTrouble['kind']>> = {
  ImagePullBackOff: 'ImagePull',
  InvalidImageName: 'ImagePull',
  ErrImageNeverPull: 'ImagePull',
  CrashLoopBackOff: 'Crash',
  CreateContainerConfigError: 'ConfigError',
  CreateContainerError: 'ConfigError',
  RunContainerError: 'ConfigError',
};

/** Reduces a pod to what a verdict needs. `unreadyCount` comes from whoever watches the pod. */
export function viewPod(pod: Pod, unreadyCount: number): PodView {
  const { metadata, spec, status } = pod;
  const ready = conditionOf(pod, 'Ready');
  const isReady = ready?.status === 'True';
  const trouble = troubleOf(pod);
  return {
    name: metadata.name,
    uid: metadata.uid,
    node: spec?.nodeName ?? '',
    createdAt: timeOf(metadata.creationTimestamp),
    ready: isReady,
    readySince: isReady ? timeOf(ready.lastTransitionTime) : 0,
    ...(isReady ? {} : { unreadySince: timeOf(ready?.lastTransitionTime) }),
    scheduled: conditionOf(pod, 'PodScheduled')?.status !== 'False',
    restarts: Math.max(0, ...containersOf(status).map((c) => c.restartCount ?? 0)),
    unreadyCount,
    ...hasEnded(status),
    ...(trouble === undefined ? {} : { trouble }),
  };
}

const hasEnded = (status: Pod['status']): Pick<PodView, 'ended'> =>
  status?.phase === 'Failed' ? { ended: true } : {};

const timeOf = (text: string | undefined): number => (text === undefined ? 0 : Date.parse(text));

const conditionOf = ({ status }: Pod, type: string) =>
  status?.conditions?.find((c) => c.type === type);

const containersOf = (status: Pod['status']): readonly ContainerStatus[] => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];

/** The worst first: out of memory explains a crash, a crash explains restarts. */
function troubleOf(pod: Pod): PodTrouble | undefined {
  const found = containersOf(pod.status)
    .map(containerTrouble)
    .filter((t) => t !== undefined);
  return found.find((t) => t.kind === 'OutOfMemory') ?? found[0] ?? podTrouble(pod);
}

const containerTrouble = (status: ContainerStatus): PodTrouble | undefined =>
  outOfMemory(status) ?? waitingTrouble(status);

function outOfMemory({ name, state, lastState }: ContainerStatus): PodTrouble | undefined {
  const ended = state?.terminated ?? lastState?.terminated;
  if (ended?.reason !== 'OOMKilled') return undefined;
  const { message = `exit code ${ended.exitCode ?? 137}` } = ended;
  return { kind: 'OutOfMemory', reason: 'OOMKilled', message, container: name };
}

function waitingTrouble({ name, state }: ContainerStatus): PodTrouble | undefined {
  const { reason = '', message = '' } = state?.waiting ?? {};
  const kind = WAITING[reason];
  return kind === undefined ? undefined : { kind, reason, message, container: name };
}

/** A pod that its node took along, by going away itself, says nothing of the change. */
const TAKEN_ALONG: ReadonlySet<string> = new Set([
  ...['NodeShutdown', 'Shutdown', 'Terminated', 'NodeLost', 'Preempting'],
]);

function podTrouble({ status }: Pod): PodTrouble | undefined {
  const { phase, reason = 'Failed', message = '' } = status ?? {};
  if (phase !== 'Failed' || TAKEN_ALONG.has(reason)) return undefined;
  return { kind: 'Failed', reason, message, container: '' };
}

/** True when a pod that was ready is no longer, of the same pod seen twice. */
export const lostReadiness = (before: Pod, after: Pod): boolean =>
  conditionOf(before, 'Ready')?.status === 'True' &&
  conditionOf(after, 'Ready')?.status === 'False';

/** Those that a ReplicaSet counts: in place of one that ended it makes another. */
export const running = (pods: readonly PodView[]): PodView[] =>
  pods.filter((p) => p.ended !== true);

/** A pod that is going away, or that ended well, is no pod of a batch. */
export const isLeaving = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp !== undefined || status?.phase === 'Succeeded';
