// SPDX-License-Identifier: Apache-2.0
import type { ChangeApproval, ChangeWorkload, ChangeWorkloadStatus } from '@altershield/api';
import { objectionTo } from './approval.ts';
import type { ApprovalAnswer, Observation } from './observation.ts';

const effectiveOf = ({ status }: ChangeApproval) =>
  status?.conditions?.find(({ type }) => type === 'Effective');

export const isAnswered = (approval: ChangeApproval): boolean =>
  effectiveOf(approval) !== undefined;

/** The answers that are not given yet, or that time has made wrong. */
export function answersTo(
  { approvals = [], change, now }: Observation,
  status: ChangeWorkloadStatus,
): readonly ApprovalAnswer[] {
  const seen = { ...change, status };
  return approvals.flatMap((approval) => {
    const answer =
      approval.spec.decision === 'Approve'
        ? answerToApproval(approval, seen, now)
        : answerToDecision(approval, status);
    return answer === undefined ? [] : [{ approval, ...answer }];
  });
}

type Answer = Omit<ApprovalAnswer, 'approval'>;

function answerToApproval(
  approval: ChangeApproval,
  change: ChangeWorkload,
  now: number,
): Answer | undefined {
  const given = effectiveOf(approval);
  const isUsed = usedBy(approval, change) !== undefined;
  const objection = isUsed ? undefined : objectionTo(approval, change, now);
  if (given !== undefined) {
    const isExpired = given.status === 'True' && objection?.reason === 'Expired';
    return isExpired ? { status: 'False', ...objection } : undefined;
  }
  if (objection !== undefined) return { status: 'False', ...objection };
  const { batch } = approval.spec;
  const what = batch === undefined ? 'the change' : `batch ${batch}`;
  return { status: 'True', reason: 'Counted', message: `it counts for ${what}` };
}

function answerToDecision(
  approval: ChangeApproval,
  status: ChangeWorkloadStatus,
): Answer | undefined {
  if (isAnswered(approval)) return undefined;
  const { decision, author } = approval.spec;
  if (decision === 'Reject' && author === undefined) {
    const message = 'admission did not see it, so its author is not known; delete it, reject again';
    return { status: 'False', reason: 'Unsigned', message };
  }
  const done = usedBy(approval, { status });
  if (done === undefined) return undefined;
  if (done.carriedOut) return { status: 'True', reason: 'CarriedOut', message: status.message };
  const message = `${decision} does not apply: the change is ${status.phase}`;
  return { status: 'False', reason: 'NotApplicable', message };
}

/** The entry on the record that an approval led to. */
const usedBy = (
  { metadata: { uid } }: ChangeApproval,
  { status }: Pick<ChangeWorkload, 'status'>,
) => status?.decisions?.find(({ approval }) => approval === uid);

/** The answer to an approval of a change that does not exist. */
export const unknownChange = (approval: ChangeApproval): ApprovalAnswer => ({
  approval,
  status: 'False',
  reason: 'UnknownChange',
  message: `there is no change ${approval.spec.change.name}; \`altershield get\` lists the changes`,
});
