// SPDX-License-Identifier: Apache-2.0
import { KubeError, TerminalError, isConflict, isNamespaceEnding } from '../errors/errors.ts';
import type { LogFields, Logger } from '../runtime/logger.ts';
import type { WorkQueue } from '../queue/work-queue.ts';

/** The next step after a reconcile; empty: wait for the next change. */
export interface Result {
  readonly requeueAfterMs?: number;
}

/** The names of controller-runtime where it has one. */
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

/** Classifies the result of a reconcile. */
export function outcomeOf(result: Result | undefined): Outcome {
  const delayMs = result?.requeueAfterMs;
  return delayMs === undefined ? { type: 'success' } : { type: 'requeue_after', delayMs };
}

/** Classifies an error of a reconcile; `stopped` during a shutdown, when any call may fail. */
export function outcomeOfError(thrown: unknown, stopping: boolean): Outcome {
  if (stopping) return { type: 'stopped' };
  const error = thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
  if (error instanceof TerminalError) return { type: 'terminal_error', error };
  // Objects in a namespace that is being deleted are about to be deleted.
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

/** The only place that maps an outcome to queue action, log line and metric label. */
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
      log.debug('the object has changed, will retry', { ...retry(), err: outcome.error });
      return 'requeue';
    case 'throttled':
      log.debug('the server is busy, will retry', {
        ...retry(outcome.atLeastMs),
        err: outcome.error,
      });
      return 'requeue';
    case 'terminal_error':
      queue.forget(key);
      log.error('failed to reconcile, will not retry', { durationMs, err: outcome.error });
      return 'terminal_error';
    case 'error':
      log.error('failed to reconcile, will retry', { ...retry(), err: outcome.error });
      return 'error';
    case 'stopped':
      return 'stopped';
  }
}
