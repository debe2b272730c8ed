// SPDX-License-Identifier: Apache-2.0
import { DeadlineSignal, abortable } from '../runtime/abort.ts';
import type { Scheduler } from '../runtime/scheduler.ts';
import { yielderFor } from '../runtime/event-loop-yielder.ts';
import { discard, readText } from './body.ts';
import { KubeError } from '../errors/errors.ts';
import { failureOf } from '../errors/failure.ts';
import { LineSplitter } from './lines.ts';
import type { HttpRequest, HttpResponse, Transport } from './transport.ts';

/** One finished call. `status` is 0 when no answer arrived; `resource` is a plural or ''. */
export interface ClientCall {
  readonly method: HttpRequest['method'];
  readonly resource: string;
  readonly status: number;
  readonly durationMs: number;
}

/** Called after each call, when the head of its answer arrived or it failed; for metrics. */
export type ClientObserver = (request: ClientCall) => void;

export interface RestRequest {
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

export interface RestClientDeps {
  readonly transport: Transport;
  readonly scheduler: Scheduler;
  readonly userAgent: string;
  /** Bound of a whole call, and of a watch until its head arrives. Milliseconds. */
  readonly timeoutMs: number;
  readonly observer: ClientObserver;
}

/** Longer JSON takes more than about a millisecond to parse. */
const LONG_TEXT = 100_000;

/**
 * Carries out calls: deadline, typed errors, observation. Every failure is a `KubeError`, except that
 * an abort by the caller rejects with the signal's own reason.
 */
export class RestClient {
  readonly #deps: RestClientDeps;

  constructor(deps: RestClientDeps) {
    this.#deps = deps;
  }

  /** The answer's body as JSON; `undefined` when it is empty. */
  async json(request: RestRequest): Promise<unknown> {
    const link = this.#link(request);
    try {
      const response = await this.#exchange(request, link.signal, false);
      const text = await abortable(readText(response), link.signal);
      // Yields between pages of several lists that arrive together.
      if (text.length > LONG_TEXT) {
        await abortable(yielderFor(this.#deps.scheduler).next(), link.signal);
      }
      return parseJson(doing(request), text);
    } catch (error) {
      throw this.#translate(request, error);
    } finally {
      link.dispose();
    }
  }

  /** The answer's body line by line, without a deadline once it began. */
  async *lines(request: RestRequest, opened?: () => void): AsyncGenerator<string, void> {
    const link = this.#link(request);
    let response: HttpResponse | undefined;
    try {
      response = await this.#exchange(request, link.signal, true);
      link.disarm();
      opened?.();
      yield* splitLines(response, link.signal);
    } catch (error) {
      throw this.#translate(request, error);
    } finally {
      link.abort(new Error('the reader stopped'));
      link.dispose();
    }
  }

  #link(request: RestRequest): DeadlineSignal {
    request.signal?.throwIfAborted();
    const { scheduler, timeoutMs } = this.#deps;
    const link = new DeadlineSignal(request.signal);
    link.arm(scheduler, timeoutMs, `no answer within ${timeoutMs / 1000} s`);
    return link;
  }

  async #exchange(
    request: RestRequest,
    signal: AbortSignal,
    stream: boolean,
  ): Promise<HttpResponse> {
    const { transport, scheduler, observer } = this.#deps;
    const startedAt = scheduler.elapsed();
    const { method, resource = '' } = request;
    let status = 0;
    try {
      const response = await abortable(
        transport.request(this.#request(request, signal, stream)),
        signal,
      );
      status = response.status;
      if (status >= 200 && status < 300) return response;
      throw await abortable(failureOf(doing(request), response, scheduler.now()), signal);
    } finally {
      observer({ method, resource, status, durationMs: scheduler.elapsed() - startedAt });
    }
  }

  #request(request: RestRequest, signal: AbortSignal, stream: boolean): HttpRequest {
    const { method, path, body, contentType = 'application/json', urgent = false } = request;
    const headers = {
      accept: request.accept ?? 'application/json',
      'user-agent': this.#deps.userAgent,
      ...(body !== undefined && { 'content-type': contentType }),
    };
    const rest = body === undefined ? {} : { body };
    return { method, path, headers, signal, stream, urgent, ...rest };
  }

  #translate(request: RestRequest, error: unknown): unknown {
    if (request.signal?.aborted === true || error instanceof KubeError) return error;
    return new KubeError({ doing: doing(request), status: 0, cause: error });
  }
}

async function* splitLines(response: HttpResponse, signal: AbortSignal): AsyncGenerator<string> {
  const splitter = new LineSplitter();
  const chunks = response.body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await abortable(chunks.next(), signal);
      if (next.done === true) return;
      yield* splitter.push(next.value);
    }
  } finally {
    // Not awaited: a half-open connection may never answer, and no caller needs the end.
    discard(response).catch(() => undefined);
  }
}

const doing = ({ method, path }: RestRequest): string => `${method} ${path}`;

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
