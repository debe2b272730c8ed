// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangeWorkload } from '@altershield/api';
import { ADAPTERS } from '../workload/registry.ts';
import { explainErrors } from '../policy/field.ts';
import { parsePolicy } from '../policy/validate.ts';
import { contentOf } from '../revision/content.ts';
import { fingerprint, quarantineKey } from '../revision/fingerprint.ts';
import { anApproval, anObservation, aTemplate } from '@altershield/testing/builders';
import { decide } from './decide.ts';
import { isEnforced, isHeld, strategyOf } from './enforcement.ts';

/** A policy with every default that the former schema wrote into it. */
const POLICY = {
  mode: 'Enforce',
  target: { kinds: ['Deployment'] },
  release: { strategy: 'Batch', batches: [1, '30%', '100%'], soakSeconds: 10 },
  checks: { podHealth: { maxRestarts: 2, maxUnready: 4 } },
  onFail: 'RollBack',
  onInconclusive: 'Suspend',
  limits: { rollbacksPerHour: 3, quarantineSeconds: 604_800, records: 7, recordSeconds: 3600 },
  failurePolicy: 'Ignore',
};

/** The same as the API server serves it under the new schema: without fields that it does not have. */
const SERVED = {
  ...POLICY,
  checks: { podHealth: { maxRestarts: 2 } },
  limits: { rollbacksPerHour: 3, quarantineSeconds: 604_800 },
};

const place = {
  namespace: 'shop',
  operatorNamespace: 'altershield-system',
  kinds: ADAPTERS.map(({ descriptor }) => descriptor),
};

const [from, to] = [aTemplate('a'), aTemplate('b')];
const revision = (template: typeof from) => ({
  fingerprint: fingerprint(template),
  quarantineKey: quarantineKey(template),
  images: [],
});

/** A record that keeps its rollback target as `template`, and how it is released in the policy alone. */
const record = (mode: 'Enforce' | 'Audit', strategy: 'Batch' | 'Rolling'): ChangeWorkload => {
  const parsed = parsePolicy({ ...SERVED, mode, release: { ...POLICY.release, strategy } }, place);
  assert.ok(parsed.ok);
  return {
    apiVersion: 'altershield.io/v1alpha1',
    kind: 'ChangeWorkload',
    metadata: {
      ...{ name: 'deployment-web-1', namespace: 'shop', uid: 'c-1', resourceVersion: '1' },
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: {
      target: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'd-1' },
      ...{ sequence: 1, operation: 'Update', detectedBy: 'Admission' },
      detectedAt: '2026-01-01T00:00:00Z',
      actor: { user: 'ann', stamped: true },
      cause: { tool: 'kubectl', action: 'Update' },
      from: { ...revision(from), verified: true, template: from },
      to: revision(to),
      diff: [],
      policy: { namespace: 'shop', name: 'web', uid: 'p-1', generation: 1, spec: parsed.spec },
    },
  };
};

test('a stored policy of the former schema keeps what it says, and gets defaults for renamed fields', () => {
  const parsed = parsePolicy(SERVED, place);
  assert.ok(parsed.ok);
  const { target, release, onFail, limits, checks } = parsed.spec;
  assert.deepEqual(
    { target, release, onFail },
    {
      ...{ target: POLICY.target, release: POLICY.release, onFail: POLICY.onFail },
    },
  );
  assert.deepEqual([limits.historyLimit, limits.historyTTLSeconds], [10, 1_209_600]);
  assert.equal(checks.podHealth.maxReadinessLosses, 1);
});

test('a manifest of the former schema is denied with every field that has another name', () => {
  const parsed = parsePolicy(POLICY, place);
  const text = parsed.ok ? '' : explainErrors(parsed.errors);
  for (const field of ['podHealth.maxUnready', 'limits.records', 'limits.recordSeconds']) {
    assert.match(text, new RegExp(`${field}\\b.*there is no such field`));
  }
});

test('a record without `release` is enforced and held as its policy and operation say', () => {
  const held = record('Enforce', 'Batch').spec;
  assert.deepEqual([isEnforced(held), strategyOf(held), isHeld(held)], [true, 'Batch', true]);
  const rolling = record('Enforce', 'Rolling').spec;
  assert.deepEqual([isEnforced(rolling), isHeld(rolling)], [true, false]);
  assert.equal(isEnforced(record('Audit', 'Batch').spec), false);
  assert.equal(isEnforced({ ...held, operation: 'Create' }), false);
});

test('a record that keeps its rollback target as `template` is released and rolled back by it', () => {
  const change = record('Enforce', 'Batch');
  const kept = change.spec.from;
  assert.ok(kept !== undefined);
  assert.deepEqual(contentOf(kept), from);
  const approvals = [anApproval({ decision: 'RollBack' })];
  const { goal } = decide(anObservation({ change, approvals }));
  assert.ok(goal?.type === 'RollBack');
  assert.deepEqual(goal.template, from);
});
