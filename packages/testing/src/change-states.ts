// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload, ChangeWorkloadStatus } from '@altershield/api';
import { timeText } from '../../core/src/change/status.ts';
import { fingerprint } from '../../core/src/revision/fingerprint.ts';
import { viewDeployment } from '../../core/src/workload/deployment/observe.ts';
import {
  aCap,
  aChange,
  aDeployment,
  aHeldDeployment,
  aPolicy,
  aReplicaSet,
  aTemplate,
  NOW,
  pods,
  signing,
} from './builders.ts';

export const [REVISION_A, REVISION_B] = [fingerprint(aTemplate('a')), fingerprint(aTemplate('b'))];
export const status = (
  phase: ChangeWorkloadStatus['phase'],
  more: Partial<ChangeWorkloadStatus> = {},
): ChangeWorkloadStatus => ({
  phase,
  reason: 'BatchReleasing',
  message: '',
  verdict: 'Pending',
  phaseSince: timeText(NOW),
  batch: { index: 1, total: 3, target: 1 },
  ...more,
});
export const change = (
  s?: ChangeWorkloadStatus,
  policy: Parameters<typeof aPolicy>[0] = {},
  spec: Partial<ChangeWorkload['spec']> = {},
  verified = true,
) =>
  aChange({ policy: aPolicy(policy), spec, verified, ...(s === undefined ? {} : { status: s }) });

/** The workload with this image tag, as nothing marks it. */
export const unmarked = (tag: string) =>
  viewDeployment(aDeployment({ tag }), [aReplicaSet('a', 10), aReplicaSet('b', 0)], signing);
/** The workload of a change of which so many pods are released. */
export const released = (n: number) =>
  viewDeployment(
    aHeldDeployment('a', { tag: 'b' }, aCap('a', 'b', n)),
    [aReplicaSet('a', 10 - n), aReplicaSet('b', n)],
    signing,
  );
export const crashedPods = pods('new', 1, {
  ready: false,
  failure: { kind: 'Crash', reason: 'CrashLoopBackOff', message: '', container: 'app' },
});
export const oneReleased = released(1);
