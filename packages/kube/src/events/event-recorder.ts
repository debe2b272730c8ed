// SPDX-License-Identifier: Apache-2.0
import { KubeError, isNotFound } from '../errors/errors.ts';
import { RESOURCES } from '../client/object.ts';
import { DeadlineSignal, abortable } from '../runtime/abort.ts';
import type { Runnable } from '../manager/runnable.ts';
import { whenAborted } from '../manager/when-aborted.ts';
import type { Logger } from '../runtime/logger.ts';
import { type Scheduler, sleep } from '../runtime/scheduler.ts';
import {
  boundedDetails,
  identityOf,
  type EventClient,
  type EventDetails,
  type EventSubject,
  type Series,
  eventName,
  eventOf,
  namespaceOf,
  repeatOf,
} from './event.ts';
import { LruMap } from './lru-map.ts';

export type EventOutcome = 'created' | 'counted' | 'dropped';

export interface EventRecorderOptions {
  readonly client: EventClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** `reportingComponent`, e.g. `altershield`. */
  readonly component: string;
  /** `reportingInstance`, e.g. the pod's name. Default: the component. */
  readonly instance?: string;
  /** Events that may wait to be written; more are dropped. Default 1000. */
  readonly maxPending?: number;
  /** Events remembered, to count their repetitions. Default 4096. */
  readonly memory?: number;
  readonly observe?: (outcome: EventOutcome) => void;
}

interface Pending {
  readonly subject: EventSubject;
  readonly details: EventDetails;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly count: number;
}

const MAX_ATTEMPTS = 5;
const FIRST_RETRY_MS = 500;
const WRITE_TIMEOUT_MS = 10_000;

/**
 * Writes core/v1 Events in the background. Equal ones become one Event with a count. Events are best
 * effort: the recorder never throws or blocks.
 */
export class EventRecorder implements Runnable {
  readonly name = 'events';
  readonly #options: EventRecorderOptions;
  readonly #written: LruMap<Series>;
  /** By identity: repetitions that wait are merged into one write. */
  readonly #pending = new Map<string, Pending>();
  readonly #stop = new AbortController();
  #pump: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#written = new LruMap(options.memory ?? 4096);
  }

  /** Notes one occurrence; it is written soon. */
  record(subject: EventSubject, given: EventDetails): void {
    const { observe, scheduler, maxPending = 1000 } = this.#options;
    const details = boundedDetails(given);
    const key = identityOf(subject, details);
    const waiting = this.#pending.get(key);
    if (waiting === undefined && this.#pending.size >= maxPending) {
      observe?.('dropped');
      return;
    }
    const now = scheduler.now();
    const { firstAt, count } = waiting ?? { firstAt: now, count: 0 };
    this.#pending.set(key, { subject, details, firstAt, lastAt: now, count: count + 1 });
    this.#pump ??= this.#drain();
  }

  /** Resolves when everything recorded so far is written or given up. */
  async flush(): Promise<void> {
    while (this.#pump !== undefined) await this.#pump;
  }

  /** Waits for `signal`, then writes the remaining Events, for `flushMs` at most. */
  async start(signal: AbortSignal, flushMs = 5000): Promise<void> {
    await whenAborted(signal);
    const enough = new AbortController();
    await Promise.race([this.flush(), sleep(this.#options.scheduler, flushMs, enough.signal)]);
    enough.abort();
    if (this.#pump === undefined) return;
    this.#stop.abort(new Error('the event recorder is stopping'));
    await this.flush();
  }

  async #drain(): Promise<void> {
    // Let the caller finish its own work, and equal occurrences meet.
    await Promise.resolve();
    for (;;) {
      const [first] = this.#pending;
      if (first === undefined) break;
      const [key, pending] = first;
      this.#pending.delete(key);
      await this.#writeWithRetries(key, pending);
    }
    this.#pump = undefined;
  }

  async #writeWithRetries(key: string, pending: Pending): Promise<void> {
    const { observe, scheduler, log } = this.#options;
    for (let attempt = 1; !this.#stop.signal.aborted; attempt += 1) {
      try {
        // Apart from the call: an absent observer must not take the write away with it.
        const outcome = await this.#write(key, pending);
        observe?.(outcome);
        return;
      } catch (err) {
        if (attempt === MAX_ATTEMPTS || !isWorthRetrying(err)) {
          const { reason, message } = pending.details;
          log.warn('failed to write an event', { reason, event: message, err });
          break;
        }
        await sleep(scheduler, delayOf(err, attempt, scheduler.random()), this.#stop.signal);
      }
    }
    observe?.('dropped');
  }

  async #write(key: string, pending: Pending): Promise<EventOutcome> {
    const known = this.#written.get(key);
    if (known !== undefined) {
      const series = { ...known, lastAt: pending.lastAt, count: known.count + pending.count };
      if (await this.#patch(series)) {
        this.#written.set(key, series);
        return 'counted';
      }
    }
    await this.#create(key, pending);
    return 'created';
  }

  /** False when the Event has expired: the server keeps Events for an hour. */
  async #patch(series: Series): Promise<boolean> {
    const { client } = this.#options;
    const key = { namespace: namespaceOf(series.subject), name: series.name };
    const body = repeatOf(series);
    try {
      await this.#call((signal) =>
        client.patch(RESOURCES.event, key, { type: 'merge', body }, { signal }),
      );
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async #create(key: string, pending: Pending): Promise<void> {
    const { client, component, instance = component, scheduler } = this.#options;
    const name = eventName(pending.subject, scheduler.now(), scheduler.random());
    const series = { ...pending, name };
    const body = eventOf(series, component, instance);
    const namespace = namespaceOf(pending.subject);
    await this.#call((signal) => client.create(RESOURCES.event, namespace, body, { signal }));
    this.#written.set(key, series);
  }

  async #call(run: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    const link = new DeadlineSignal(this.#stop.signal);
    link.arm(this.#options.scheduler, WRITE_TIMEOUT_MS, 'writing an event took too long');
    try {
      await abortable(run(link.signal), link.signal);
    } finally {
      link.dispose();
    }
  }
}

/** No answer, overload or a server error; the server would deny a forbidden write again. */
const isWorthRetrying = (error: unknown): boolean =>
  !(error instanceof KubeError) ||
  error.status === 0 ||
  error.status === 429 ||
  error.status >= 500;

function delayOf(error: unknown, attempt: number, random: number): number {
  const least = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(least, FIRST_RETRY_MS * 2 ** (attempt - 1) * (0.5 + random / 2));
}
