// SPDX-License-Identifier: Apache-2.0
import type { Answer, CheckRequest, Reading, Readings } from '@altershield/core';
import type { Logger, Scheduler } from '@altershield/kube';
import type { ChangeObject } from '../objects.ts';
import { ReadError } from './read-error.ts';

/** What reads the answer to a request. It rejects with a `ReadError` when there is none. */
export type Read = (
  request: CheckRequest,
  change: ChangeObject,
  signal: AbortSignal,
) => Promise<Answer>;

export interface CheckReaderDeps {
  readonly read: Read;
  readonly scheduler: Pick<Scheduler, 'now'>;
  readonly log: Logger;
}

interface OfChange {
  readonly readings: Map<string, Reading>;
  /** Requests in flight or done, by check: the key of the newest. */
  readonly asked: Map<string, string>;
  readonly inFlight: Set<string>;
}

/**
 * Reads what checks ask for, and keeps the newest answer of each check in memory: after a restart it
 * is read again. One check of a change has one request in flight.
 */
export class CheckReader {
  readonly #deps: CheckReaderDeps;
  readonly #changes = new Map<string, OfChange>();

  constructor(deps: CheckReaderDeps) {
    this.#deps = deps;
  }

  /** The readings of a change, by the uid of its record. */
  readingsOf(uid: string): Readings {
    return this.#changes.get(uid)?.readings ?? NONE;
  }

  /** Starts what is not in flight yet; calls `then` after each answer. Never rejects. */
  request(
    change: ChangeObject,
    requests: readonly CheckRequest[],
    { signal, then }: { readonly signal: AbortSignal; readonly then: () => void },
  ): void {
    for (const request of requests) {
      const { inFlight, asked } = this.#of(change.metadata.uid);
      if (inFlight.has(request.check) || asked.get(request.check) === request.key) continue;
      inFlight.add(request.check);
      asked.set(request.check, request.key);
      void this.#read(change, request, signal).then((isRead) => {
        inFlight.delete(request.check);
        if (isRead) then();
      });
    }
  }

  /** Forgets a change that is over. */
  forget(uid: string): void {
    this.#changes.delete(uid);
  }

  async #read(change: ChangeObject, request: CheckRequest, signal: AbortSignal): Promise<boolean> {
    const { readings, asked } = this.#of(change.metadata.uid);
    const reading = await this.#answerTo(change, request, signal);
    if (signal.aborted) {
      asked.delete(request.check);
      return false;
    }
    readings.set(request.check, reading);
    return true;
  }

  async #answerTo(
    change: ChangeObject,
    request: CheckRequest,
    signal: AbortSignal,
  ): Promise<Reading> {
    const { read, scheduler, log } = this.#deps;
    const { check, key, read: asked } = request;
    try {
      return { key, read: asked, answer: await read(request, change, signal), at: scheduler.now() };
    } catch (error) {
      if (!signal.aborted) {
        const { namespace = '', name } = change.metadata;
        log.warn('could not read what a check asks for', {
          ...{ change: `${namespace}/${name}`, check, err: error },
        });
      }
      return { key, read: asked, at: scheduler.now(), error: explain(error) };
    }
  }

  #of(uid: string): OfChange {
    const known = this.#changes.get(uid);
    if (known !== undefined) return known;
    const created = { readings: new Map(), asked: new Map(), inFlight: new Set<string>() };
    this.#changes.set(uid, created);
    return created;
  }
}

const NONE: Readings = new Map();

const explain = (error: unknown): NonNullable<Reading['error']> => ({
  reason: error instanceof ReadError ? error.reason : 'SourceUnavailable',
  message: error instanceof Error ? error.message : String(error),
});
