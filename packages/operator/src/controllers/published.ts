// SPDX-License-Identifier: Apache-2.0
import { isSameConfiguration } from '@altershield/core';
import {
  apiVersionOf,
  isAlreadyExists,
  isConflict,
  isNotFound,
  type WriteThroughClient,
  type KubeObject,
  type Logger,
  type APIResource,
} from '@altershield/kube';
import type { DriftBackoff } from './drift-backoff.ts';

/** A cluster-scoped object that the operator keeps in its desired state. */
export interface Kept {
  readonly resource: APIResource;
  readonly name: string;
}

/** The single field that the operator manages, with its desired value. */
export interface Wanted extends Kept {
  readonly field: 'spec' | 'webhooks';
  readonly value: unknown;
}

export interface PublishDeps {
  readonly client: WriteThroughClient;
  readonly log: Logger;
  readonly driftBackoff: DriftBackoff;
}

/** Returns the desired objects; called after the live objects were read. Undefined: none yet. */
type WantedOf = (signal: AbortSignal) => Promise<readonly Wanted[] | undefined>;

const MAX_ATTEMPTS = 5;

/** Retries conflicts: the leader publishes, and so do replicas that see a new certificate. */
export async function publish(
  kept: readonly Kept[],
  wantedOf: WantedOf,
  deps: PublishDeps,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await publishOnce(kept, wantedOf, deps, signal);
      return;
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !(isConflict(error) || isAlreadyExists(error))) throw error;
    }
  }
}

/**
 * Reads the live objects first, then computes the desired ones. Each write has the live version as
 * its precondition, so it fails if another replica published a newer state in between.
 */
async function publishOnce(
  kept: readonly Kept[],
  wantedOf: WantedOf,
  deps: PublishDeps,
  signal: AbortSignal,
): Promise<void> {
  const read = await Promise.all(kept.map((one) => readKnown(one, deps.client, signal)));
  const known = new Map(kept.map((one, i) => [publishedKey(one), read[i]]));
  const wanted = (await wantedOf(signal)) ?? [];
  await Promise.all(wanted.map((one) => write(one, known.get(publishedKey(one)), deps, signal)));
}

const publishedKey = ({ resource, name }: Kept): string => `${resource.plural}/${name}`;

async function readKnown(
  { resource, name }: Kept,
  client: WriteThroughClient,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(resource, { namespace: '', name }, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function write(
  { resource, name, field, value }: Wanted,
  known: KubeObject | undefined,
  { client, log, driftBackoff }: PublishDeps,
  signal: AbortSignal,
): Promise<void> {
  const { kind } = resource;
  if (known === undefined) {
    const body = { apiVersion: apiVersionOf(resource), kind, metadata: { name }, [field]: value };
    await client.create(resource, '', body, { signal });
  } else if (!isSameConfiguration(valueOf(known, field), value)) {
    // A JSON patch replaces the whole field; a merge patch would keep additions by other clients.
    const ops = [
      { op: 'add', path: '/metadata/resourceVersion', value: known.metadata.resourceVersion },
      { op: 'add', path: `/${field}`, value },
    ] as const;
    await client.patch(resource, { namespace: '', name }, { type: 'json', ops }, { signal });
  } else return;
  driftBackoff.recordWrite(`${kind}/${name}`, value);
  log.info('admission configuration written', { kind, name });
}

const valueOf = (object: KubeObject, field: string): unknown =>
  (object as unknown as Readonly<Record<string, unknown>>)[field];
