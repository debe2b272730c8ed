// SPDX-License-Identifier: Apache-2.0
import type { InformerEvent, Logger, Scheduler } from '@altershield/kube';
import type { Config } from './config.ts';
import type { ChangeObject } from '../objects.ts';
import { serviceAccountUser } from './identity.ts';
import { workloadKeyString } from '../kinds/followed-kind.ts';
import { BY_TARGET, targetKey, type Caches } from '../caches/caches.ts';

/** API servers load a webhook, and detection finds earlier changes, within a few seconds. */
const GRACE_MS = 10_000;

export interface BypassWarningDeps {
  readonly scheduler: Pick<Scheduler, 'now'>;
  readonly log: Logger;
  /** Why the API server may not have called the webhook, and what to do. */
  readonly hint: () => string;
}

/** Warns about each change that bypassed admission although the webhook was registered. */
export class BypassWarning {
  readonly #caches: Pick<Caches, 'changes' | 'configurations'>;
  readonly #deps: BypassWarningDeps;
  /** Since when this replica leads; `undefined` while it does not. */
  #leadsSince: number | undefined;
  /** Since when the webhooks are registered in their current form; `undefined` if deleted. */
  #registeredSince: number | undefined;

  constructor(caches: Pick<Caches, 'changes' | 'configurations'>, deps: BypassWarningDeps) {
    this.#caches = caches;
    this.#deps = deps;
    for (const configuration of caches.configurations) {
      configuration.onEvent(({ type }) => {
        this.#registeredSince = type === 'Deleted' ? undefined : deps.scheduler.now();
      });
    }
    caches.changes.onEvent((event) => {
      this.#onChange(event);
    });
  }

  /** Warns while `lead` runs. */
  async whileLeading(lead: () => Promise<void>): Promise<void> {
    this.#leadsSince = this.#deps.scheduler.now();
    try {
      await lead();
    } finally {
      this.#leadsSince = undefined;
    }
  }

  #onChange({ type, initial, object }: InformerEvent<ChangeObject>): void {
    const { metadata, spec } = object;
    if (type !== 'Added' || initial || !this.#isGuarded()) return;
    // A change released long before its detection did not bypass the current webhook.
    if (spec.detectedBy !== 'Watch' || spec.operation === 'PreExisting') return;
    const { log, hint } = this.#deps;
    const target = workloadKeyString(targetKey(object));
    const isSigned = this.#caches.changes
      .byIndex(BY_TARGET, target)
      .some(({ metadata: { uid } }) => uid === metadata.uid);
    if (!isSigned) return;
    log.warn('a change bypassed admission although the webhook is registered', {
      workload: target,
      change: metadata.name,
      hint: hint(),
    });
  }

  /** True if the API server must have sent a recent write to the webhook. */
  #isGuarded(): boolean {
    const before = this.#deps.scheduler.now() - GRACE_MS;
    const [leads, registered] = [this.#leadsSince, this.#registeredSince];
    return leads !== undefined && registered !== undefined && Math.max(leads, registered) <= before;
  }
}

/**
 * Why the API server may not have called the webhook, and what to do.
 * @param url the registered URL of the webhook; `undefined`: it is registered by its Service
 */
export function unreachableHint(
  { namespace, service }: Pick<Config, 'namespace' | 'service'>,
  { operatorUser, url }: { readonly operatorUser: string; readonly url: string | undefined },
): string {
  const isServiceAccount = operatorUser === serviceAccountUser(namespace);
  const hints = [
    ...(isServiceAccount
      ? []
      : [`the operator acts as ${operatorUser}, whose changes are not held: see --as`]),
    url === undefined
      ? `the API server may not reach the Service ${namespace}/${service}: check its endpoints and network policies`
      : `the API server may not reach ${url}: give --webhook-url-host a name or address that it reaches, as docs/laptop.md shows`,
    'the log of the API server then says "failed calling webhook"',
  ];
  return hints.join('; ');
}
