// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec } from '@altershield/api';

export type ApprovalRule = NonNullable<ChangePolicySpec['release']['approval']>;

/** The rule of one step: its own, or else that of the release. */
export function approvalOfStep(
  { steps = [], approval }: Pick<ChangePolicySpec['release'], 'steps' | 'approval'>,
  number: number,
): ApprovalRule | undefined {
  const own = steps.find(({ step }) => step === number)?.approval;
  return own === undefined ? approval : { before: 'Batch', ...own };
}

/** The rule for steps that are done at once: whoever meets it meets each of theirs. */
export function strictestApproval(rules: readonly ApprovalRule[]): ApprovalRule | undefined {
  const [first, ...others] = rules;
  if (first === undefined) return undefined;
  return others.reduce(stricter, first);
}

function stricter(a: ApprovalRule, b: ApprovalRule): ApprovalRule {
  const counts = new Map<string, number>();
  for (const { group, count } of [...(a.from ?? []), ...(b.from ?? [])])
    counts.set(group, Math.max(count, counts.get(group) ?? 0));
  const from = [...counts].map(([group, count]) => ({ group, count }));
  return {
    before: a.before === 'Batch' ? 'Batch' : b.before,
    ...(from.length === 0 ? {} : { from }),
    expiresSeconds: Math.min(a.expiresSeconds, b.expiresSeconds),
    allowAuthor: a.allowAuthor && b.allowAuthor,
  };
}

/** A user whose approval counts. */
export interface Approver {
  readonly user: string;
  readonly groups: readonly string[];
}

/** Approvals that are still needed; without a group: of any user who may approve. */
interface MissingApprovals {
  readonly group?: string;
  readonly count: number;
}

/** The approvals that are still needed. An approver counts for each of the user's groups. */
export function missingApprovals(
  { from }: Pick<ApprovalRule, 'from'>,
  approvers: readonly Approver[],
): readonly MissingApprovals[] {
  if (from === undefined) return approvers.length > 0 ? [] : [{ count: 1 }];
  return from
    .map(({ group, count }) => ({ group, count: count - membersOf(group, approvers) }))
    .filter(({ count }) => count > 0);
}

const membersOf = (group: string, approvers: readonly Approver[]): number =>
  approvers.filter(({ groups }) => groups.includes(group)).length;

/** `1 approval of group sre and 2 of group security`. */
export const describeMissing = (missing: readonly MissingApprovals[]): string =>
  missing
    .map(({ group, count }, i) => {
      const what = i > 0 ? '' : count === 1 ? ' approval' : ' approvals';
      return `${count}${what}${group === undefined ? '' : ` of group ${group}`}`;
    })
    .join(' and ');

/** Whether a user of these groups can count at all. */
export const isApprover = (
  { from }: Pick<ApprovalRule, 'from'>,
  groups: readonly string[],
): boolean => from === undefined || from.some(({ group }) => groups.includes(group));
