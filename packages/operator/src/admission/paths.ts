// SPDX-License-Identifier: Apache-2.0
import type { Signer, WebhookTarget } from '@altershield/core';

/**
 * A client that can call the webhook could obtain the operator's signature for writes that never
 * happened. Therefore the webhook serves only paths below a secret prefix, derived from the signing
 * key. The prefix appears in the webhook configurations, and in errors that the API server shows to
 * users while the operator is down: it complements a NetworkPolicy, but does not replace it.
 */
export class SecretPaths {
  readonly #prefix: string;

  constructor(sign: Signer) {
    this.#prefix = `/${sign({ webhook: 'paths' })}`;
  }

  secret(path: string): string {
    return `${this.#prefix}${path}`;
  }

  /** Removes the secret from a path, for metrics. */
  redact(path: string): string {
    return path.startsWith(this.#prefix) ? path.slice(this.#prefix.length) : path;
  }

  /** The target with secret paths. */
  at(target: WebhookTarget): WebhookTarget {
    return { ...target, clientConfig: (path) => target.clientConfig(this.secret(path)) };
  }
}
