// SPDX-License-Identifier: Apache-2.0

/** What the operator makes itself, by name: beside its records, and in its own namespace but for the webhooks. */
export const OBJECT_NAMES = {
  lease: 'altershield',
  certificates: 'altershield-webhook',
  /** The key that seals records; without it, those that exist read as forged. */
  seal: 'altershield-seal',
  webhooks: 'altershield',
  /** The policies in the API server, and their bindings: the clamp, and what keeps its annotation. */
  clamp: 'altershield-release',
  keep: 'altershield-keep',
  /** Whom the operator acts as; the shipped roles are bound to it. */
  serviceAccount: 'altershield',
} as const;
