// SPDX-License-Identifier: Apache-2.0
import { withCondition } from './conditions.ts';
import {
  type Condition,
  type Container,
  type ContainerState,
  type ContainerStatus,
  type Pod,
  type PodStatus,
} from './types.ts';

/** What a container does at one moment, and what that makes of its pod. */
export interface Moment {
  readonly state: ContainerState;
  readonly lastState?: ContainerState;
  readonly isReady: boolean;
  readonly restartCount?: number;
  readonly phase: 'Pending' | 'Running';
}

/** A pod's status as its kubelet writes it, when all its containers share one moment. */
export function podStatus(pod: Pod, moment: Moment, now: string): PodStatus {
  const names = pod.spec.containers.map(({ name }) => name);
  const condition = (type: string, isTrue: boolean, why: Partial<Condition> = {}): Condition => ({
    type,
    status: isTrue ? 'True' : 'False',
    lastTransitionTime: now,
    ...(isTrue ? {} : why),
  });
  const unready = {
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${names.join(' ')}]`,
  };
  const isStarted = moment.phase === 'Running';
  const conditions = [
    condition('PodReadyToStartContainers', true),
    condition('Initialized', true),
    condition('Ready', moment.isReady, unready),
    condition('ContainersReady', moment.isReady, unready),
  ].reduce(withCondition, pod.status.conditions ?? []);
  return {
    ...pod.status,
    phase: moment.phase,
    conditions,
    hostIP: '10.0.0.1',
    ...(isStarted ? { podIP: '10.1.0.1' } : {}),
    startTime: pod.status.startTime ?? now,
    containerStatuses: pod.spec.containers.map((one) => containerStatus(one, moment, pod)),
  };
}

function containerStatus(container: Container, moment: Moment, pod: Pod): ContainerStatus {
  const hasRun = moment.state.waiting?.reason !== 'ErrImagePull' && moment.phase === 'Running';
  const id = `${pod.metadata.uid}-${container.name}-${moment.restartCount ?? 0}`;
  return {
    name: container.name,
    image: container.image,
    imageID: hasRun ? `sandbox://sha256/${container.image}` : '',
    ...(hasRun ? { containerID: `sandbox://${id}` } : {}),
    ready: moment.isReady,
    started: moment.state.running !== undefined,
    restartCount: moment.restartCount ?? 0,
    state: moment.state,
    lastState: moment.lastState ?? {},
  };
}
