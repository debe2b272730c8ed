// SPDX-License-Identifier: Apache-2.0
import {
  sleep,
  type HttpRequest,
  type HttpResponse,
  type Scheduler,
  type Transport,
} from '@altershield/kube';
import { failureResponse, type ApiResponse, type ApiServer } from '../api-server/api-server.ts';
import type { UserInfo } from '../api-server/call.ts';
import { StatusError } from '../api-server/failure.ts';
import { within, type Span } from '../scheduler/random.ts';
import type { CallFault, CallInfo, FaultPlan } from './faults.ts';
import { LineStream } from './line-stream.ts';

export interface InProcessOptions {
  readonly user: UserInfo;
  /** Latency of a request, an answer and a watch line. Default 0.2–3 ms. */
  readonly latency?: Span;
  readonly faults?: FaultPlan;
}

const DEFAULT_LATENCY: Span = { min: 0.2, max: 3 };
const HOST = 'sandbox';

/**
 * Connects a client in the same process. Every request, answer and watch line passes through the
 * server's scheduler, so a seed decides in which order they arrive.
 */
export function inProcessTransport(server: ApiServer, options: InProcessOptions): Transport {
  return new InProcessTransport(server, options);
}

class InProcessTransport implements Transport {
  readonly #server: ApiServer;
  readonly #scheduler: Scheduler;
  readonly #options: InProcessOptions;
  readonly #latency: Span;
  readonly #closed = new AbortController();
  #calls = 0;
  #writes = 0;
  #lines = 0;

  constructor(server: ApiServer, options: InProcessOptions) {
    this.#server = server;
    this.#scheduler = server.scheduler;
    this.#options = options;
    this.#latency = options.latency ?? DEFAULT_LATENCY;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const signal = joined(request.signal, this.#closed.signal);
    signal.throwIfAborted();
    const exchange = this.#exchange(request, this.#describe(request), signal);
    return Promise.race([exchange, rejectOnAbort(signal)]);
  }

  close(): Promise<void> {
    this.#closed.abort(new Error(`the connections to ${HOST} were closed`));
    return Promise.resolve();
  }

  #describe({ method, path, body, stream }: HttpRequest): CallInfo {
    this.#calls += 1;
    const isWrite = method !== 'GET';
    if (isWrite) this.#writes += 1;
    const { username } = this.#options.user;
    const write = isWrite ? this.#writes : 0;
    return { number: this.#calls, write, method, path, body, isWatch: stream, user: username };
  }

  async #exchange(
    request: HttpRequest,
    call: CallInfo,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    await this.#advance();
    signal.throwIfAborted();
    if (!this.#server.isUp) throw new Error(`connect to ${HOST}: connection refused`);
    const { faults } = this.#options;
    const before = await this.#applyScenario(faults?.beforeCall?.(call));
    const answer = before ?? (await this.#server.handle({ ...request, user: this.#options.user }));
    const after = before ?? (await this.#applyScenario(faults?.afterCall?.(call, answer.status)));
    await this.#advance();
    return this.#respond(after ?? answer, call, signal);
  }

  #advance(): Promise<void> {
    return sleep(
      this.#scheduler,
      within(this.#latency, () => this.#scheduler.random()),
    );
  }

  async #applyScenario(fault: CallFault | undefined): Promise<ApiResponse | undefined> {
    switch (fault?.kind) {
      case undefined:
        return undefined;
      case 'answer':
        return failureResponse(failureOf(fault.status, fault.retryAfterSeconds));
      case 'reset':
        throw new Error(`connection to ${HOST} was reset`);
      case 'silence':
        return new Promise<never>(() => undefined);
      case 'delay':
        await sleep(this.#scheduler, fault.ms);
        return undefined;
    }
  }

  #respond(
    { status, headers, body }: ApiResponse,
    call: CallInfo,
    signal: AbortSignal,
  ): HttpResponse {
    if (typeof body === 'string') return { status, headers, body: once(body) };
    const stream = new LineStream(body, {
      scheduler: this.#scheduler,
      latency: this.#latency,
      signal,
      onLine: ({ type }) => {
        this.#lines += 1;
        return this.#options.faults?.onWatchLine?.({ path: call.path, type, number: this.#lines });
      },
    });
    return { status, headers, body: stream };
  }
}

async function* once(body: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(body));
}

/** Not AbortSignal.any: it keeps weak references, so that garbage collection would affect timing. */
function joined(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal === undefined) continue;
    const abort = (): void => {
      controller.abort(signal.reason);
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  }
  return controller.signal;
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('the call was aborted'));
    };
    signal.addEventListener('abort', abort, { once: true });
  });
}

const REASONS: Readonly<Record<number, readonly [reason: string, message: string]>> = {
  409: [
    'Conflict',
    'Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again',
  ],
  410: ['Expired', 'too old resource version'],
  429: [
    'TooManyRequests',
    'the server has received too many requests and has asked us to try again later',
  ],
  500: ['InternalError', 'Internal error occurred: etcdserver: request timed out'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: [
    'Timeout',
    'the server was unable to return a response in the time allotted, but may still be processing the request',
  ],
};

function failureOf(code: number, retryAfterSeconds: number | undefined): StatusError {
  const [reason = '', message = ''] = REASONS[code] ?? [];
  const details = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  return new StatusError({ code, reason, message, details });
}
