// SPDX-License-Identifier: Apache-2.0
import type {
  Condition,
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodStatus,
} from './types.ts';

/** The state of a container from one moment on, and the resulting state of its pod. */
export interface Moment {
  readonly state: ContainerState;
  /** Default: unchanged. */
  readonly lastState?: ContainerState;
  readonly isReady: boolean;
  readonly restartCount: number;
  readonly phase: PodStatus['phase'];
  /** Only while the sandbox of the pod is being made. */
  readonly isCreating?: boolean;
}

/** Which containers share the moment; the others are well as soon as anything runs. */
export type IsScripted = (container: Container) => boolean;

interface Kubelet {
  readonly now: string;
  readonly isScripted: IsScripted;
}

/** A pod's status as its kubelet writes it. */
export function podStatus(pod: Pod, moment: Moment, kubelet: Kubelet): PodStatus {
  const scripted = pod.spec.containers.filter(kubelet.isScripted);
  const containerStatuses = pod.spec.containers.map((container) =>
    scripted.includes(container)
      ? statusOf(container, moment, pod)
      : neighbor(container, moment, pod, kubelet.now),
  );
  const isPlaced = moment.isCreating !== true;
  return {
    ...pod.status,
    phase: moment.phase,
    conditions: conditions(pod, containerStatuses, { isPlaced, phase: moment.phase }, kubelet.now),
    hostIP: '10.0.0.1',
    hostIPs: [{ ip: '10.0.0.1' }],
    ...(isPlaced ? { podIP: '10.1.0.1', podIPs: [{ ip: '10.1.0.1' }] } : {}),
    startTime: pod.status.startTime ?? kubelet.now,
    containerStatuses,
  };
}

function conditions(
  pod: Pod,
  statuses: readonly ContainerStatus[],
  { isPlaced, phase }: { readonly isPlaced: boolean; readonly phase: PodStatus['phase'] },
  now: string,
): readonly Condition[] {
  const unready = statuses.filter(({ ready }) => !ready).map(({ name }) => name);
  const ended = { Succeeded: 'PodCompleted', Failed: 'PodFailed', Running: '', Pending: '' }[phase];
  const why =
    ended === ''
      ? {
          reason: 'ContainersNotReady',
          message: `containers with unready status: [${unready.join(' ')}]`,
        }
      : { reason: ended };
  const isReady = unready.length === 0;
  return [
    condition('PodReadyToStartContainers', isPlaced, now),
    condition('Initialized', true, now),
    { ...condition('Ready', isReady, now), ...(isReady ? {} : why) },
    { ...condition('ContainersReady', isReady, now), ...(isReady ? {} : why) },
  ].reduce(renewed, pod.status.conditions ?? []);
}

/** A kubelet keeps the order of conditions, and the transition time while the status stays. */
function renewed(conditions: readonly Condition[], next: Condition): readonly Condition[] {
  const at = conditions.findIndex(({ type }) => type === next.type);
  const current = conditions[at];
  if (current === undefined) return [...conditions, next];
  const { lastTransitionTime } = current.status === next.status ? current : next;
  return conditions.with(at, { ...next, lastTransitionTime });
}

const condition = (type: string, isTrue: boolean, now: string): Condition => ({
  type,
  status: isTrue ? 'True' : 'False',
  lastTransitionTime: now,
});

function neighbor(container: Container, moment: Moment, pod: Pod, now: string): ContainerStatus {
  if (moment.isCreating === true) return statusOf(container, moment, pod);
  const known = pod.status.containerStatuses?.find(({ name }) => name === container.name);
  if (known?.state.running !== undefined) return known;
  const state = { running: { startedAt: now } };
  return statusOf(container, { state, isReady: true, restartCount: 0, phase: 'Running' }, pod);
}

function statusOf({ name, image }: Container, moment: Moment, pod: Pod): ContainerStatus {
  const known = pod.status.containerStatuses?.find((status) => status.name === name);
  const { state, isReady, restartCount, lastState = known?.lastState ?? {} } = moment;
  const hasRun = state.waiting === undefined || lastState.terminated !== undefined;
  return {
    name,
    image,
    imageID: hasRun ? `sha256:${image}` : '',
    ...(hasRun ? { containerID: `containerd://${pod.metadata.uid}/${name}/${restartCount}` } : {}),
    ready: isReady,
    started: state.running !== undefined,
    restartCount,
    state,
    lastState,
  };
}
