// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import type { ValidPolicy } from '../policy/match.ts';
import { strategyFor, usesSteps } from '../policy/strategy.ts';
import type { KindDescriptor } from '../workload/adapter.ts';
import type { Goal } from '../workload/goal.ts';
import type { WorkloadView } from '../workload/view.ts';
import { isEnforced } from './enforcement.ts';
import { isOver, statusOf } from './status.ts';

export interface RestInput {
  readonly descriptor: KindDescriptor;
  readonly view: WorkloadView;
  /** The policy that matches the workload; undefined: none does. */
  readonly policy: ValidPolicy | undefined;
  readonly changes: readonly ChangeWorkload[];
}

/**
 * The goal for a workload while no change of it is being released: protected where a policy
 * releases changes in batches, otherwise without annotations. Undefined while a change decides.
 */
export function restGoal({ descriptor, view, policy, changes }: RestInput): Goal | undefined {
  if (changes.some((change) => change.spec.target.uid === view.uid && writes(change))) {
    return undefined;
  }
  const { mode, release = {}, failurePolicy } = policy?.spec ?? {};
  if (mode === 'Enforce' && usesSteps(strategyFor(release, descriptor).strategy)) {
    const forgetsActor = changes.some(
      ({ spec }) => spec.target.uid === view.uid && spec.to.fingerprint === view.fingerprint,
    );
    return { type: 'Rest', keepsHold: failurePolicy === 'Fail', forgetsActor };
  }
  return view.isMarked ? { type: 'Restore' } : undefined;
}

/** Whether AlterShield writes to the workload for this change: it releases it, or rolls it back. */
function writes(change: ChangeWorkload): boolean {
  const { phase, reason } = statusOf(change);
  if (isOver(phase)) return false;
  return isEnforced(change.spec) || (phase === 'RollingBack' && reason !== 'RevertedByUser');
}
