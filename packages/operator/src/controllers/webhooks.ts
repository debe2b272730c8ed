// SPDX-License-Identifier: Apache-2.0
import { digest, canonical, webhooksFor, type WebhookPlace } from '@altershield/core';
import {
  Controller,
  RESOURCES,
  KubeError,
  apiVersionOf,
  isAlreadyExists,
  isNotFound,
  type CachedClient,
  type ControllerMetrics,
  type KubeObject,
  type Logger,
  type Resource,
  type Scheduler,
} from '@altershield/kube';
import type { PolicyBook } from '../observe/policy-book.ts';
import type { World } from '../observe/world.ts';

export interface WebhooksDeps {
  readonly world: World;
  readonly book: PolicyBook;
  readonly client: CachedClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
  /** Where the API server finds us; undefined until there is a certificate. */
  readonly place: () => WebhookPlace | undefined;
}

/** Name of both webhook configurations. */
export const CONFIGURATION = 'altershield';
const KEY = 'configurations';
const HASH = 'altershield.io/hash';

interface Configuration extends KubeObject {
  readonly webhooks?: readonly unknown[];
}

export interface WebhooksController {
  readonly controller: Controller;
  /** Writes the configurations now, for whoever must know that they are in force. */
  readonly publish: (signal: AbortSignal) => Promise<void>;
}

/** Keeps the webhook configurations as the policies want them: no policy, no call. */
export function createWebhooksController(deps: WebhooksDeps): WebhooksController {
  const { world, scheduler, log, metrics } = deps;
  const publish = async (signal: AbortSignal): Promise<void> => {
    const place = deps.place();
    if (place === undefined) return;
    const { mutating, validating } = webhooksFor(deps.book.good(), place);
    await Promise.all([
      write(RESOURCES.mutatingWebhook, mutating, deps, signal),
      write(RESOURCES.validatingWebhook, validating, deps, signal),
    ]);
  };
  const controller = new Controller({
    name: 'webhooks',
    scheduler,
    log,
    ...(metrics === undefined ? {} : { metrics }),
    reconcile: async (_key, { signal }) => publish(signal),
  });
  controller.watch(world.policies, () => KEY);
  controller.enqueue(KEY);
  return { controller, publish };
}

async function write(
  resource: Resource,
  webhooks: readonly unknown[],
  { client, log }: WebhooksDeps,
  signal: AbortSignal,
): Promise<void> {
  const key = { namespace: '', name: CONFIGURATION };
  const hash = digest(canonical(webhooks));
  const known = await read(client, resource, signal);
  if (known === undefined) {
    const metadata = { name: CONFIGURATION, annotations: { [HASH]: hash } };
    const body = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata, webhooks };
    await createOnce(client, resource, body, signal);
  } else if (known.metadata.annotations?.[HASH] !== hash || count(known) !== webhooks.length) {
    const body = { metadata: { annotations: { [HASH]: hash } }, webhooks };
    await client.patch(resource, key, { type: 'merge', body }, { signal });
  } else return;
  log.info('webhook configuration written', { kind: resource.kind, webhooks: webhooks.length });
}

/** Another replica may be as quick: what it wrote is looked at on the retry. */
async function createOnce(
  client: CachedClient,
  resource: Resource,
  body: object,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.create(resource, '', body, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const server = { reason: 'Conflict', message: `${resource.kind} was created meanwhile` };
    throw new KubeError({ doing: 'create it', status: 409, server, cause: error });
  }
}

const count = ({ webhooks = [] }: Configuration): number => webhooks.length;

async function read(
  client: CachedClient,
  resource: Resource,
  signal: AbortSignal,
): Promise<Configuration | undefined> {
  try {
    return await client.get<Configuration>(
      resource,
      { namespace: '', name: CONFIGURATION },
      { signal },
    );
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
