// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChangeApproval } from '@altershield/api';
import { admitApproval } from '../admission/approval-validation.ts';
import { withVerifiedAuthor } from '../admission/approval-signature.ts';
import { missingApprovals, type ApprovalRule } from '../policy/approval.ts';
import { anApproval, anObservation, NOW, otherSign, signer } from '@altershield/testing/builders';
import { applyPatch } from '@altershield/testing/json-patch';
import { change, released, status } from '@altershield/testing/change-states';
import { decide } from './decide.ts';
import { timeText } from './status.ts';

type Approval = Partial<ApprovalRule>;

const governed = (approval: Approval, before = status('Init')) => {
  const { batch: _, ...init } = before;
  return change(init, { release: { approval } });
};

const by = (
  user: string,
  groups: string[] = ['sre'],
  spec: Partial<ChangeApproval['spec']> = {},
) => {
  const approval = anApproval({ author: { user, groups }, at: timeText(NOW), ...spec });
  return { ...approval, metadata: { ...approval.metadata, uid: `cha-${user}` } };
};

const goalOf = (approvals: readonly ChangeApproval[], rule: Approval): string | undefined =>
  decide(anObservation({ change: governed(rule), approvals })).goal?.type;

test('a batch is released when enough users of each group approve, and not before', () => {
  const rule = {
    from: [
      { group: 'sre', count: 2 },
      { group: 'dba', count: 1 },
    ],
  };
  const cases: readonly [ChangeApproval[], string][] = [
    [[], 'Hold'],
    [[by('bob')], 'Hold'],
    [[by('bob'), by('bob')], 'Hold'],
    [[by('bob'), by('eve')], 'Hold'],
    [[by('bob'), by('eve', ['sre', 'dba'])], 'Release'],
    [[by('bob'), by('eve'), by('dan', ['dba'])], 'Release'],
    [[by('bob'), by('ann', ['sre', 'dba'])], 'Hold'],
  ];
  for (const [approvals, goal] of cases) assert.equal(goalOf(approvals, rule), goal);
});

test('the author counts only where the policy says so', () => {
  assert.equal(goalOf([by('ann')], {}), 'Hold');
  assert.equal(goalOf([by('ann')], { allowAuthor: true }), 'Release');
});

test('an approval counts until it expires, and the change looks again then', () => {
  const rule = { from: [{ group: 'sre', count: 2 }], expiresSeconds: 60 };
  const { recheckAt } = decide(anObservation({ change: governed(rule), approvals: [by('bob')] }));
  assert.equal(recheckAt, NOW + 60_000);
  const late = by('bob', ['sre'], { at: timeText(NOW - 60_000) });
  assert.equal(goalOf([late, by('eve')], rule), 'Hold');
  const soon = by('bob', ['sre'], { expiresAt: timeText(NOW) });
  assert.equal(goalOf([soon, by('eve')], rule), 'Hold');
});

test('an approved batch stays approved when its approvals are gone', () => {
  const approval = { batch: 1, by: ['bob'], at: timeText(NOW) };
  const running = change(status('Running', { approval }), { release: { approval: {} } });
  assert.equal(decide(anObservation({ change: running })).goal?.type, 'Release');
});

test('before every batch: an approval of one batch opens no other', () => {
  const approval = { batch: 1, by: ['bob'], at: timeText(NOW) };
  const second = status('Running', { approval, batch: { index: 2, total: 3, target: 3 } });
  const waiting = change(second, { release: { approval: { before: 'Batch' } } });
  const of = (batch: number) =>
    anObservation({ change: waiting, approvals: [by('eve', [], { batch })] });
  assert.equal(decide(of(1)).goal?.type, 'Hold');
  assert.deepEqual(
    decide(of(1)).answers?.map(({ reason }) => reason),
    ['BatchFinished'],
  );
  assert.equal(decide(of(2)).goal?.type, 'Release');
});

/** The first batch is approved; the third, all pods, needs an approval of its own. */
const lastNeedsSecurity = (before: Parameters<typeof status>[1]) => {
  const own = { step: 3, approval: { from: [{ group: 'security' }] } };
  return change(status('Running', before), { release: { steps: [own] } });
};

test('a step with its own approval waits for it, and no other step does', () => {
  const goalAt = (index: number, approvals: ChangeApproval[] = []) => {
    const batch = { index, total: 3, target: [1, 3, 10][index - 1] ?? 0 };
    return decide(anObservation({ change: lastNeedsSecurity({ batch }), approvals }));
  };
  assert.equal(goalAt(1).goal?.type, 'Release');
  assert.equal(goalAt(2).goal?.type, 'Release');
  assert.deepEqual(
    [goalAt(3).goal?.type, goalAt(3).status.message],
    ['Hold', 'batch 3 of 3 needs 1 approval of group security'],
  );
  const given = by('eve', ['security'], { batch: 3 });
  assert.equal(goalAt(3, [given]).goal?.type, 'Release');
  assert.equal(goalAt(3, [by('eve', ['sre'], { batch: 3 })]).goal?.type, 'Hold');
  const early = goalAt(2, [by('bob', ['security'], { batch: 2 })]);
  assert.deepEqual(
    early.answers?.map(({ reason, message }) => [reason, message]),
    [['NotNeeded', 'policy default asks for no approval of batch 2']],
  );
});

