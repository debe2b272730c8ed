// SPDX-License-Identifier: Apache-2.0
import { KubeError, TerminalError, isConflict, isNamespaceEnding } from '../errors/errors.ts';
import type { LogFields, Logger } from '../runtime/logger.ts';
import type { WorkQueue } from '../queue/work-queue.ts';

/** What a reconcile wants next; nothing: to be left alone until something changes. */
export interface Result {
  readonly requeueAfterMs?: number;
}

/** The field's names where it has one. */
export type ReconcileResult =
  'success' | 'requeue_after' | 'requeue' | 'error' | 'terminal_error' | 'stopped';

export type Outcome =
  | { readonly type: 'success' }
  | { readonly type: 'requeue_after'; readonly delayMs: number }
  | { readonly type: 'conflict'; readonly error: Error }
  | { readonly type: 'throttled'; readonly atLeastMs: number; readonly error: Error }
  | { readonly type: 'terminal_error'; readonly error: Error }
  | { readonly type: 'error'; readonly error: Error }
  | { readonly type: 'stopped' };

/** Classifies what a reconcile returned. */
export function outcomeOf(result: Result | undefined): Outcome {
  const delayMs = result?.requeueAfterMs;
  return delayMs === undefined ? { type: 'success' } : { type: 'requeue_after', delayMs };
}

/** Classifies what it threw; `stopped` when we are being stopped, since then anything may break. */
export function outcomeOfError(thrown: unknown, stopping: boolean): Outcome {
  if (stopping) return { type: 'stopped' };
  const error = thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
  if (error instanceof TerminalError) return { type: 'terminal_error', error };
  // What is in a namespace that is being deleted will be gone soon.
  if (isConflict(error) || isNamespaceEnding(error)) return { type: 'conflict', error };
  if (error instanceof KubeError && isThrottled(error)) {
    return { type: 'throttled', atLeastMs: error.retryAfterMs ?? 0, error };
  }
  return { type: 'error', error };
}

const isThrottled = ({ status, retryAfterMs }: KubeError): boolean =>
  status === 429 || retryAfterMs !== undefined;

export interface SettleContext {
  readonly queue: WorkQueue;
  readonly log: Logger;
  readonly durationMs: number;
}

/** The one place where an outcome becomes what the queue does, a log line and a metric's label. */
export function settle(key: string, outcome: Outcome, context: SettleContext): ReconcileResult {
  const { queue, log, durationMs } = context;
  const retry = (atLeastMs = 0): LogFields => ({
    retryInMs: queue.addRateLimited(key, { atLeastMs }),
    durationMs,
  });
  switch (outcome.type) {
    case 'success':
      queue.forget(key);
      log.debug('reconciled', { durationMs });
      return 'success';
    case 'requeue_after':
      queue.forget(key);
      queue.addAfter(key, outcome.delayMs);
      log.debug('reconciled', { durationMs, againInMs: outcome.delayMs });
      return 'requeue_after';
    case 'conflict':
      log.debug('the object changed meanwhile, will try again', { ...retry(), err: outcome.error });
      return 'requeue';
    case 'throttled':
      log.debug('the server is busy, will try again', {
        ...retry(outcome.atLeastMs),
        err: outcome.error,
      });
      return 'requeue';
    case 'terminal_error':
      queue.forget(key);
      log.error('cannot reconcile, will not try again', { durationMs, err: outcome.error });
      return 'terminal_error';
    case 'error':
      log.error('cannot reconcile, will try again', { ...retry(), err: outcome.error });
      return 'error';
    case 'stopped':
      return 'stopped';
  }
}
