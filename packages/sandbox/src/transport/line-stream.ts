// SPDX-License-Identifier: Apache-2.0
import type { Scheduler } from '@altershield/kube';
import type { Watch, WatchLine } from '../api-server/watches.ts';
import { within, type Span } from '../scheduler/random.ts';
import type { WatchFault } from './faults.ts';

type Item = { readonly line: WatchLine } | { readonly end: true } | { readonly error: Error };

interface Waiter {
  readonly resolve: (result: IteratorResult<Uint8Array>) => void;
  readonly reject: (error: unknown) => void;
}

export interface LineStreamOptions {
  readonly scheduler: Scheduler;
  readonly latency: Span;
  readonly onLine: (line: WatchLine) => WatchFault | undefined;
  readonly signal: AbortSignal | undefined;
}

const GONE =
  '{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}\n';

/**
 * The body of a watch as a client reads it. Lines arrive one after the other, each after a delay that
 * the scheduler's dice decide, so a slow line holds up those behind it as on a connection.
 */
export class LineStream implements AsyncIterable<Uint8Array> {
  readonly #options: LineStreamOptions;
  readonly #watch: Watch;
  readonly #inFlight: Item[] = [];
  readonly #arrived: Item[] = [];
  #waiter: Waiter | undefined;
  #isMoving = false;
  #isClosed = false;

  constructor(watch: Watch, options: LineStreamOptions) {
    this.#watch = watch;
    this.#options = options;
    const { signal } = options;
    signal?.addEventListener(
      'abort',
      () => {
        this.#abort(signal.reason);
      },
      { once: true },
    );
    watch.open({
      line: (line) => {
        this.#send(line);
      },
      end: () => {
        this.#enqueue({ end: true });
      },
      fail: (error) => {
        this.#enqueue({ error });
      },
    });
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () => this.#next(),
      return: () => {
        this.#close();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #send(line: WatchLine): void {
    const fault = this.#options.onLine(line);
    switch (fault?.kind) {
      case 'drop':
        return;
      case 'duplicate':
        this.#enqueue({ line });
        break;
      case 'cut':
        this.#watch.close();
        this.#enqueue({ error: new Error('the connection of the watch was cut') });
        return;
      case 'gone':
        this.#watch.close();
        this.#enqueue({ line: { type: 'ERROR', text: GONE } });
        this.#enqueue({ end: true });
        return;
      case 'stall':
        this.#watch.close();
        return;
      case 'delay':
        this.#enqueue({ line }, fault.ms);
        return;
      case undefined:
    }
    this.#enqueue({ line });
  }

  #enqueue(item: Item, extraMs = 0): void {
    if (this.#isClosed) return;
    this.#inFlight.push(item);
    if (!this.#isMoving) this.#move(extraMs);
  }

  /** Lets the first item arrive, then the next one. */
  #move(extraMs = 0): void {
    const { scheduler, latency } = this.#options;
    this.#isMoving = true;
    const delay = within(latency, () => scheduler.random()) + extraMs;
    scheduler.after(delay, () => {
      this.#isMoving = false;
      const item = this.#inFlight.shift();
      if (item !== undefined && !this.#isClosed) this.#arrive(item);
      if (this.#inFlight.length > 0) this.#move();
    });
  }

  #arrive(item: Item): void {
    this.#arrived.push(item);
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter !== undefined) this.#next().then(waiter.resolve, waiter.reject);
  }

  #next(): Promise<IteratorResult<Uint8Array>> {
    const item = this.#arrived.shift();
    if (item !== undefined) return this.#give(item);
    if (this.#isClosed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  #give(item: Item): Promise<IteratorResult<Uint8Array>> {
    if ('line' in item) {
      return Promise.resolve({ done: false, value: Buffer.from(item.line.text) });
    }
    this.#close();
    if ('error' in item) return Promise.reject(item.error);
    return Promise.resolve({ done: true, value: undefined });
  }

  #abort(reason: unknown): void {
    if (this.#isClosed) return;
    this.#close();
    this.#arrived.length = 0;
    const error = reason instanceof Error ? reason : new Error('the watch was aborted');
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter === undefined) this.#arrived.push({ error });
    else waiter.reject(error);
  }

  #close(): void {
    this.#isClosed = true;
    this.#watch.close();
  }
}
