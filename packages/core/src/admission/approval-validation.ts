// SPDX-License-Identifier: Apache-2.0
import {
  API_VERSION,
  CHANGE_WORKLOADS,
  LABELS,
  type ApprovalReason,
  type ChangeApproval,
  type ChangeWorkload,
} from '@altershield/api';
import { approvalRulesOf, batchToApprove, objectionTo } from '../change/approval.ts';
import { isOver, phaseOf } from '../change/status.ts';
import type { Signer } from '../hold/signature.ts';
import { approvalSignature } from './approval-signature.ts';
import { allow, deny, type Request, type Review } from './review.ts';

/** The object as a client sends it: its metadata may lack everything. */
export type NewApproval = Pick<ChangeApproval, 'spec'> & {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly object[];
  };
};

export interface ApprovalContext {
  readonly change: ChangeWorkload | undefined;
  /** Decisions on the change that are stored. */
  readonly stored: number;
  readonly now: number;
  readonly sign: Signer;
}

/** Decisions that a change may have: more are a mistake, or an attack on the store. */
const MAX_APPROVALS = 100;

/** Decisions that need the verb `approve`, and not only the right to create the object. */
export const needsApprover = ({ spec }: Pick<ChangeApproval, 'spec'>): boolean =>
  spec.decision === 'Approve' || spec.decision === 'Reject';

/**
 * Denies a decision from which nothing can follow, and sets its author, time, batch and owner: the
 * user cannot forge them.
 */
export function admitApproval(
  { object, user, namespace }: Request<NewApproval>,
  { change, stored, now, sign }: ApprovalContext,
): Review {
  const { change: of, signature: _, author: __, ...asked } = object.spec;
  if (change === undefined || (of.uid ?? change.metadata.uid) !== change.metadata.uid) {
    const message = `there is no change ${of.name} in namespace ${namespace}; \`altershield get changes -n ${namespace}\` lists them`;
    return deny('Invalid', message);
  }
  if (stored >= MAX_APPROVALS) {
    return deny('Invalid', `${of.name} has ${stored} decisions already; delete some`);
  }
  const batch = asked.batch ?? (asked.decision === 'Approve' ? batchToApprove(change) : undefined);
  const stamped = {
    ...asked,
    change: { name: of.name, uid: change.metadata.uid },
    ...(batch === undefined ? {} : { batch }),
    author: { user: user.name.slice(0, 512), groups: groupsOf(user.groups ?? [], change) },
    at: new Date(now).toISOString(),
  };
  const objection = objectionAtWrite(stamped, change, now);
  if (objection !== undefined) return objection;
  const signature = approvalSignature(stamped, namespace, sign);
  return allow([
    { op: 'replace', path: '/spec', value: { ...stamped, signature } },
    { op: 'add', path: '/metadata/labels', value: labelsOf(object, change) },
    { op: 'add', path: '/metadata/ownerReferences', value: ownersOf(object, change) },
  ]);
}

const FORBIDDEN: ReadonlySet<ApprovalReason> = new Set(['ByAuthor', 'NotInGroup']);

function objectionAtWrite(
  spec: ChangeApproval['spec'],
  change: ChangeWorkload,
  now: number,
): Review | undefined {
  if (spec.decision === 'Approve') {
    const objection = objectionTo({ spec }, change, now);
    if (objection === undefined) return undefined;
    const reason = FORBIDDEN.has(objection.reason) ? 'Forbidden' : 'Invalid';
    return deny(reason, `this approval cannot count: ${objection.message}`);
  }
  const phase = phaseOf(change);
  const isLate = isOver(phase) && !AFTER_THE_END.has(spec.decision);
  return isLate
    ? deny('Invalid', `${spec.decision} does not apply: ${change.metadata.name} is ${phase}`)
    : undefined;
}

/** Decisions that apply to a change that has ended. */
const AFTER_THE_END: ReadonlySet<string> = new Set(['RollBack', 'Lift']);

const MAX_GROUPS = 32;

/** The groups that the policy names come first, so that a user of many groups keeps them. */
function groupsOf(groups: readonly string[], change: ChangeWorkload): string[] {
  const rules = approvalRulesOf(change);
  const named = new Set(rules.flatMap(({ from = [] }) => from.map(({ group }) => group)));
  return groups
    .filter((group) => group.length <= 256)
    .toSorted((a, b) => Number(named.has(b)) - Number(named.has(a)))
    .slice(0, MAX_GROUPS);
}

const labelsOf = (
  { metadata }: NewApproval,
  { metadata: { name }, spec }: ChangeWorkload,
): Readonly<Record<string, string>> => ({
  ...metadata.labels,
  [LABELS.change]: name.slice(0, 63),
  [LABELS.targetUid]: spec.target.uid,
});

/** Garbage collection deletes the decision with its change. */
function ownersOf(
  { metadata: { ownerReferences = [] } }: NewApproval,
  { metadata: { name, uid } }: ChangeWorkload,
): readonly object[] {
  const owner = { apiVersion: API_VERSION, kind: CHANGE_WORKLOADS.kind, name, uid };
  const others = ownerReferences.filter((each) => !('uid' in each) || each.uid !== uid);
  return [...others, owner];
}
