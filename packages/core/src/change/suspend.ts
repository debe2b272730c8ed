// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadStatus, Reason, Verdict } from '@altershield/api';
import type { Decision, Observation } from './observation.ts';
import type { Goal } from '../workload/goal.ts';
import { strategyOf } from './enforcement.ts';
import { move } from './status.ts';

export interface Explanation {
  readonly reason: Reason;
  readonly message: string;
  readonly verdict?: Verdict;
}

/** Suspends the change: no more pods are released until a user decides. */
export function suspend(
  observation: Observation,
  status: ChangeWorkloadStatus,
  { reason, message, verdict }: Explanation,
): Decision {
  const moved = move(status, observation.now, ['Suspend', reason], message);
  const next = verdict === undefined ? moved : { ...moved, verdict };
  return { status: next, goal: holdGoal(observation, reason) };
}

/** Fingerprints of the revisions that a change goes from and to, as goals use them. */
export const routeOf = ({ change: { spec } }: Observation) => ({
  from: spec.from?.fingerprint ?? '',
  to: spec.to.fingerprint,
});

/** Reasons for which the pods of a change that cannot be rolled back are stopped. */
const FAILED: ReadonlySet<string> = new Set([
  'CheckFailed',
  'NoVerifiedRevision',
] satisfies Reason[]);

export const holdGoal = (observation: Observation, reason = ''): Goal => ({
  type: 'Hold',
  ...(FAILED.has(reason) ? { stops: true } : {}),
  ...(strategyOf(observation.change.spec) === 'BlueGreen' ? { isBeside: true } : {}),
  ...routeOf(observation),
});
