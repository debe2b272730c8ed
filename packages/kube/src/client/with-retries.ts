// SPDX-License-Identifier: Apache-2.0
import { abortable } from '../runtime/abort.ts';
import { Backoff } from '../runtime/backoff.ts';
import type { Logger } from '../runtime/logger.ts';
import { sleep, type Scheduler } from '../runtime/scheduler.ts';
import { ConfigError } from './connection.ts';
import { KubeError } from '../errors/errors.ts';

export interface RetryOptions {
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const BACKOFF = { baseMs: 500, maxMs: 8_000 };
/** About twenty seconds in total, or longer if the server requests it. */
const MAX_RETRIES = 6;

/**
 * Runs until it succeeds, a limited number of times, while the API server is down, starting or busy.
 * Rejects with the last error, or with the signal's reason as soon as it aborts.
 */
export async function withRetries<T>(
  doing: string,
  run: () => Promise<T>,
  { scheduler, log, signal }: RetryOptions,
): Promise<T> {
  const backoff = new Backoff(BACKOFF, scheduler);
  for (;;) {
    try {
      return await abortable(run(), signal);
    } catch (err) {
      if (signal.aborted || !isPassing(err) || backoff.failures === MAX_RETRIES) throw err;
      const retryInMs = Math.max(backoff.next(), err.retryAfterMs ?? 0);
      const why = err.message;
      log.warn('failed to call the API server, will retry', { doing, why, retryInMs });
      await sleep(scheduler, retryInMs, signal);
    }
  }
}

/** Whether a retry may succeed. */
const isPassing = (error: unknown): error is KubeError =>
  error instanceof KubeError &&
  !(error.cause instanceof ConfigError) &&
  (error.status === 0 || error.status === 429 || error.status >= 500);
