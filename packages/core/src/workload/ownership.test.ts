// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aDeployment } from '@altershield/testing/builders';
import { applyPatch } from '@altershield/testing/json-patch';
import { isRestored, ownershipOf, restoreOwnership } from './ownership.ts';
import type { Deployment } from './deployment/objects.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const IMAGE = { 'f:spec': { 'f:containers': { 'k:{"name":"app"}': { 'f:image': {} } } } };
const ENV = { 'f:spec': { 'f:containers': { 'k:{"name":"app"}': { 'f:env': {} } } } };

const entry = (manager: string, operation: string, spec: object, more: object = {}) => ({
  ...{ manager, operation, apiVersion: 'apps/v1', time: '2026-01-01T00:00:00Z' },
  ...{ fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': spec } },
  ...more,
});

const owned = (managedFields: readonly unknown[], applied?: object): Deployment =>
  aDeployment({
    metadata: {
      ...{ managedFields, resourceVersion: '7' },
      annotations: applied === undefined ? {} : { [LAST_APPLIED]: JSON.stringify(applied) },
    },
  });

const managersOf = ({ metadata }: Deployment) =>
  (metadata.managedFields ?? []) as { manager: string; fieldsV1: { 'f:spec'?: object } }[];

test('a rollback restores each manager’s ownership of the template, and the operator owns nothing', () => {
  const verified = owned([entry('argocd', 'Apply', { 'f:replicas': {}, 'f:template': ENV })]);
  const saved = ownershipOf(verified) ?? '';
  const live = owned([
    entry('argocd', 'Apply', { 'f:replicas': {}, 'f:paused': {}, 'f:template': IMAGE }),
    entry('altershield', 'Update', { 'f:template': ENV }),
    entry('kube-controller-manager', 'Update', {}, { subresource: 'status' }),
  ]);
  const restored = applyPatch(live, restoreOwnership(live, saved));
  const [argocd, ...others] = managersOf(restored);
  assert.deepEqual(argocd?.fieldsV1['f:spec'], {
    ...{ 'f:replicas': {}, 'f:paused': {} },
    'f:template': ENV,
  });
  assert.ok(!JSON.stringify(others).includes('f:template'), 'only who owned it owns it');
  assert.equal(ownershipOf(restored), saved, 'so the next look finds nothing to do');
  assert.deepEqual(restoreOwnership(restored, saved), []);
});

test('a concurrent status write of the controller is not a conflict', () => {
  const status = { subresource: 'status' };
  const kcm = entry('kube-controller-manager', 'Update', {}, status);
  const verified = owned([entry('kubectl', 'Update', { 'f:replicas': {}, 'f:template': ENV })]);
  const read = [
    entry('kubectl', 'Update', { 'f:replicas': {} }),
    entry('altershield', 'Update', { 'f:template': ENV }),
  ];
  const patch = restoreOwnership(owned([...read, kcm]), ownershipOf(verified) ?? '');
  const later = { ...kcm, time: '2026-01-01T00:00:01Z' };
  const restored = managersOf(applyPatch(owned([...read, later]), patch));
  assert.deepEqual(restored, [...managersOf(verified), later]);
});

test('a concurrent write of a user makes the patch fail', () => {
  const verified = owned([entry('kubectl', 'Update', { 'f:replicas': {}, 'f:template': ENV })]);
  const kubectl = entry('kubectl', 'Update', { 'f:replicas': {} });
  const ours = entry('altershield', 'Update', { 'f:template': ENV });
  const patch = restoreOwnership(owned([kubectl, ours]), ownershipOf(verified) ?? '');
  const paused = entry('kubectl', 'Update', { 'f:replicas': {}, 'f:paused': {} });
  const { metadata, ...rest } = owned([kubectl, ours]);
  for (const [what, now] of [
    ['fields of a manager that gets some back', owned([paused, ours])],
    ['the template: nothing of it is the operator’s any more', owned([kubectl])],
    ['the template', { ...rest, metadata: { ...metadata, generation: 8 } }],
  ] as const) {
    assert.throws(() => applyPatch(now, patch), what);
  }
});

test('a manager that owned only the template is restored, the operator is not', () => {
  const verified = owned([
    entry('kubectl-edit', 'Update', { 'f:template': ENV }),
    entry('altershield', 'Update', { 'f:template': IMAGE }),
  ]);
  const live = owned([entry('argocd', 'Apply', { 'f:template': IMAGE })]);
  const restored = applyPatch(live, restoreOwnership(live, ownershipOf(verified) ?? ''));
  assert.deepEqual(
    managersOf(restored).map(({ manager }) => manager),
    ['kubectl-edit'],
  );
});

test('kubectl’s last-applied manifest has the verified template and its later fields', () => {
  const manifest = (image: string, label: string) => ({
    metadata: { name: 'web', labels: { label } },
    spec: { replicas: 3, template: { image } },
  });
  const saved = ownershipOf(owned([], manifest('a', 'old'))) ?? '';
  const live = owned([], manifest('b', 'new'));
  const { annotations } = applyPatch(live, restoreOwnership(live, saved)).metadata;
  assert.deepEqual(JSON.parse(annotations?.[LAST_APPLIED] ?? ''), manifest('a', 'new'));
});

test('unknown, oversized or malformed ownership is not restored', () => {
  assert.equal(ownershipOf(owned([])), undefined);
  const long = Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`f:field-${i}`, {}]));
  assert.equal(ownershipOf(owned([entry('x', 'Apply', { 'f:template': long })])), undefined);
  assert.equal(ownershipOf(owned([{ manager: 'x' }, 'forged', null])), undefined);
  for (const text of ['', '{', '[]', '{"managers":1}']) {
    assert.deepEqual(restoreOwnership(owned([]), text), [], text);
  }
});

test('nothing is restored when each manager already has its fields', () => {
  const manifest = { spec: { template: { image: 'a' } } };
  const argocd = entry('argocd', 'Apply', { 'f:template': ENV });
  const ours = entry('altershield', 'Update', { 'f:template': IMAGE });
  const wanted = ownershipOf(owned([argocd, ours], manifest)) ?? '';
  const is = (managers: readonly unknown[], applied?: object) =>
    isRestored(ownershipOf(owned(managers, applied)), wanted);
  assert.ok(is([argocd], manifest));
  assert.ok(is([argocd]), 'a server-side apply took the manifest of kubectl away');
  assert.ok(!is([argocd, ours], manifest), 'the operator still owns fields');
  assert.ok(!is([entry('argocd', 'Apply', { 'f:template': IMAGE })], manifest));
  assert.ok(!is([argocd], { spec: { template: { image: 'b' } } }), 'the manifest is a later one');
  assert.ok(isRestored(undefined, wanted), 'not known: the rollback must not wait for ever');
});
