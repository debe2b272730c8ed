// SPDX-License-Identifier: Apache-2.0
import { OBJECT_NAMES } from '@altershield/api';
import { webhooksFor, type WebhookTarget } from '@altershield/core';
import {
  Controller,
  RESOURCES,
  type WriteThroughClient,
  type ControllerMetrics,
  type Informer,
  type KubeObject,
  type Logger,
  type Scheduler,
} from '@altershield/kube';
import { specChanged } from '../kinds/predicates.ts';
import { DriftBackoff } from './drift-backoff.ts';
import { publish, type Wanted } from './published.ts';
import type { PolicyCache } from '../caches/policy-cache.ts';
import type { Caches } from '../caches/caches.ts';

export interface WebhooksDeps {
  readonly caches: Caches;
  readonly policyCache: PolicyCache;
  readonly client: WriteThroughClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
  /** Policy and binding of the clamp in the API server; empty if the server does not support it. */
  readonly clamp: readonly Informer<KubeObject>[];
  /** The current address and CA of the webhook; undefined until there is a certificate. */
  readonly target: (signal: AbortSignal) => Promise<WebhookTarget | undefined>;
}

const KEY = 'configurations';
const MUTATING = { resource: RESOURCES.mutatingWebhook, name: OBJECT_NAMES.webhooks } as const;
const VALIDATING = { resource: RESOURCES.validatingWebhook, name: OBJECT_NAMES.webhooks } as const;

export interface WebhooksController {
  readonly controller: Controller;
  /** Writes the configurations, and resolves once they are stored. */
  readonly publish: (signal: AbortSignal) => Promise<void>;
}

/** Derives the webhook configurations from the policies: without policies, no request is sent. */
export function createWebhooksController(deps: WebhooksDeps): WebhooksController {
  const { caches, scheduler, log, metrics } = deps;
  const driftBackoff = new DriftBackoff(deps);
  const kept = [MUTATING, VALIDATING];
  const publishAll = (signal: AbortSignal): Promise<void> =>
    publish(kept, (stop) => wantedOf(deps, stop), { ...deps, driftBackoff }, signal);
  const controller = new Controller({
    name: 'webhooks',
    ...{ scheduler, log, metrics },
    reconcile: async (_key, { signal }) => publishAll(signal),
  });
  controller.watch(caches.policies, (event) => (specChanged(event) ? KEY : []));
  const driftCorrection = { delayMs: () => driftBackoff.delayMs() };
  for (const one of caches.configurations) controller.watch(one, () => KEY, driftCorrection);
  for (const one of deps.clamp) controller.watch(one, () => KEY, driftCorrection);
  controller.enqueue(KEY);
  return { controller, publish: publishAll };
}

async function wantedOf(
  { policyCache, target, clamp, caches }: WebhooksDeps,
  signal: AbortSignal,
): Promise<readonly Wanted[] | undefined> {
  const at = await target(signal);
  if (at === undefined) return undefined;
  // Remove the webhook only once its replacement exists: the API server may be newly upgraded.
  const nativeClamp = clamp.length > 0 && clamp.every((one) => one.list().length > 0);
  const { mutating, validating } = webhooksFor(policyCache.valid(), at, {
    nativeClamp,
    adapters: caches.kinds.map(({ adapter }) => adapter),
  });
  return [
    { ...MUTATING, field: 'webhooks', value: mutating },
    { ...VALIDATING, field: 'webhooks', value: validating },
  ];
}
