// SPDX-License-Identifier: Apache-2.0
import type { PodView } from './pod-view.ts';
import type { ContainerStatus, Pod } from './pod.ts';
import { containersOf, isExpectedRestart, lastEnd } from './restart-rules.ts';

type PodFailure = NonNullable<PodView['failure']>;

/**
 * Waiting reasons that are evidence on their own. A first ErrImagePull may be transient, its
 * back-off is not; a config error may be transient and has a grace period.
 */
const WAITING: Readonly<Record<string, PodFailure['kind']>> = {
  ImagePullBackOff: 'ImagePull',
  InvalidImageName: 'ImagePull',
  ErrImageNeverPull: 'ImagePull',
  CrashLoopBackOff: 'Crash',
  CreateContainerConfigError: 'ConfigError',
  CreateContainerError: 'ConfigError',
  RunContainerError: 'ConfigError',
};

/**
 * Out of memory takes precedence because it explains a crash. A config error comes last because it
 * may be transient.
 */
export function podFailure(pod: Pod): PodFailure | undefined {
  const found = containersOf(pod)
    .map((container) => outOfMemory(container) ?? waitingFailure(container, pod))
    .filter((failure) => failure !== undefined);
  return (
    found.find(({ kind }) => kind === 'OutOfMemory') ??
    found.find(({ kind }) => kind !== 'ConfigError') ??
    found[0] ??
    endedFailure(pod)
  );
}

function outOfMemory(container: ContainerStatus): PodFailure | undefined {
  const end = lastEnd(container);
  if (end?.reason !== 'OOMKilled') return undefined;
  const { message = `exit code ${end.exitCode ?? 137}` } = end;
  return { kind: 'OutOfMemory', reason: 'OOMKilled', message, container: container.name };
}

function waitingFailure(container: ContainerStatus, pod: Pod): PodFailure | undefined {
  const { reason = '', message = '' } = container.state?.waiting ?? {};
  const kind = WAITING[reason];
  if (kind === undefined) return undefined;
  if (kind === 'Crash' && isExpectedRestart(pod, container)) return undefined;
  return { kind, reason, message, container: container.name };
}

/** The pod failed because its node went away or needed the place. */
const NODE_LOSS_REASONS: ReadonlySet<string> = new Set([
  ...['NodeShutdown', 'Shutdown', 'Terminated', 'NodeLost', 'Preempting'],
]);

function endedFailure(pod: Pod): PodFailure | undefined {
  const { phase, reason = 'Failed', message = '' } = pod.status ?? {};
  if (phase !== 'Failed' || NODE_LOSS_REASONS.has(reason)) return undefined;
  if (nodeRejection(pod) !== undefined) return undefined;
  return { kind: 'Failed', reason, message, container: '' };
}

/** Reasons with which a kubelet rejects a pod, even one that ran before the kubelet restarted. */
const NODE_REJECTION =
  /^(OutOf.+|Insufficient.+|UnexpectedAdmissionError|InvalidNodeInfo|NodeAffinity|NodeName|NodePorts|NodeUnschedulable|TaintToleration|TopologyAffinityError|VolumeAttachmentLimitExceeded)$/;

/**
 * Reasons with which a kubelet rejects a pod because of its template: every node would reject it.
 */
const TEMPLATE_REJECTIONS: ReadonlySet<string> = new Set([
  ...['SysctlForbidden', 'AppArmor', 'PodOSNotSupported', 'PodOSSelectorNodeLabelDoesNotMatch'],
  'InitContainerRestartPolicyForbidden',
]);

/**
 * Why the node rejected the pod, if none of its containers ever ran because of the node. This is
 * not evidence about the change: the scheduler and the kubelet disagreed, or the node was full.
 */
export function nodeRejection(pod: Pod): PodView['nodeRejection'] {
  const { phase, reason = 'Failed', message = '' } = pod.status ?? {};
  if (phase !== 'Failed' || TEMPLATE_REJECTIONS.has(reason)) return undefined;
  if (NODE_REJECTION.test(reason)) return { reason, message };
  return hasRun(pod) ? undefined : { reason, message };
}

/**
 * A pod that is evicted while running may lose its container states; its message shows whether it
 * ran.
 */
function hasRun(pod: Pod): boolean {
  const containers = containersOf(pod);
  const { reason, message = '' } = pod.status ?? {};
  if (reason === 'Evicted' && containers.length === 0) return !ADMISSION_EVICTION.test(message);
  return containers.some(
    ({ state, lastState, restartCount = 0 }) =>
      restartCount > 0 ||
      state?.running !== undefined ||
      state?.terminated !== undefined ||
      lastState?.terminated !== undefined,
  );
}

const ADMISSION_EVICTION = /the node had condition/i;
