// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Change } from '../change.ts';
import {
  aBatch,
  aChange,
  aFailedBatch,
  aPolicy,
  aRefusedChange,
  at,
} from '@altershield/testing/stored-objects';
import { renderChanges } from './changes.ts';
import { renderPolicies } from './policies.ts';
import { painter } from './style.ts';
import { width } from './table.ts';

const view = { paint: painter(false), now: Date.parse(at(120)) };
const WEB = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'uid-of-web' };

const SUSPENDED: Change = {
  record: aChange(
    {
      phase: 'Suspend',
      reason: 'CheckInconclusive',
      message: 'stable pods fail as well',
      batch: { index: 2, total: 3, target: 3 },
    },
    { target: WEB, sequence: 12, detectedAt: at(-60) },
  ),
  batches: [
    aBatch({ verdict: 'Pass' }),
    aBatch({ verdict: 'Inconclusive' }, { batch: 2, targetUnits: 3, previous: 1 }),
  ],
};
const REFUSED: Change = { record: aRefusedChange(), batches: [aFailedBatch()] };
const FRESH: Change = {
  record: aChange(undefined, {
    sequence: 8,
    actor: { user: '', fieldManager: 'helm', stamped: false },
  }),
  batches: [],
};

const lines = (text: string): string[] => text.split('\n');

describe('the list of changes', () => {
  it('lists changes that need a decision first, then all changes, newest last', () => {
    const text = renderChanges(
      [REFUSED, FRESH, SUSPENDED],
      { allNamespaces: false, wide: false },
      view,
    );
    assert.deepEqual(lines(text), [
      '▲ A change needs a decision: altershield why deploy/web -n shop',
      '',
      '  CHANGE              PHASE       BATCH  ACTOR   AGE',
      '▲ deploy/web #12      Suspend     2/3    alice   3m',
      '    CheckInconclusive: stable pods fail as well',
      '  ├─ ✔ batch 1/3  1 pod  Pass',
      '  └─ ? batch 2/3  3 pods  Inconclusive',
      '↺ deploy/checkout #7  RolledBack  1/3    alice   2m',
      '    CheckFailed: batch 1: image of 1 of 1 new pods cannot be pulled; 9 of 9 old…',
      '  └─ ✖ batch 1/3  1 pod  Fail  ImagePullBackOff: 1 of 1 new pods, 0 of 9 old on…',
      '● deploy/checkout #8  Init        -      (helm)  2m',
    ]);
  });

  it('shows no batch as pending of a change that ended', () => {
    const gone = aChange({ phase: 'Failed', reason: 'WorkloadDeleted', message: 'it is gone' });
    const text = renderChanges(
      [{ record: gone, batches: [aBatch({ verdict: 'Pending' })] }],
      { allNamespaces: false, wide: false },
      view,
    );
    assert.match(text, /└─ · batch 1\/3 {2}1 pod {2}not checked$/);
  });

  it('counts waiting changes when there is more than one', () => {
    const text = renderChanges([SUSPENDED, SUSPENDED], { allNamespaces: true, wide: false }, view);
    assert.match(text, /^▲ 2 changes need a decision/);
    assert.match(text, /NAMESPACE/);
  });

  it('fits 80 columns, whatever the names, in a pipe as well', () => {
    const name = `a-workload-with-a-rather-long-name-${'x'.repeat(40)}`;
    const user = 'system:serviceaccount:flux-system:kustomize-controller';
    const long = aChange(
      { phase: 'TimeOutPreThreshold', batch: { index: 10, total: 20, target: 1 } },
      { target: { ...WEB, name }, sequence: 1234, actor: { user, stamped: true } },
    );
    const changes = [REFUSED, SUSPENDED, { record: long, batches: [] }];
    for (const columns of [80, undefined]) {
      const text = renderChanges(
        changes,
        { allNamespaces: true, wide: false },
        { ...view, columns },
      );
      for (const line of lines(text)) assert.ok(width(line) <= 80, line);
      assert.match(text, /TimeOutPreThresh/);
    }
  });

  it('keeps full texts and adds images in wide output', () => {
    const narrow = { ...view, columns: 80 };
    const text = renderChanges([REFUSED], { allNamespaces: false, wide: true }, narrow);
    assert.match(text, /shop\/checkout:bad-8 .* 9 of 9 old pods are ready$/m);
  });
});

describe('the list of policies', () => {
  const condition = { type: 'Ready', reason: 'x', lastTransitionTime: at(0) };

  it('lists an invalid policy first, with its errors', () => {
    const good = aPolicy('web', {
      matchedWorkloads: 4,
      conditions: [{ ...condition, status: 'True', message: '' }],
    });
    const problem = 'spec.release.batches[1]: must be larger than the one before';
    const bad = aPolicy('zebra', {
      conditions: [{ ...condition, status: 'False', message: problem }],
    });
    const text = renderPolicies([good, bad], { allNamespaces: false, wide: false }, view);
    assert.deepEqual(lines(text), [
      '  POLICY  MODE     STRATEGY  STEPS       ON FAIL   ON INCONCLUSIVE  READY  WORKLOADS  AGE',
      '✖ zebra   Enforce  Batch     1,30%,100%  RollBack  Suspend          False  -          2m',
      `    ${problem}`,
      '✔ web     Enforce  Batch     1,30%,100%  RollBack  Suspend          True   4          2m',
    ]);
  });

  it('explains why a valid policy matches no workload', () => {
    const message =
      'the policy is valid, but matches nothing now: there is no Deployment in its namespaces';
    const conditions = [
      { ...condition, reason: 'NoMatchingWorkloads', status: 'True' as const, message },
    ];
    const idle = aPolicy('idle', { matchedWorkloads: 0, conditions });
    const text = renderPolicies([idle], { allNamespaces: false, wide: false }, view);
    assert.match(text, new RegExp(`^✔ idle .* True   0 .*\\n    ${message}$`, 'm'));
  });

  it('shows a policy without a status as unknown', () => {
    const text = renderPolicies([aPolicy('web')], { allNamespaces: false, wide: true }, view);
    assert.match(text, /^\? web .* Ignore .* \(all\) .* Unknown/m);
  });

  it('shows the selector when it is wide', () => {
    const selector = {
      matchLabels: { tier: 'web' },
      matchExpressions: [{ key: 'env', operator: 'In', values: ['a', 'b'] }],
    };
    const policy = aPolicy('web', undefined, { target: { selector } });
    const text = renderPolicies([policy], { allNamespaces: true, wide: true }, view);
    assert.match(text, /tier=web,env In \(a,b\)/);
  });
});
