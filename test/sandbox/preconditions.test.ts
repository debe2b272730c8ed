// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallInfo, FaultPlan } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';
import { GITOPS } from '../support/simulation.ts';

const POLICY = { release: { batches: [1, '100%'], soakSeconds: 0 }, limits: { historyLimit: 1 } };

test('every write except events has the uid and resourceVersion of the object that was read', async () => {
  const writes: CallInfo[] = [];
  const beforeCall: FaultPlan['beforeCall'] = (call) => {
    if (call.write > 0 && kindOf(call) !== 'events') writes.push(call);
    return undefined;
  };
  const checkout = await Checkout.start({ policy: POLICY, faults: { beforeCall } });
  await checkout.govern({ ...POLICY, target: { selector: { matchLabels: { tier: 'web' } } } });
  await checkout.apply('2', 60_000);
  await checkout.apply('bad-3', 60_000);
  await assert.rejects(checkout.apply('bad-3', 10_000, GITOPS), /denies this revision/);
  await checkout.apply('4', 60_000);
  assert.deepEqual([...new Set(writes.map((call) => `${call.method} ${kindOf(call)}`))].sort(), [
    'DELETE changeworkloads',
    'PATCH changepods/status',
    'PATCH changepolicies/status',
    'PATCH changeworkloads/status',
    'PATCH deployments',
    'PATCH deployments/status',
    'PATCH mutatingwebhookconfigurations',
    'PATCH replicasets',
    'PATCH validatingwebhookconfigurations',
    'POST changepods',
    'POST changeworkloads',
    'POST mutatingwebhookconfigurations',
    'POST validatingwebhookconfigurations',
  ]);
  const bold = writes.filter((call) => call.method !== 'POST' && !isConditional(call));
  assert.deepEqual(bold, []);
});

/** `changepods/status`. */
function kindOf({ path }: CallInfo): string {
  const [, kind = '', , subresource] =
    /\/v1(?:alpha1)?\/(?:namespaces\/[^/]+\/)?([^/?]+)(\/[^/?]+)?(\/status)?/.exec(path) ?? [];
  return `${kind}${subresource ?? ''}`;
}

const UID = '/metadata/uid';
const VERSION = '/metadata/resourceVersion';

/** Of a ReplicaSet, others write but the number of its pods. */
function isPatchConditional(path: string, ops: readonly { op: string; path: string }[]): boolean {
  const named = ops.filter((op) => op.op === 'test' || op.path === VERSION).map((op) => op.path);
  const has = (...fields: string[]): boolean => fields.every((field) => named.includes(field));
  if (!path.includes('/namespaces/')) return has(VERSION);
  if (!path.includes('/replicasets/')) return has(UID, '/metadata/generation') || has(UID, VERSION);
  const isScaled = ops.some((op) => op.path === '/spec/replicas');
  return isScaled ? has(UID, '/spec/replicas') : has(UID);
}

interface Conditions {
  readonly metadata?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly preconditions?: { readonly uid?: string };
}

/** A name is made anew by anybody; a uid is not. What has no other owner is told by its version alone. */
function isConditional({ body = '', path }: CallInfo): boolean {
  const sent = JSON.parse(body) as Conditions | readonly { readonly op: string; path: string }[];
  if (Array.isArray(sent)) return isPatchConditional(path, sent as { op: string; path: string }[]);
  const { metadata, preconditions } = sent as Conditions;
  if (metadata === undefined) return preconditions?.uid !== undefined;
  const isNamespaced = path.includes('/namespaces/');
  return metadata.resourceVersion !== undefined && (metadata.uid !== undefined || !isNamespaced);
}
