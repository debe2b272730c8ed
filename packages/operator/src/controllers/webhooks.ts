// SPDX-License-Identifier: Apache-2.0
import { OWN } from '@altershield/api';
import { isSameConfiguration, webhooksFor, type WebhookPlace } from '@altershield/core';
import {
  Controller,
  RESOURCES,
  apiVersionOf,
  isAlreadyExists,
  isConflict,
  isNotFound,
  type CachedClient,
  type ControllerMetrics,
  type Logger,
  type Resource,
  type Scheduler,
} from '@altershield/kube';
import { isOfSpec } from '../observe/news.ts';
import { HealingPace } from './pace.ts';
import type { PolicyBook } from '../observe/policy-book.ts';
import type { Configuration, World } from '../observe/world.ts';

export interface WebhooksDeps {
  readonly world: World;
  readonly book: PolicyBook;
  readonly client: CachedClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
  /** Where the API server finds us, read anew; undefined until there is a certificate. */
  readonly place: (signal: AbortSignal) => Promise<WebhookPlace | undefined>;
}

const KEY = 'configurations';
const CONFIGURATION_KEY = { namespace: '', name: OWN.webhooks };
const MAX_ATTEMPTS = 5;

interface PublishDeps extends WebhooksDeps {
  readonly pace: HealingPace;
}

export interface WebhooksController {
  readonly controller: Controller;
  /** Writes the configurations now, for whoever must know that they are in force. */
  readonly publish: (signal: AbortSignal) => Promise<void>;
}

/** Keeps the webhook configurations as the policies want them: no policy, no call. */
export function createWebhooksController(deps: WebhooksDeps): WebhooksController {
  const { world, scheduler, log, metrics } = deps;
  const pace = new HealingPace(deps);
  const publish = (signal: AbortSignal): Promise<void> => publishUnraced({ ...deps, pace }, signal);
  const controller = new Controller({
    name: 'webhooks',
    scheduler,
    log,
    ...(metrics === undefined ? {} : { metrics }),
    reconcile: async (_key, { signal }) => publish(signal),
  });
  controller.watch(world.policies, (event) => (isOfSpec(event) ? KEY : []));
  const healing = { delayMs: () => pace.delayMs() };
  for (const one of world.configurations) controller.watch(one, () => KEY, healing);
  controller.enqueue(KEY);
  return { controller, publish };
}

/** Several of us publish: the leader, and each replica that sees a new certificate. */
async function publishUnraced(deps: PublishDeps, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await publishOnce(deps, signal);
      return;
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !(isConflict(error) || isAlreadyExists(error))) throw error;
    }
  }
}

/**
 * First what is in force, then what is to be: with the version of the former as its precondition, a
 * write is refused when a newer certificate was published after ours was read.
 */
async function publishOnce(deps: PublishDeps, signal: AbortSignal): Promise<void> {
  const { client, book, place } = deps;
  const [mutating, validating] = [RESOURCES.mutatingWebhook, RESOURCES.validatingWebhook];
  const known = await Promise.all([
    read(client, mutating, signal),
    read(client, validating, signal),
  ]);
  const at = await place(signal);
  if (at === undefined) return;
  const wanted = webhooksFor(book.good(), at);
  await Promise.all([
    write(mutating, { known: known[0], wanted: wanted.mutating }, deps, signal),
    write(validating, { known: known[1], wanted: wanted.validating }, deps, signal),
  ]);
}

interface Difference {
  readonly known: Configuration | undefined;
  readonly wanted: readonly unknown[];
}

async function write(
  resource: Resource,
  { known, wanted: webhooks }: Difference,
  { client, log, pace }: PublishDeps,
  signal: AbortSignal,
): Promise<void> {
  if (known === undefined) {
    const metadata = { name: OWN.webhooks };
    const body = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata, webhooks };
    await client.create(resource, '', body, { signal });
  } else if (!isSameConfiguration(known.webhooks, webhooks)) {
    const { resourceVersion } = known.metadata;
    const body = { metadata: { resourceVersion }, webhooks };
    await client.patch(resource, CONFIGURATION_KEY, { type: 'merge', body }, { signal });
  } else return;
  pace.wrote(resource.kind, webhooks);
  log.info('webhook configuration written', { kind: resource.kind, webhooks: webhooks.length });
}

async function read(
  client: CachedClient,
  resource: Resource,
  signal: AbortSignal,
): Promise<Configuration | undefined> {
  try {
    return await client.get<Configuration>(resource, CONFIGURATION_KEY, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
