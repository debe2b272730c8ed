// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import type { ChangeWorkload } from '@altershield/api';
import { isGated } from '../change/batch.ts';
import type { Goal, WorkloadView } from '../change/model.ts';
import { isOver, statusOf } from '../change/status.ts';
import type { GoodPolicy } from '../policy/match.ts';
import type { Deployment } from './types.ts';

export interface RestInput {
  readonly deployment: Deployment;
  readonly view: WorkloadView;
  /** The policy that matches it; undefined: none does. */
  readonly policy: GoodPolicy | undefined;
  readonly changes: readonly ChangeWorkload[];
}

/**
 * What a workload is to be like while no change of it is being released: protected where a policy
 * releases changes in batches, else without any mark. Undefined while a change decides.
 */
export function restGoal({ deployment, view, policy, changes }: RestInput): Goal | undefined {
  const isReleasing = changes.some(
    (change) =>
      change.spec.target.uid === view.uid &&
      isGated(change.spec) &&
      !isOver(statusOf(change).phase),
  );
  if (isReleasing) return undefined;
  const { mode, release, failurePolicy } = policy?.spec ?? {};
  if (mode === 'Enforce' && release?.strategy === 'Batch') {
    const forgetsActor = changes.some(
      ({ spec }) => spec.target.uid === view.uid && spec.to.fingerprint === view.fingerprint,
    );
    return { type: 'Rest', keepsHold: failurePolicy === 'Fail', forgetsActor };
  }
  const isMarked =
    deployment.metadata.annotations?.[ANNOTATIONS.release] !== undefined ||
    view.revisions.some(({ cap }) => cap !== undefined);
  return isMarked ? { type: 'LetGo' } : undefined;
}
