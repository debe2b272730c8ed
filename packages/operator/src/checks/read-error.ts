// SPDX-License-Identifier: Apache-2.0
import type { CheckReason } from '@altershield/api';

/** Why a request has no answer, in words for the user. */
export class ReadError extends Error {
  readonly reason: CheckReason;

  constructor(reason: CheckReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ReadError';
    this.reason = reason;
  }
}
