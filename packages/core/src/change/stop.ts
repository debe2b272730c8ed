// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadStatus, Reason, Verdict } from '@altershield/api';
import type { Action, Decision, Observation, WorkloadView } from './model.ts';
import { move } from './status.ts';

export interface Because {
  readonly reason: Reason;
  readonly message: string;
  readonly verdict?: Verdict;
}

/** Stops where it stands: nothing more is let out until a person decides. */
export function suspend(
  o: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
  { reason, message, verdict }: Because,
): Decision {
  const moved = move(status, o.now, ['Suspend', reason], message);
  const next = verdict === undefined ? moved : { ...moved, verdict };
  const action = stopAction(o, workload);
  return action === undefined ? { status: next } : { status: next, action };
}

/** What makes the workload stand still; nothing when it does, or when we must not touch it. */
export function stopAction(o: Observation, workload: WorkloadView): Action | undefined {
  switch (workload.hold.state) {
    case 'Lost':
      return undefined;
    case 'Held':
      return workload.paused ? undefined : { type: 'Pause' };
    case 'None':
      return takeOver(o, workload);
  }
}

/** Holds a workload that admission did not. */
export function takeOver({ change }: Observation, workload: WorkloadView): Action {
  const { from, to } = change.spec;
  const id = change.metadata.uid;
  const pods = podsAskedFor(workload);
  return { type: 'TakeOver', id, from: from?.fingerprint ?? '', to: to.fingerprint, pods };
}

/** What all revisions ask for together, whether the pods are there or not. */
export const podsAskedFor = ({ revisions }: WorkloadView): number =>
  revisions.reduce((sum, r) => sum + r.replicas, 0);
