// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadStatus, Reason, Verdict } from '@altershield/api';
import type { Decision, Observation } from './observation.ts';
import type { Goal } from '../workload/goal.ts';
import { move } from './status.ts';

export interface Because {
  readonly reason: Reason;
  readonly message: string;
  readonly verdict?: Verdict;
}

/** Stops where it stands: nothing more is released until a user decides. */
export function suspend(
  o: Observation,
  status: ChangeWorkloadStatus,
  { reason, message, verdict }: Because,
): Decision {
  const moved = move(status, o.now, ['Suspend', reason], message);
  const next = verdict === undefined ? moved : { ...moved, verdict };
  return { status: next, goal: holdGoal(o) };
}

/** Where a change goes from and to, as goals name it. */
export const routeOf = ({ change: { spec } }: Observation) => ({
  from: spec.from?.fingerprint ?? '',
  to: spec.to.fingerprint,
});

export const holdGoal = (o: Observation): Goal => ({ type: 'Hold', ...routeOf(o) });
