// SPDX-License-Identifier: Apache-2.0
import type {
  ApprovalReason,
  ChangeApproval,
  ChangeWorkload,
  ChangeWorkloadStatus,
} from '@altershield/api';
import {
  describeMissing,
  isApprover,
  missingApprovals,
  type ApprovalRule,
} from '../policy/approval.ts';
import type { Step } from '../policy/steps.ts';
import { isHeld } from './enforcement.ts';
import type { Observation } from './observation.ts';
import { isOver, statusOf } from './status.ts';

/** Why an approval does not count. */
export interface Objection {
  readonly reason: ApprovalReason;
  readonly message: string;
}

type Spec = ChangeApproval['spec'];

/** What the policy of a held change asks for; undefined: no approval is needed. */
export const approvalRuleOf = ({ spec }: ChangeWorkload): ApprovalRule | undefined =>
  isHeld(spec) ? spec.policy.spec.release.approval : undefined;

/**
 * Why an approval does not count for the change; undefined if it does. Admission denies such an
 * approval; one that bypassed admission is answered with the same words.
 */
export function objectionTo(
  { spec }: Pick<ChangeApproval, 'spec'>,
  change: ChangeWorkload,
  now: number,
): Objection | undefined {
  const status = statusOf(change);
  if (isOver(status.phase) || status.phase === 'RollingBack') {
    return no(
      'ChangeOver',
      `${change.metadata.name} is ${status.phase}: nothing of it is released`,
    );
  }
  const rule = approvalRuleOf(change);
  if (rule === undefined) {
    return no('NotNeeded', `policy ${change.spec.policy.name} asks for no approval of this change`);
  }
  return objectionToUser(spec, rule, change) ?? objectionToUse(spec, rule, { status, now });
}

function objectionToUser(
  { author }: Spec,
  rule: ApprovalRule,
  { spec: { actor } }: ChangeWorkload,
): Objection | undefined {
  if (author === undefined) {
    const message =
      'admission did not see it, so its author is not known; delete it, approve again';
    return no('Unsigned', message);
  }
  const { user, groups = [] } = author;
  if (!rule.allowAuthor && actor.stamped && actor.user === user) {
    return no('ByAuthor', `${user} made this change; another user must approve it`);
  }
  if (isApprover(rule, groups)) return undefined;
  const wanted = (rule.from ?? []).map(({ group }) => group).join(', ');
  return no('NotInGroup', `${user} is in none of the groups that must approve: ${wanted}`);
}

function objectionToUse(
  spec: Spec,
  rule: ApprovalRule,
  { status, now }: { readonly status: ChangeWorkloadStatus; readonly now: number },
): Objection | undefined {
  const until = expiryOf(spec, rule);
  if (until <= now) {
    return no('Expired', `it counted until ${new Date(until).toISOString()}; approve again`);
  }
  if (rule.before === 'Change') {
    return status.approval === undefined || status.startedAt === undefined
      ? undefined
      : no('BatchFinished', 'the change is approved and begun already');
  }
  return objectionToBatch(spec.batch ?? 1, status);
}

function objectionToBatch(
  batch: number,
  { batch: progress, approval }: ChangeWorkloadStatus,
): Objection | undefined {
  if (progress !== undefined && batch > progress.total) {
    const { total } = progress;
    return no('UnknownBatch', `the change has ${total} batches; there is no batch ${batch}`);
  }
  const isBegun = batch < (progress?.index ?? 1) || batch <= (approval?.batch ?? 0);
  return isBegun ? no('BatchFinished', `batch ${batch} is released already`) : undefined;
}

const no = (reason: ApprovalReason, message: string): Objection => ({ reason, message });

/** When an approval stops counting; milliseconds since the epoch. */
export function expiryOf({ at = '', expiresAt }: Spec, { expiresSeconds }: ApprovalRule): number {
  const byPolicy = Date.parse(at) + expiresSeconds * 1000;
  return expiresAt === undefined ? byPolicy : Math.min(byPolicy, Date.parse(expiresAt));
}

/** The batch that an approval without a number is for: the one that waits, or else the next. */
export function batchToApprove(change: ChangeWorkload): number | undefined {
  if (approvalRuleOf(change)?.before !== 'Batch') return undefined;
  const status = statusOf(change);
  const { index = 1 } = status.batch ?? {};
  return index <= (status.approval?.batch ?? 0) ? index + 1 : index;
}

/** The state of the approval that a batch waits for. */
export interface PendingApproval {
  /** The approvals that count, the newest of each user. */
  readonly counted: readonly ChangeApproval[];
  /** What is missing, as a sentence; undefined: nothing. */
  readonly missing?: string;
  /** When the first of them stops counting; milliseconds since the epoch. */
  readonly expiresAt?: number;
}

/** Undefined: the batch needs no approval, or it was approved before. */
export function pendingApproval(
  { change, approvals = [], now }: Observation,
  status: ChangeWorkloadStatus,
  { index, total }: Pick<Step, 'index' | 'total'>,
): PendingApproval | undefined {
  const rule = approvalRuleOf(change);
  if (rule === undefined || isApproved(status, rule, index)) return undefined;
  const seen = { ...change, status };
  const counted = newestOfEachUser(
    approvals.filter(
      (approval) =>
        approval.spec.decision === 'Approve' &&
        (rule.before === 'Change' || (approval.spec.batch ?? 1) === index) &&
        objectionTo(approval, seen, now) === undefined,
    ),
  );
  const missing = missingApprovals(
    rule,
    counted.map(({ spec: { author } }) => ({
      user: author?.user ?? '',
      groups: author?.groups ?? [],
    })),
  );
  if (missing.length === 0) return { counted };
  const expiries = counted.map(({ spec }) => expiryOf(spec, rule));
  const what = rule.before === 'Change' ? 'the change' : `batch ${index} of ${total}`;
  const given = counted.length === 0 ? '' : `; approved by ${usersOf(counted).join(', ')}`;
  return {
    counted,
    missing: `${what} needs ${describeMissing(missing)}${given}`,
    ...(expiries.length === 0 ? {} : { expiresAt: Math.min(...expiries) }),
  };
}

const isApproved = (
  { approval }: ChangeWorkloadStatus,
  { before }: ApprovalRule,
  index: number,
): boolean => approval !== undefined && (before === 'Change' || approval.batch >= index);

function newestOfEachUser(approvals: readonly ChangeApproval[]): ChangeApproval[] {
  const sorted = approvals.toSorted((a, b) => ((a.spec.at ?? '') < (b.spec.at ?? '') ? -1 : 1));
  return [...new Map(sorted.map((each) => [each.spec.author?.user, each])).values()];
}

export const usersOf = (approvals: readonly ChangeApproval[]): string[] =>
  approvals.map(({ spec }) => spec.author?.user ?? '');
