// SPDX-License-Identifier: Apache-2.0
import type { Signer, WebhookTarget } from '@altershield/core';

/**
 * Whoever could call the webhook would get our seal on what never was written. So nothing is served
 * but paths under a word that follows from the seal key. It stands in our webhook configurations, and in what
 * the API server says to users while we are down: a wall beside a NetworkPolicy, not in its place.
 */
export class SecretPaths {
  readonly #prefix: string;

  constructor(sign: Signer) {
    this.#prefix = `/${sign({ webhook: 'paths' })}`;
  }

  secret(path: string): string {
    return `${this.#prefix}${path}`;
  }

  /** The path without its secret, for whoever shows it to others. */
  redact(path: string): string {
    return path.startsWith(this.#prefix) ? path.slice(this.#prefix.length) : path;
  }

  /** The place under its secret paths. */
  at(target: WebhookTarget): WebhookTarget {
    return { ...target, clientConfig: (path) => target.clientConfig(this.secret(path)) };
  }
}
