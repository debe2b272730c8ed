// SPDX-License-Identifier: Apache-2.0
import {
  DeadlineSignal,
  sleep,
  yielderFor,
  type HttpRequest,
  type HttpResponse,
  type Scheduler,
  type Transport,
} from '@altershield/kube';
import { CircuitBreaker } from './circuit-breaker.ts';
import { ConcurrencyLimit } from './concurrency-limit.ts';
import { SourceError, excerpt } from './source-client.ts';

/** Longer answers are not read: parsing them would block everything else. */
const MAX_BYTES = 2_000_000;

/** Longer JSON takes more than about a millisecond to parse. */
const LONG_TEXT = 100_000;

/** Until a failed call is repeated, at random, so that many clients do not repeat it together. */
const RETRY_MS = { least: 200, spread: 800 };

/** Statuses of servers, or of proxies before them, that may answer when asked again. */
const RETRIED: readonly number[] = [429, 502, 503, 504];

export interface SourceHttpOptions {
  readonly transport: Transport;
  readonly scheduler: Scheduler;
  readonly timeoutSeconds: number;
  readonly maxConcurrent: number;
  /** The source, for messages: `Prometheus shop/main (http://…)`. */
  readonly name: string;
}

export interface Answer {
  readonly status: number;
  /** `undefined` if the body is not JSON. */
  readonly json: unknown;
}

/**
 * Posts to one source: bounded in time, size and number of calls at a time. A call that fails is
 * repeated once; a source that keeps failing is left alone for a while.
 */
export class SourceHttp {
  readonly #options: SourceHttpOptions;
  readonly #limit: ConcurrencyLimit;
  readonly #breaker: CircuitBreaker;
  #lastFailure = '';

  constructor(options: SourceHttpOptions) {
    this.#options = options;
    this.#limit = new ConcurrencyLimit(options.maxConcurrent);
    this.#breaker = new CircuitBreaker(options.scheduler);
  }

  get name(): string {
    return this.#options.name;
  }

  get timeoutSeconds(): number {
    return this.#options.timeoutSeconds;
  }

  /** Any answer that is not a sign of trouble; rejects with a `SourceError` otherwise. */
  async post(
    path: string,
    body: { readonly type: string; readonly text: string },
    signal: AbortSignal,
  ): Promise<Answer> {
    const request: HttpRequest = {
      ...{ method: 'POST' as const, path, stream: false, body: body.text },
      headers: { accept: 'application/json', 'content-type': body.type },
    };
    return this.#limit.run(() => this.#guarded(request, signal), signal);
  }

  async #guarded(request: HttpRequest, signal: AbortSignal): Promise<Answer> {
    if (this.#breaker.isOpen) throw new SourceError('Unavailable', this.#lastFailure);
    try {
      const answer = await this.#twice(request, signal);
      this.#breaker.succeeded();
      return answer;
    } catch (error) {
      if (signal.aborted) throw error;
      this.#lastFailure = error instanceof Error ? error.message : String(error);
      if (isTrouble(error)) this.#breaker.failed();
      throw error;
    }
  }

  async #twice(request: HttpRequest, signal: AbortSignal): Promise<Answer> {
    const { scheduler } = this.#options;
    try {
      return await this.#once(request, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof Passing)) throw error;
      await sleep(scheduler, RETRY_MS.least + scheduler.random() * RETRY_MS.spread, signal);
      return this.#once(request, signal);
    }
  }

  async #once(request: HttpRequest, signal: AbortSignal): Promise<Answer> {
    const { transport, scheduler, timeoutSeconds, name } = this.#options;
    const link = new DeadlineSignal(signal);
    link.arm(scheduler, timeoutSeconds * 1000, 'deadline');
    try {
      const response = await transport.request({ ...request, signal: link.signal });
      const text = await this.#textOf(response);
      if (text.length > LONG_TEXT) await yielderFor(scheduler).next();
      return this.#understand(response, text);
    } catch (error) {
      if (error instanceof SourceError || signal.aborted) throw error;
      if (link.signal.aborted) {
        const text = `${name} did not answer within ${timeoutSeconds} s; raise spec.timeoutSeconds, or use a cheaper query`;
        throw new SourceError('Unavailable', text, { cause: error });
      }
      throw new Passing('Unavailable', error instanceof Error ? error.message : String(error), {
        cause: error,
      });
    } finally {
      link.dispose();
    }
  }

  async #textOf({ body }: HttpResponse): Promise<string> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of body) {
      size += chunk.byteLength;
      if (size > MAX_BYTES) {
        const text = `${this.name} answered with more than ${MAX_BYTES / 1e6} MB; aggregate the query, e.g. with sum()`;
        throw new SourceError('InvalidQuery', text);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  #understand({ status, headers }: HttpResponse, text: string): Answer {
    const { name } = this.#options;
    const json = parse(text);
    if (status === 401 || status === 403) {
      const hint = 'check the credentials in its Secret';
      throw new SourceError('Unauthorized', `${name} answered ${status}; ${hint}`);
    }
    if (RETRIED.includes(status)) {
      throw new Passing('Unavailable', `${name} answered ${status}${reasonIn(json)}`);
    }
    // The text of anything but the API is not repeated: the URL may lead anywhere.
    if (json === undefined) {
      const type = excerpt(headers['content-type'] ?? 'no content type', 60);
      const text = `${name} answered ${status} with ${type} in place of JSON; check its url`;
      throw new SourceError('Unavailable', text);
    }
    return { status, json };
  }
}

/** A failure that may pass. */
class Passing extends SourceError {}

const isTrouble = (error: unknown): boolean =>
  error instanceof SourceError && error.failure === 'Unavailable';

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const reasonIn = (json: unknown): string => {
  const { error } = { error: undefined, ...Object(json) } as { readonly error?: unknown };
  return typeof error === 'string' ? `: ${excerpt(error)}` : '';
};
