// SPDX-License-Identifier: Apache-2.0
import { API_VERSION, LABELS } from '@altershield/api';
import {
  batchConditionsOf,
  conditionsOf,
  type BatchRecord,
  type Decision,
} from '@altershield/core';
import { isAlreadyExists, type CachedClient } from '@altershield/kube';
import { BATCHES, CHANGES, type BatchObject, type ChangeObject } from '../kinds.ts';
import type { World } from '../observe/world.ts';
import { mergePatch } from './merge-patch.ts';
import { batchName } from './names.ts';

export interface RecordDeps {
  readonly client: CachedClient;
  readonly world: Pick<World, 'batches'>;
}

/** Writes down what was decided, before anything is done about it. */
export async function record(
  change: ChangeObject,
  { status, batch }: Decision,
  deps: RecordDeps,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all([
    batch === undefined ? undefined : recordBatch(change, batch, deps, signal),
    recordStatus(change, status, deps, signal),
  ]);
}

async function recordStatus(
  change: ChangeObject,
  status: Decision['status'],
  { client }: RecordDeps,
  signal: AbortSignal,
): Promise<void> {
  const before = change.status ?? {};
  // Conditions and generation follow from the rest: they are no reason to write on their own.
  if (mergePatch(before, status) === undefined) return;
  const { generation } = change.metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const next = { ...status, ...observed, conditions: conditionsOf(change, status) };
  const patch = mergePatch(before, next);
  if (patch === undefined) return;
  await patchStatus({ client, resource: CHANGES, signal }, change, patch);
}

async function recordBatch(
  change: ChangeObject,
  batch: BatchRecord,
  { client, world }: RecordDeps,
  signal: AbortSignal,
): Promise<void> {
  const { namespace = '', name } = change.metadata;
  const key = { namespace, name: batchName(name, batch.index) };
  const known =
    world.batches.get(key) ?? (await createBatch(change, batch, { client, key }, signal));
  if (batch.status === undefined) return;
  const { judgedAt, ...finding } = batch.status;
  // Conditions and time follow from the rest: they are no reason to write on their own.
  const { judgedAt: _, conditions: __, observedGeneration: ___, ...before } = known.status ?? {};
  const patch = mergePatch(before, finding);
  // Found again, as after a crash in between, it is no news.
  if (patch === undefined) return;
  const { generation } = known.metadata;
  const more = {
    judgedAt,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: batchConditionsOf(known, batch.status),
  };
  await patchStatus({ client, resource: BATCHES, signal }, known, { ...patch, ...more });
}

interface Place {
  readonly client: CachedClient;
  readonly key: { readonly namespace: string; readonly name: string };
}

async function createBatch(
  change: ChangeObject,
  batch: BatchRecord,
  { client, key }: Place,
  signal: AbortSignal,
): Promise<BatchObject> {
  const { name, uid } = change.metadata;
  const { target } = change.spec;
  const body = {
    apiVersion: API_VERSION,
    kind: BATCHES.kind,
    metadata: {
      ...key,
      labels: { [LABELS.change]: name.slice(0, 63), [LABELS.targetUid]: target.uid },
      ownerReferences: [
        { apiVersion: API_VERSION, kind: CHANGES.kind, name, uid, controller: true },
      ],
    },
    spec: { ...batch.spec, change: { name, uid }, target },
  };
  try {
    return await client.create<BatchObject>(BATCHES, key.namespace, body, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return client.get<BatchObject>(BATCHES, key, { signal });
  }
}

interface StatusCall {
  readonly client: CachedClient;
  readonly resource: typeof CHANGES;
  readonly signal: AbortSignal;
}

/** Refused with a conflict when the object is not the one we looked at any more. */
async function patchStatus(
  { client, resource, signal }: StatusCall,
  { metadata }: ChangeObject | BatchObject,
  status: object,
): Promise<void> {
  const { namespace = '', name, uid, resourceVersion } = metadata;
  const body = { metadata: { uid, resourceVersion }, status };
  const key = { namespace, name };
  await client.patch(resource, key, { type: 'merge', body }, { subresource: 'status', signal });
}
