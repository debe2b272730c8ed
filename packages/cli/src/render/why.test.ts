// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PHASES } from '@altershield/api';
import type { Story } from '../change.ts';
import {
  aBatch,
  aChange,
  aFailedBatch,
  aRefusedChange,
  at,
} from '@altershield/testing/stored-objects';
import { painter } from './style.ts';
import { renderWhy } from './why.ts';

const view = { paint: painter(false), now: Date.parse(at(120)) };

const tell = (story: Partial<Story>): string =>
  renderWhy({ record: aRefusedChange(), batches: [], others: [], ...story }, view);

describe('why', () => {
  it('lists edits in place with their users and their differences', () => {
    const times = { firstAt: at(60), lastAt: at(100) };
    const record = aChange({
      inPlaceEdits: [
        {
          ...{ kind: 'Pod', names: ['a', 'b', 'c', 'd'], count: 24, by: 'User', ...times },
          diff: [{ path: 'containers[app].image', from: 'web:1', to: 'web:2' }],
          actor: { user: 'alice', fieldManager: 'kubectl-edit', stamped: true },
        },
        {
          ...{ kind: 'ReplicaSet', names: ['web-1'], count: 1, by: 'User', ...times },
          diff: [{ path: 'containers[app].image', to: 'web:2' }],
          actor: { user: '', fieldManager: 'curl', stamped: false },
        },
      ],
    });
    const text = tell({ record });
    assert.match(
      text,
      /^Edited in place\n {2}24 pods \(a, b, c, …\) by alice with kubectl-edit, 20s ago\n {6}containers\[app\]\.image: web:1 → web:2$/m,
    );
    assert.match(
      text,
      /^ {2}ReplicaSet web-1 by an unknown user with field manager curl, 20s ago$/m,
    );
  });

  it('explains a rolled-back change', () => {
    const text = tell({
      batches: [aFailedBatch()],
      others: [aChange({ phase: 'Success', reason: 'Verified' }, { sequence: 6 })],
    });
    assert.deepEqual(text.split('\n'), [
      '↺ deploy/checkout in shop: change 7 was rolled back at batch 1 of 3, 114s ago',
      '  CheckFailed: batch 1: image of 1 of 1 new pods cannot be pulled; 9 of 9 old pods are ready',
      '',
      'Who       alice of developers (authenticated at admission)',
      'How       Update by kubectl, field manager kubectl-set; seen at admission',
      'When      2026-01-01 10:00:00Z (2m ago)',
      'What      containers[app].image: shop/checkout:v7 → shop/checkout:bad-8',
      'Revision  4f2a9c000000 (verified) → 9c1b00000000',
      'Policy    shop/web (generation 3): Enforce, Batch 1, 30%, 100%, soak 10s, on Fail RollBack, on Inconclusive Suspend',
      '',
      'Batches',
      '  ✖ 1 of 3  1 pod  Fail after 3s  updated 0/1 ready, 1 unhealthy; stable 9/9 ready',
      '      ✖ podHealth  ImagePullBackOff: 1 of 1 new pods, 0 of 9 old ones',
      '          checkout-7d9f-abcde on node-1 container app: ImagePullBackOff — Back-off pulling image "shop/checkout:bad-8"',
      '  · 2–3 of 3  not released',
      '',
      'Timeline',
      '  10:00:00 +0s     held at admission',
      '  10:00:01 +1s     batch 1 released: 1 pod',
      '  10:00:04 +4s     batch 1 judged: Fail (ImagePullBackOff)',
      '  10:00:04 +4s     automatically rolling back to shop/checkout:v7',
      '  10:00:06 +6s     rolled back (CheckFailed)',
      '  10:01:55 +115s   applied again by system:serviceaccount:flux-system:kustomize-controller: denied',
      '',
      'Quarantine',
      '  Revision 9c1b00000000 is denied at admission for every user until 2026-01-08 10:00:04Z (in 6d23h).',
      '  Applied again and denied 12 times, last by system:serviceaccount:flux-system:kustomize-controller 5s ago.',
      '',
      'Next',
      "  altershield lift change/checkout-7 -n shop --reason '…'   allow the revision again",
      '',
      'Other changes',
      '  ✔ #6  Success  2m ago  shop/checkout:bad-8',
    ]);
  });

  it('reports an unknown phase of a newer version', () => {
    const [first] = tell({ record: aChange({ phase: 'Probing' as never }) }).split('\n');
    assert.equal(
      first,
      '? deploy/checkout in shop: change 7 is in phase Probing, which this version does not know',
    );
  });

  for (const phase of PHASES) {
    it(`has a sentence for a change in phase ${phase}`, () => {
      const [first = ''] = tell({ record: aChange({ phase }) }).split('\n');
      assert.match(first, /^. deploy\/checkout in shop: change 7 (is|was|has|succeeded|failed)/);
    });
  }

  it('shows a change without a status', () => {
    assert.match(tell({ record: aChange() }), /^● .* change 7 has been held for 2m\n\nWho/);
  });

  it('shows an unknown user instead of an unverified name', () => {
    const actor = { user: 'forged', fieldManager: 'kubectl-edit', stamped: false };
    const text = tell({ record: aChange({}, { actor, detectedBy: 'Watch' }) });
    assert.match(text, /Who {7}not known: admission did not see .* field manager kubectl-edit/);
    assert.match(text, /found by the watch, held late/);
    assert.doesNotMatch(text, /forged/);
  });

  it('offers the applicable decisions while a change is suspended', () => {
    const text = tell({ record: aChange({ phase: 'Suspend', phaseSince: at(60) }) });
    assert.match(text, /has been suspended for 60s and needs a decision/);
    assert.match(text, /altershield resume change\/checkout-7 -n shop/);
    assert.match(text, /altershield rollback change\/checkout-7 -n shop/);
  });

  it('offers a rollback of an observed change that failed, unless a newer change followed', () => {
    const record = aChange({ phase: 'Failed', reason: 'CheckFailed', verdict: 'Fail' });
    const [older, newer] = [6, 8].map((sequence) => aChange({ phase: 'Success' }, { sequence }));
    assert.ok(older && newer);
    assert.match(tell({ record, others: [older] }), /rollback change\/checkout-7 .* roll it back/);
    assert.doesNotMatch(tell({ record, others: [newer, older] }), /Next/);
    const gone = aChange({ phase: 'Failed', reason: 'WorkloadDeleted' });
    assert.doesNotMatch(tell({ record: gone }), /Next/);
  });

  it('offers no rollback of the first revision of a workload', () => {
    const { from: _, ...spec } = aChange().spec;
    const record = {
      ...aChange({ phase: 'Suspend' }),
      spec: { ...spec, operation: 'Create' as const },
    };
    const text = tell({ record });
    assert.match(text, /no revision to roll back to/);
    assert.match(text, /a new workload/);
    assert.doesNotMatch(text, /altershield rollback/);
  });

  it('says of a Job that another one has to be created', () => {
    const { from: _, ...spec } = aChange().spec;
    const target = { apiVersion: 'batch/v1', kind: 'Job', name: 'work', uid: 'uid-1' };
    const record = {
      ...aChange({ phase: 'Suspend', reason: 'CheckFailed', verdict: 'Fail' }),
      spec: { ...spec, target, operation: 'Create' as const },
    };
    const text = tell({ record });
    assert.match(text, /Create another Job with a fixed template, and delete work/);
    assert.match(text, /altershield resume .* let it try again/);
    assert.match(text, /on Fail Suspend/);
    assert.doesNotMatch(text, /Apply a fixed template|altershield rollback/);
  });

  it('names the user who lifted a quarantine', () => {
    const refused = aRefusedChange();
    assert.ok(refused.status?.quarantine);
    const quarantine = { ...refused.status.quarantine, lifted: { by: 'bob', at: at(100) } };
    const text = tell({ record: { ...refused, status: { ...refused.status, quarantine } } });
    assert.match(text, /was quarantined; bob lifted the quarantine 20s ago\./);
    assert.match(text, /10:01:40 \+100s {3}bob lifted the quarantine/);
    assert.doesNotMatch(text, /altershield lift/);
  });

  it('shows that a quarantine has expired', () => {
    const later = { ...view, now: Date.parse(at(700_000)) };
    const text = renderWhy({ record: aRefusedChange(), batches: [], others: [] }, later);
    assert.match(text, /has not been quarantined since 2026-01-08 10:00:04Z/);
  });

  it('lists at most five other changes and marks quarantined revisions', () => {
    const others = [12, 11, 10, 9, 8, 7, 6].map((sequence) => ({
      ...aRefusedChange(),
      spec: { ...aRefusedChange().spec, sequence },
    }));
    const text = tell({ others });
    assert.equal(text.match(/still quarantined/g)?.length, 5);
    assert.match(text, /… and 2 older ones/);
  });

  it('shows added and removed values, and that the diff was truncated', () => {
    const diff = [
      { path: 'containers[app].env[A]', to: '1' },
      { path: 'containers[app].env[B]', from: '2' },
    ];
    const text = tell({ record: aChange({}, { diff, diffTruncated: true }) });
    assert.match(text, /env\[A\]: \(absent\) → 1/);
    assert.match(text, /env\[B\]: 2 → \(removed\)/);
    assert.match(text, /… and more than fits/);
  });

  it('shows the age and the pods of a pending batch', () => {
    const story = { record: aChange({}), batches: [aBatch({ verdict: 'Pending' })] };
    assert.match(tell(story), /● 1 of 3 {2}1 pod {2}Pending for 119s$/m);
    const pods = { updated: 1, ready: 6, all: 7 };
    assert.match(
      tell({ ...story, pods }),
      /Pending for 119s {2}now 1 updated; 6 of 7 pods are ready$/m,
    );
  });

  it('does not show an observed change as held', () => {
    for (const operation of ['Create', 'Revert', 'PreExisting'] as const) {
      assert.match(
        tell({ record: aChange({}, { operation }) }),
        /\+0s {5}seen at admission; observed only/,
      );
      const text = tell({ record: aChange({}, { operation, detectedBy: 'Watch' }) });
      assert.match(text, /\+0s {5}found by the watch; observed only/);
      assert.doesNotMatch(text, /held late/);
    }
  });

  it('does not announce actions in Audit mode', () => {
    const { policy } = aChange().spec;
    const audit = { ...policy, spec: { ...policy.spec, mode: 'Audit' as const } };
    assert.match(tell({ record: aChange({}, { policy: audit }) }), /seen; Audit: observed only/);
    assert.match(
      tell({ record: aChange({}, { policy: audit }) }),
      /^Policy {4}shop\/web \(generation 3\): Audit, soak 10s$/m,
    );
  });

  it('lists no batches for the strategy Rolling', () => {
    const { policy } = aChange().spec;
    const release = { ...policy.spec.release, strategy: 'Rolling' as const };
    const rolling = { ...policy, spec: { ...policy.spec, release } };
    assert.match(
      tell({ record: aChange({}, { policy: rolling }) }),
      /: Enforce, Rolling, soak 10s/,
    );
  });

  it('shows who must approve', () => {
    const { policy } = aChange().spec;
    const from = [
      { group: 'sre', count: 2 },
      { group: 'security', count: 1 },
    ];
    const approval = { before: 'Batch' as const, from, expiresSeconds: 60, allowAuthor: false };
    const release = { ...policy.spec.release, approval };
    const approved = { ...policy, spec: { ...policy.spec, release } };
    assert.match(
      tell({ record: aChange({}, { policy: approved }) }),
      /, approval before each batch: 2 of sre, 1 of security, on Fail/,
    );
    const { before: _, ...own } = approval;
    const steps = [{ step: 2, approval: own }];
    const second = { ...policy.spec, release: { ...policy.spec.release, steps } };
    assert.match(
      tell({ record: aChange({}, { policy: { ...policy, spec: second } }) }),
      /, approval before batch 2: 2 of sre, 1 of security, on Fail/,
    );
  });

  it('keeps every decision, with the verdict and the evidence that it overrode', () => {
    const decisions = [
      {
        action: 'Resume' as const,
        by: 'bob',
        at: at(70),
        reason: 'known flake',
        carriedOut: true,
        overridden: {
          phase: 'Suspend' as const,
          reason: 'CheckFailed',
          message: '1 of 1 updated pods crash',
          verdict: 'Fail' as const,
          batch: 1,
          evidence: [{ pod: 'checkout-1', reason: 'CrashLoopBackOff', restarts: 3 }],
        },
      },
      { action: 'Resume' as const, by: 'carol', at: at(80), carriedOut: false },
    ];
    const text = tell({ record: aChange({ decisions }) });
    assert.match(
      text,
      new RegExp(
        [
          'Decisions',
          '  2026-01-01 10:01:10Z  bob decided Resume: known flake',
          '      when it was Suspend at batch 1, verdict Fail: CheckFailed: 1 of 1 updated pods crash',
          '          checkout-1: CrashLoopBackOff \\(3 restarts\\)',
          '  2026-01-01 10:01:20Z  carol decided Resume; it no longer applied to the change and had no effect',
        ].join('\n'),
      ),
    );
    const timeline = text.slice(text.indexOf('Timeline'), text.indexOf('Decisions'));
    assert.deepEqual(timeline.match(/\w+ decided \w+/g), [
      'bob decided Resume',
      'carol decided Resume',
    ]);
  });

  it('lists only released batches: skipped ones are not pending, and none follows a success', () => {
    const batches = [
      aBatch({ verdict: 'Pass' }),
      aBatch({ verdict: 'Pass' }, { batch: 3, targetUnits: 2, previous: 1 }),
    ];
    const batch = { index: 3, total: 3, target: 2 };
    const text = tell({ record: aChange({ phase: 'Success', batch }), batches });
    assert.match(text, /Batches\n {2}✔ 1 of 3 .*\n {2}✔ 3 of 3 .*\n\nTimeline/);
    const single = aChange({ phase: 'Success', batch: { index: 1, total: 3, target: 1 } });
    assert.doesNotMatch(tell({ record: single, batches: batches.slice(0, 1) }), /not released/);
    const late = tell({
      record: aChange({ batch: { index: 1, total: 3, target: 1 } }),
      batches: batches.slice(0, 1),
    });
    assert.match(late, /· 2–3 of 3 {2}not released yet/);
  });

  it('shows "rolled back" only after the rollback is complete', () => {
    const status = { reason: 'CheckFailed', rolledBackAt: at(60), automaticRollback: true };
    for (const phase of ['RollingBack', 'Suspend'] as const) {
      const text = tell({ record: aChange({ ...status, phase, phaseSince: at(70) }) });
      assert.match(text, /automatically rolling back to shop\/checkout:v7/);
      assert.doesNotMatch(text, /rolled back/);
    }
  });

  const nextOf = (record: Story['record']): string => tell({ record }).split('Next\n')[1] ?? '';

  it('offers a rollback before anything else while a failing change is suspended', () => {
    const lines = nextOf(
      aChange({ phase: 'Suspend', reason: 'CheckFailed', verdict: 'Fail' }),
    ).split('\n');
    assert.match(lines[0] ?? '', /altershield rollback/);
    assert.match(lines[1] ?? '', /Apply a fixed template to deploy\/checkout/);
    assert.match(lines[2] ?? '', /altershield resume .* release more pods of the failing revision/);
  });

  it('gives a hint when there is no rollback target', () => {
    const status = { phase: 'Suspend', reason: 'NoVerifiedRevision', verdict: 'Fail' } as const;
    const [first = ''] = nextOf(aChange(status)).split('\n');
    assert.match(first, /Apply a fixed template .* there is no verified revision to roll back to/);
  });

  it('shows a denied write of the operator, and how to continue', () => {
    const message =
      'the API server denied the rollback: admission webhook "x" denied the request: no';
    const status = {
      phase: 'Suspend',
      reason: 'WriteDenied',
      message,
      rolledBackAt: at(5),
    } as const;
    const record = aChange(status);
    assert.ok(tell({ record }).includes(`WriteDenied: ${message}`));
    assert.match(nextOf(record), /Change what the API server denied.*\n.*continue the rollback/);
  });
});
