// SPDX-License-Identifier: Apache-2.0
import { CHANGE_PODS, CHANGE_WORKLOADS, API_VERSION, LABELS } from '@altershield/api';
import {
  batchConditionsOf,
  batchName,
  conditionsOf,
  mergePatch,
  type BatchRecord,
  type Decision,
} from '@altershield/core';
import { isAlreadyExists, type WriteThroughClient } from '@altershield/kube';
import type { ChangePodObject, ChangeObject } from '../objects.ts';
import type { Caches } from '../caches/caches.ts';

export interface RecordDeps {
  readonly client: WriteThroughClient;
  readonly caches: Pick<Caches, 'batches'>;
}

/** Stores a decision in the status of the change and its batch, before the goal is performed. */
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
  // Conditions and generation are derived from other fields: they alone do not cause a write.
  if (mergePatch(before, status) === undefined) return;
  const { generation } = change.metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const next = { ...status, ...observed, conditions: conditionsOf(change, status) };
  const patch = mergePatch(before, next);
  if (patch === undefined) return;
  await patchStatus({ client, resource: CHANGE_WORKLOADS, signal }, change, patch);
}

async function recordBatch(
  change: ChangeObject,
  batch: BatchRecord,
  { client, caches }: RecordDeps,
  signal: AbortSignal,
): Promise<void> {
  const { namespace = '', name } = change.metadata;
  const key = { namespace, name: batchName(name, batch.index) };
  const known =
    caches.batches.get(key) ?? (await createBatch(change, batch, { client, key }, signal));
  if (batch.status === undefined) return;
  const { judgedAt, ...finding } = batch.status;
  // Conditions and time are derived from other fields: they alone do not cause a write.
  const { judgedAt: _, conditions: __, observedGeneration: ___, ...before } = known.status ?? {};
  const patch = mergePatch(before, finding);
  // The same outcome may be computed again, e.g. after a crash: there is nothing to write.
  if (patch === undefined) return;
  const { generation } = known.metadata;
  const more = {
    judgedAt,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: batchConditionsOf(known, batch.status),
  };
  await patchStatus({ client, resource: CHANGE_PODS, signal }, known, { ...patch, ...more });
}

interface BatchLocation {
  readonly client: WriteThroughClient;
  readonly key: { readonly namespace: string; readonly name: string };
}

async function createBatch(
  change: ChangeObject,
  batch: BatchRecord,
  { client, key }: BatchLocation,
  signal: AbortSignal,
): Promise<ChangePodObject> {
  const { name, uid } = change.metadata;
  const { target } = change.spec;
  const body = {
    apiVersion: API_VERSION,
    kind: CHANGE_PODS.kind,
    metadata: {
      ...key,
      labels: { [LABELS.change]: name.slice(0, 63), [LABELS.targetUid]: target.uid },
      ownerReferences: [
        { apiVersion: API_VERSION, kind: CHANGE_WORKLOADS.kind, name, uid, controller: true },
      ],
    },
    spec: { ...batch.spec, change: { name, uid }, target },
  };
  try {
    return await client.create<ChangePodObject>(CHANGE_PODS, key.namespace, body, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return client.get<ChangePodObject>(CHANGE_PODS, key, { signal });
  }
}

interface StatusCall {
  readonly client: WriteThroughClient;
  readonly resource: typeof CHANGE_WORKLOADS;
  readonly signal: AbortSignal;
}

/** Rejects with a conflict if the object has changed since it was read. */
async function patchStatus(
  { client, resource, signal }: StatusCall,
  { metadata }: ChangeObject | ChangePodObject,
  status: object,
): Promise<void> {
  const { namespace = '', name, uid, resourceVersion } = metadata;
  const body = { metadata: { uid, resourceVersion }, status };
  const key = { namespace, name };
  await client.patch(resource, key, { type: 'merge', body }, { subresource: 'status', signal });
}
