// SPDX-License-Identifier: Apache-2.0
import { TRAFFIC_RESOURCES } from '@altershield/core';
import {
  isConflict,
  isInvalid,
  isNotFound,
  keyOf,
  type APIResource,
  type Client,
  type KubeObject,
} from '@altershield/kube';
import { listAll } from './records.ts';

/** An object that sends requests to one revision, and why it could not be restored. */
interface Restored {
  readonly resource: APIResource;
  readonly object: KubeObject;
  readonly failure?: Error;
}

/** Gives the Services of all namespaces back to their users: they select all pods again. */
export async function restoreTraffic(
  client: Pick<Client, 'get' | 'list' | 'patch'>,
): Promise<Restored[]> {
  const restored: Restored[] = [];
  for (const { resource, restore } of TRAFFIC_RESOURCES) {
    for (const object of await listServed(client, resource)) {
      if (restore(object) === undefined) continue;
      restored.push({
        resource,
        object,
        ...(await tryRestore(client, { resource, restore }, object)),
      });
    }
  }
  return restored;
}

async function listServed(
  client: Pick<Client, 'get' | 'list'>,
  resource: APIResource,
): Promise<KubeObject[]> {
  try {
    return await listAll(client, resource, {});
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

/** Attempts while another client writes the same object. */
const ATTEMPTS = 3;

async function tryRestore(
  client: Pick<Client, 'get' | 'patch'>,
  { resource, restore }: (typeof TRAFFIC_RESOURCES)[number],
  object: KubeObject,
  attempt = 1,
): Promise<Pick<Restored, 'failure'>> {
  const ops = restore(object);
  if (ops === undefined) return {};
  try {
    await client.patch(resource, keyOf(object), { type: 'json', ops });
    return {};
  } catch (error) {
    const failure = error instanceof Error ? error : new Error(String(error));
    // A JSON patch whose test fails is answered as invalid.
    const isRace = isConflict(failure) || isInvalid(failure);
    if (!isRace || attempt === ATTEMPTS) return { failure };
    const live = await client.get(resource, keyOf(object)).catch(() => object);
    return tryRestore(client, { resource, restore }, live, attempt + 1);
  }
}
