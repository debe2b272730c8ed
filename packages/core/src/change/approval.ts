// SPDX-License-Identifier: Apache-2.0
import type {
  ApprovalReason,
  ChangeApproval,
  ChangeWorkload,
  ChangeWorkloadStatus,
} from '@altershield/api';
import {
  approvalOfStep,
  describeMissing,
  isApprover,
  missingApprovals,
  strictestApproval,
  type ApprovalRule,
} from '../policy/approval.ts';
import { mostSteps, type Step } from '../policy/steps.ts';
import { isHeld, strategyOf } from './enforcement.ts';
import type { Observation } from './observation.ts';
import { isOver, statusOf } from './status.ts';

/** Why an approval does not count. */
export interface Objection {
  readonly reason: ApprovalReason;
  readonly message: string;
}

type Spec = ChangeApproval['spec'];

/** Whether the policy asks for one approval of the whole change, and of no single step. */
const isOfWholeChange = ({ spec }: ChangeWorkload): boolean => {
  const { approval, steps = [] } = spec.policy.spec.release;
  return approval?.before !== 'Batch' && steps.every((step) => step.approval === undefined);
};

/** All rules of the policy of a held change. */
export function approvalRulesOf(change: ChangeWorkload): readonly ApprovalRule[] {
  const { spec } = change;
  if (!isHeld(spec)) return [];
  return rulesBetween(change, 1, mostSteps(spec.policy.spec.release, strategyOf(spec)));
}

const rulesBetween = (
  { spec: { policy } }: ChangeWorkload,
  first: number,
  last: number,
): readonly ApprovalRule[] =>
  Array.from({ length: last - first + 1 }, (_, i) =>
    approvalOfStep(policy.spec.release, first + i),
  ).filter((rule) => rule !== undefined);

/** The rule of a batch; that of the change until something of it is approved. */
function ruleOfBatch(change: ChangeWorkload, batch: number): ApprovalRule | undefined {
  if (!isHeld(change.spec)) return undefined;
  const { approval, batch: progress } = statusOf(change);
  const last = batch === progress?.index ? (progress.through ?? batch) : batch;
  const rule = strictestApproval(rulesBetween(change, batch, last));
  return rule?.before === 'Change' && approval !== undefined ? undefined : rule;
}

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
  const { name } = change.spec.policy;
  if (approvalRulesOf(change).length === 0)
    return no('NotNeeded', `policy ${name} asks for no approval of this change`);
  const late = objectionToBatch(spec, change, status);
  if (late !== undefined) return late;
  const batch = spec.batch ?? status.batch?.index ?? 1;
  const rule = ruleOfBatch(change, batch);
  return rule === undefined
    ? no('NotNeeded', `policy ${name} asks for no approval of batch ${batch}`)
    : objectionByRule(spec, rule, { change, now });
}

const objectionByRule = (
  spec: Spec,
  rule: ApprovalRule,
  { change, now }: { readonly change: ChangeWorkload; readonly now: number },
): Objection | undefined =>
  objectionToUser(spec, rule, change) ?? objectionToAge(expiryOf(spec, rule), now);

const objectionToAge = (until: number, now: number): Objection | undefined =>
  until <= now
    ? no('Expired', `it counted until ${new Date(until).toISOString()}; approve again`)
    : undefined;

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

function objectionToBatch(
  { batch }: Spec,
  change: ChangeWorkload,
  status: ChangeWorkloadStatus,
): Objection | undefined {
  if (batch === undefined || isOfWholeChange(change)) {
    return status.approval === undefined || status.startedAt === undefined
      ? undefined
      : no('BatchFinished', 'the change is approved and begun already');
  }
  const { total = Infinity } = status.batch ?? {};
  if (batch > total)
    return no('UnknownBatch', `the change has ${total} batches; there is no batch ${batch}`);
  return isBegun(batch, status)
    ? no('BatchFinished', `batch ${batch} is released already`)
    : undefined;
}

/** A batch that waits again, because a scale made it one with a later batch, is not. */
function isBegun(batch: number, status: ChangeWorkloadStatus): boolean {
  const { index = 1 } = status.batch ?? {};
  if (batch === index && status.reason === 'AwaitingApproval') return false;
  return batch < index || batch <= (status.approval?.batch ?? 0);
}

const no = (reason: ApprovalReason, message: string): Objection => ({ reason, message });

/** When an approval stops counting; milliseconds since the epoch. */
export function expiryOf({ at = '', expiresAt }: Spec, { expiresSeconds }: ApprovalRule): number {
  const byPolicy = Date.parse(at) + expiresSeconds * 1000;
  return expiresAt === undefined ? byPolicy : Math.min(byPolicy, Date.parse(expiresAt));
}

/** The batch that an approval without a number is for: the one that waits, or else the next. */
export function batchToApprove(change: ChangeWorkload): number | undefined {
  if (approvalRulesOf(change).length === 0 || isOfWholeChange(change)) return undefined;
  const { batch, approval, reason } = statusOf(change);
  const { index = 1, total = index } = batch ?? {};
  if (reason === 'AwaitingApproval') return index;
  const first = Math.max(index, (approval?.batch ?? 0) + 1);
  const rest = Array.from({ length: Math.max(0, total - first + 1) }, (_, i) => first + i);
  return rest.find((each) => ruleOfBatch(change, each) !== undefined) ?? first;
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
  step: Pick<Step, 'index' | 'total' | 'number' | 'approval'>,
): PendingApproval | undefined {
  const { approval: rule } = step;
  if (rule === undefined || isApproved(status, rule, step.number)) return undefined;
  const counted = newestOfEachUser(
    approvals.filter(
      ({ metadata, spec }) =>
        spec.decision === 'Approve' &&
        isFor(spec, step.index, change) &&
        !isUsed(metadata.uid, status) &&
        objectionByRule(spec, rule, { change, now }) === undefined,
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
  const what = rule.before === 'Change' ? 'the change' : `batch ${step.index} of ${step.total}`;
  const given = counted.length === 0 ? '' : `; approved by ${usersOf(counted).join(', ')}`;
  return {
    counted,
    missing: `${what} needs ${describeMissing(missing)}${given}`,
    ...(expiries.length === 0 ? {} : { expiresAt: Math.min(...expiries) }),
  };
}

const isFor = ({ batch }: Spec, index: number, change: ChangeWorkload): boolean =>
  isOfWholeChange(change) || (batch ?? 1) === index;

/** An approval opens one batch only, also where a scale changes the numbers of the batches. */
const isUsed = (uid: string, { decisions = [] }: ChangeWorkloadStatus): boolean =>
  decisions.some(({ approval }) => approval === uid);

const isApproved = (
  { approval }: ChangeWorkloadStatus,
  { before }: ApprovalRule,
  number: number,
): boolean =>
  approval !== undefined && (before === 'Change' || (approval.step ?? approval.batch) >= number);

function newestOfEachUser(approvals: readonly ChangeApproval[]): ChangeApproval[] {
  const sorted = approvals.toSorted((a, b) => ((a.spec.at ?? '') < (b.spec.at ?? '') ? -1 : 1));
  return [...new Map(sorted.map((each) => [each.spec.author?.user, each])).values()];
}

export const usersOf = (approvals: readonly ChangeApproval[]): string[] =>
  approvals.map(({ spec }) => spec.author?.user ?? '');
