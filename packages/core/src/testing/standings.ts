// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload, ChangeWorkloadStatus } from '@altershield/api';
import { timeText } from '../change/status.ts';
import { fingerprint } from '../revision/fingerprint.ts';
import { viewDeployment } from '../workload/observe.ts';
import {
  aChange,
  aDeployment,
  aPolicy,
  aReplicaSet,
  aTemplate,
  aWorkload,
  NOW,
  pods,
  tools,
} from './builders.ts';

export const [A, B] = [fingerprint(aTemplate('a')), fingerprint(aTemplate('b'))];
export const status = (
  phase: ChangeWorkloadStatus['phase'],
  more: Partial<ChangeWorkloadStatus> = {},
): ChangeWorkloadStatus => ({
  phase,
  reason: 'BatchReleasing',
  message: '',
  verdict: 'Pending',
  phaseSince: timeText(NOW),
  batch: { index: 1, of: 3, target: 1 },
  ...more,
});
export const change = (
  s?: ChangeWorkloadStatus,
  policy: Parameters<typeof aPolicy>[0] = {},
  spec: Partial<ChangeWorkload['spec']> = {},
  verified = true,
) =>
  aChange({ policy: aPolicy(policy), spec, verified, ...(s === undefined ? {} : { status: s }) });

export const free = (tag: string) =>
  viewDeployment(aDeployment({ tag }), [aReplicaSet('a', 10)], tools);
export const lost = aWorkload({ hold: { state: 'Lost', why: 'it is gone' } });
export const crashed = pods('new', 1, {
  ready: false,
  trouble: { kind: 'Crash', reason: 'CrashLoopBackOff', message: '', container: 'app' },
});
export const out = aWorkload({ bounds: { surge: 1, unavailable: 0 }, paused: false });
export const rest = aWorkload({ bounds: { surge: 0, unavailable: 1 } });