test('an approved batch opens no larger one when a scale makes it one with a later batch', () => {
  const approval = { batch: 1, step: 1, by: ['bob'], at: timeText(NOW) };
  const own = [
    { step: 1, approval: {} },
    { step: 3, approval: { from: [{ group: 'security' }] } },
  ];
  const used = by('bob', ['sre', 'security'], { batch: 1 });
  const decisions = [{ action: 'Approve' as const, carriedOut: true, approval: used.metadata.uid }];
  const before = status('Running', { approval, decisions });
  const running = change(before, { release: { steps: own } });
  const workload = { ...released(1), size: 1, replicas: 1 };
  const decision = decide(anObservation({ change: running, workload, approvals: [used] }));
  assert.deepEqual(
    [decision.goal?.type, decision.status.message],
    ['Hold', 'batch 1 of 3 needs 1 approval of group security'],
  );
  const waiting = { ...running, status: decision.status };
  const approve = (user: string, groups: string[]) =>
    decide(
      anObservation({
        change: waiting,
        workload,
        approvals: [used, by(user, groups, { batch: 1 })],
      }),
    );
  assert.equal(approve('eve', ['security']).goal?.type, 'Release');
  assert.deepEqual(
    approve('dan', ['sre']).answers?.map(({ reason }) => reason),
    ['Counted', 'NotInGroup'],
  );
});

test('what is missing never grows with an approval, and is nothing only when every group is met', () => {
  const groups = ['a', 'b', 'c'];
  const approver = fc.record({ user: fc.string(), groups: fc.subarray(groups) });
  const rule = fc.uniqueArray(
    fc.record({ group: fc.constantFrom(...groups), count: fc.integer({ min: 1, max: 4 }) }),
    { minLength: 1, selector: ({ group }) => group },
  );
  const total = (
    from: { group: string; count: number }[],
    approvers: { user: string; groups: string[] }[],
  ) => missingApprovals({ from }, approvers).reduce((sum, { count }) => sum + count, 0);
  fc.assert(
    fc.property(
      rule,
      fc.array(approver, { maxLength: 8 }),
      approver,
      (from, approvers, another) => {
        assert.ok(total(from, [...approvers, another]) <= total(from, approvers));
        const isMet = from.every(
          ({ group, count }) =>
            approvers.filter((each) => each.groups.includes(group)).length >= count,
        );
        assert.equal(total(from, approvers) === 0, isMet);
      },
    ),
  );
});

const admit = (spec: ChangeApproval['spec'], user: string): ChangeApproval => {
  const object = anApproval(spec);
  const review = admitApproval(
    {
      id: 'r',
      operation: 'CREATE',
      namespace: 'shop',
      user: { name: user, groups: ['sre'] },
      object,
    },
    { change: governed({}), stored: 0, now: NOW, sign: signer },
  );
  assert.ok(review.allowed, JSON.stringify(review));
  return applyPatch(object, review.patch);
};

test('an author that admission did not sign is no author', () => {
  const signed = admit({ change: { name: 'web-1' }, decision: 'Approve' }, 'bob');
  assert.equal(withVerifiedAuthor(signed, signer).spec.author?.user, 'bob');
  const edits: readonly Partial<ChangeApproval['spec']>[] = [
    { author: { user: 'boss', groups: ['sre'] } },
    { author: { user: 'bob', groups: ['sre', 'dba'] } },
    { decision: 'RollBack' },
    { change: { name: 'web-2' } },
    { batch: 2 },
    { at: timeText(NOW + 1) },
    { expiresAt: timeText(NOW + 1e9) },
  ];
  for (const edit of edits) {
    const forged = { ...signed, spec: { ...signed.spec, ...edit } };
    assert.equal(withVerifiedAuthor(forged, signer).spec.author, undefined);
  }
  assert.equal(withVerifiedAuthor(signed, otherSign).spec.author, undefined);
});

test('admission makes the change the owner of a decision, beside other owners', () => {
  const { metadata } = admit({ change: { name: 'web-1' }, decision: 'Approve' }, 'bob');
  const { ownerReferences } = metadata as unknown as {
    ownerReferences: readonly { uid: string }[];
  };
  assert.deepEqual(
    ownerReferences.map(({ uid }) => uid),
    ['c-1'],
  );
});

test('a change has a bounded number of decisions', () => {
  const review = admitApproval(
    {
      id: 'r',
      operation: 'CREATE',
      namespace: 'shop',
      user: { name: 'bob' },
      object: anApproval(),
    },
    { change: governed({}), stored: 100, now: NOW, sign: signer },
  );
  assert.match(review.allowed ? '' : review.message, /has 100 decisions already/);
});
