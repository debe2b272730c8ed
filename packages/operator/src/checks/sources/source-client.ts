// SPDX-License-Identifier: Apache-2.0
import type { RangeQuery, TimeSeries } from '@altershield/core';

/**
 * Queries one metric source. Rejects with a `SourceError`; a partial answer is an error, never data.
 */
export interface SourceClient {
  range(query: RangeQuery, signal: AbortSignal): Promise<readonly TimeSeries[]>;
}

export type SourceFailure =
  /** No answer, or one that says that the source is in trouble. */
  | 'Unavailable'
  /** The source does not accept the credentials. */
  | 'Unauthorized'
  /** The source answers, but not with values: the query is to blame. */
  | 'InvalidQuery'
  /** A Secret of the source cannot be read, or lacks a key. */
  | 'SecretUnavailable'
  /** The MetricSource itself is not valid. */
  | 'Invalid';

export class SourceError extends Error {
  readonly failure: SourceFailure;

  constructor(failure: SourceFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SourceError';
    this.failure = failure;
  }
}

/** One line, for messages. */
export function excerpt(text: string, length = 200): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}
