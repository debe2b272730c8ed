// SPDX-License-Identifier: Apache-2.0
import { OWN } from '@altershield/api';
import { webhooksFor, type WebhookPlace } from '@altershield/core';
import {
  Controller,
  RESOURCES,
  type CachedClient,
  type ControllerMetrics,
  type Informer,
  type KubeObject,
  type Logger,
  type Scheduler,
} from '@altershield/kube';
import { isOfSpec } from '../observe/news.ts';
import { HealingPace } from './pace.ts';
import { publish, type Wanted } from './published.ts';
import type { PolicyBook } from '../observe/policy-book.ts';
import type { World } from '../observe/world.ts';

export interface WebhooksDeps {
  readonly world: World;
  readonly book: PolicyBook;
  readonly client: CachedClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
  /** Policy and binding of the clamp in the API server; none: this API server cannot have one. */
  readonly clamp: readonly Informer<KubeObject>[];
  /** Where the API server finds us, read anew; undefined until there is a certificate. */
  readonly place: (signal: AbortSignal) => Promise<WebhookPlace | undefined>;
}

const KEY = 'configurations';
const MUTATING = { resource: RESOURCES.mutatingWebhook, name: OWN.webhooks } as const;
const VALIDATING = { resource: RESOURCES.validatingWebhook, name: OWN.webhooks } as const;

export interface WebhooksController {
  readonly controller: Controller;
  /** Writes the configurations now, for whoever must know that they are in force. */
  readonly publish: (signal: AbortSignal) => Promise<void>;
}

/** Keeps the webhook configurations as the policies want them: no policy, no call. */
export function createWebhooksController(deps: WebhooksDeps): WebhooksController {
  const { world, scheduler, log, metrics } = deps;
  const pace = new HealingPace(deps);
  const kept = [MUTATING, VALIDATING];
  const publishAll = (signal: AbortSignal): Promise<void> =>
    publish(kept, (stop) => wantedOf(deps, stop), { ...deps, pace }, signal);
  const controller = new Controller({
    name: 'webhooks',
    scheduler,
    log,
    ...(metrics === undefined ? {} : { metrics }),
    reconcile: async (_key, { signal }) => publishAll(signal),
  });
  controller.watch(world.policies, (event) => (isOfSpec(event) ? KEY : []));
  const healing = { delayMs: () => pace.delayMs() };
  for (const one of world.configurations) controller.watch(one, () => KEY, healing);
  for (const one of deps.clamp) controller.watch(one, () => KEY, healing);
  controller.enqueue(KEY);
  return { controller, publish: publishAll };
}

async function wantedOf(
  { book, place, clamp, world }: WebhooksDeps,
  signal: AbortSignal,
): Promise<readonly Wanted[] | undefined> {
  const at = await place(signal);
  if (at === undefined) return undefined;
  // The webhook goes only when what replaces it is there: an API server may have just been upgraded.
  const nativeClamp = clamp.length > 0 && clamp.every((one) => one.list().length > 0);
  const { mutating, validating } = webhooksFor(book.good(), at, {
    nativeClamp,
    adapters: world.kinds.map(({ adapter }) => adapter),
  });
  return [
    { ...MUTATING, field: 'webhooks', value: mutating },
    { ...VALIDATING, field: 'webhooks', value: validating },
  ];
}
