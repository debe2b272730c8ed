// SPDX-License-Identifier: Apache-2.0
import { LinkedSignal, orAborted } from '../runtime/abort.ts';
import type { Scheduler } from '../runtime/scheduler.ts';
import { turnsOf } from '../runtime/turns.ts';
import { discard, readText } from './body.ts';
import { KubeError } from './errors.ts';
import { failureOf } from './failure.ts';
import { LineSplitter } from './lines.ts';
import type { HttpRequest, HttpResponse, Transport } from './transport.ts';

/** One finished call. `status` is 0 when no answer arrived; `resource` is a plural or ''. */
export interface ClientCall {
  readonly method: HttpRequest['method'];
  readonly resource: string;
  readonly status: number;
  readonly durationMs: number;
}

/** Told of every call when its answer's head arrived, or when it failed; for metrics. */
export type ClientObserver = (call: ClientCall) => void;

export interface Call {
  readonly method: HttpRequest['method'];
  readonly path: string;
  /** The plural, for metrics. */
  readonly resource?: string;
  readonly contentType?: string;
  readonly accept?: string;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
  readonly urgent?: boolean | undefined;
}

export interface CallerDeps {
  readonly transport: Transport;
  readonly scheduler: Scheduler;
  readonly userAgent: string;
  /** Bound of a whole call, and of a watch until its head arrives. Milliseconds. */
  readonly timeoutMs: number;
  readonly observer: ClientObserver;
}

/** Characters of JSON beyond which parsing takes more than a millisecond or so. */
const LONG_TEXT = 100_000;

/**
 * Carries out calls: deadline, typed errors, observation. Every failure is a `KubeError`, except that
 * an abort by the caller rejects with the signal's own reason.
 */
export class Caller {
  readonly #deps: CallerDeps;

  constructor(deps: CallerDeps) {
    this.#deps = deps;
  }

  /** The answer's body as JSON; `undefined` when it is empty. */
  async json(call: Call): Promise<unknown> {
    const link = this.#link(call);
    try {
      const response = await this.#exchange(call, link.signal, false);
      const text = await orAborted(readText(response), link.signal);
      // Pages of several lists that arrive together are parsed in a turn each.
      if (text.length > LONG_TEXT) {
        await orAborted(turnsOf(this.#deps.scheduler).next(), link.signal);
      }
      return parseJson(doing(call), text);
    } catch (error) {
      throw this.#translate(call, error);
    } finally {
      link.dispose();
    }
  }

  /** The answer's body line by line, without a deadline once it began. */
  async *lines(call: Call, opened?: () => void): AsyncGenerator<string, void> {
    const link = this.#link(call);
    let response: HttpResponse | undefined;
    try {
      response = await this.#exchange(call, link.signal, true);
      link.disarm();
      opened?.();
      yield* splitLines(response, link.signal);
    } catch (error) {
      throw this.#translate(call, error);
    } finally {
      link.abort(new Error('the reader left'));
      link.dispose();
    }
  }

  #link(call: Call): LinkedSignal {
    call.signal?.throwIfAborted();
    const { scheduler, timeoutMs } = this.#deps;
    const link = new LinkedSignal(call.signal);
    link.arm(scheduler, timeoutMs, `no answer within ${timeoutMs / 1000} s`);
    return link;
  }

  async #exchange(call: Call, signal: AbortSignal, stream: boolean): Promise<HttpResponse> {
    const { transport, scheduler, observer } = this.#deps;
    const startedAt = scheduler.elapsed();
    const { method, resource = '' } = call;
    let status = 0;
    try {
      const response = await orAborted(
        transport.request(this.#request(call, signal, stream)),
        signal,
      );
      status = response.status;
      if (status >= 200 && status < 300) return response;
      throw await orAborted(failureOf(doing(call), response, scheduler.now()), signal);
    } finally {
      observer({ method, resource, status, durationMs: scheduler.elapsed() - startedAt });
    }
  }

  #request(call: Call, signal: AbortSignal, stream: boolean): HttpRequest {
    const { method, path, body, contentType = 'application/json', urgent = false } = call;
    const headers = {
      accept: call.accept ?? 'application/json',
      'user-agent': this.#deps.userAgent,
      ...(body !== undefined && { 'content-type': contentType }),
    };
    const rest = body === undefined ? {} : { body };
    return { method, path, headers, signal, stream, urgent, ...rest };
  }

  #translate(call: Call, error: unknown): unknown {
    if (call.signal?.aborted === true || error instanceof KubeError) return error;
    return new KubeError({ doing: doing(call), status: 0, cause: error });
  }
}

async function* splitLines(response: HttpResponse, signal: AbortSignal): AsyncGenerator<string> {
  const splitter = new LineSplitter();
  const chunks = response.body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await orAborted(chunks.next(), signal);
      if (next.done === true) return;
      yield* splitter.push(next.value);
    }
  } finally {
    // Not awaited: a half-open connection may never answer, and nobody waits for the end.
    discard(response).catch(() => undefined);
  }
}

const doing = ({ method, path }: Call): string => `${method} ${path}`;

function parseJson(what: string, text: string): unknown {
  if (text === '') return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch (cause) {
    const message = `the answer is not JSON: ${text.slice(0, 100)}`;
    throw new KubeError({ doing: what, status: 0, server: { message }, cause });
  }
}
