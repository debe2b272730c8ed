// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Server, createServer } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { Logger } from '../runtime/logger.ts';
import type { Scheduler } from '../runtime/scheduler.ts';
import type { AdmissionHandlers } from './admission.ts';
import { BodyBudget, RequestRejected, readBody, type BodyLimits } from './body.ts';
import { type Address, closeServer, listen } from './listen.ts';
import { type ReviewOutcome, failureBody, reviewAdmission, unknownPath } from './review.ts';

/** PEM texts. */
export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
}

/** One answered request, for metrics. */
export interface AdmissionObservation {
  readonly path: string;
  readonly status: number;
  readonly allowed: boolean | undefined;
  /** From the last byte of the request to the answer. */
  readonly durationMs: number;
}

export interface AdmissionServerOptions {
  readonly handlers: AdmissionHandlers;
  /** No default: set one before `listen`. */
  readonly certificate?: ServingCertificate;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** Default: all addresses. */
  readonly host?: string | undefined;
  /** Default 9443; 0 takes a free port. */
  readonly port?: number;
  /** PEM of the authority whose clients alone may connect; without it every client may. */
  readonly clientCa?: string;
  /** Of all bodies that are being read at one time. Default 64 MiB. */
  readonly maxBodyBytesTogether?: number;
  /** A request must have arrived whole after this time. Default 10 s. */
  readonly readTimeoutMs?: number;
  /** After that many the connection is closed, so that load spreads over replicas. Default 1000. */
  readonly maxRequestsPerSocket?: number;
  readonly observe?: (observation: AdmissionObservation) => void;
  /** Called with 1 when a request's head was read, and with -1 when it was answered or aborted. */
  readonly inFlight?: (path: string, step: 1 | -1) => void;
}

/** Longer than the API server keeps an idle connection, so that this server never closes first. */
const KEEP_ALIVE_MS = 150_000;
const MIB = 1024 * 1024;
/** An AdmissionReview contains the object twice, and the API server accepts objects up to 3 MiB. */
const MAX_BODY_BYTES = 7 * MIB;

/** Serves AdmissionReview v1 over HTTPS. A new certificate is taken up without a restart. */
export class AdmissionServer {
  readonly #options: AdmissionServerOptions;
  readonly #server: Server;
  readonly #limits: BodyLimits;
  #address: Address | undefined;
  #draining = false;

  constructor(options: AdmissionServerOptions) {
    this.#options = options;
    this.#limits = {
      each: MAX_BODY_BYTES,
      all: new BodyBudget(options.maxBodyBytesTogether ?? 64 * MIB),
    };
    const readTimeoutMs = options.readTimeoutMs ?? 10_000;
    this.#server = createServer(
      {
        ...(options.certificate && this.#secureContext(options.certificate)),
        ...(options.clientCa !== undefined && { requestCert: true, rejectUnauthorized: true }),
        requestTimeout: readTimeoutMs,
        headersTimeout: readTimeoutMs,
        connectionsCheckingInterval: Math.min(1000, readTimeoutMs),
        handshakeTimeout: readTimeoutMs,
        keepAliveTimeout: KEEP_ALIVE_MS,
        noDelay: true,
      },
      (request, response) => void this.#count(request, response),
    );
    this.#server.maxRequestsPerSocket = options.maxRequestsPerSocket ?? 1000;
    this.#server.on('tlsClientError', (err) => {
      options.log.debug('a client failed the TLS handshake', { err });
    });
  }

  /** Where it listens. Throws before `listen` has resolved. */
  get address(): Address {
    if (this.#address === undefined) throw new Error('the admission server is not listening yet');
    return this.#address;
  }

  get isListening(): boolean {
    return this.#server.listening;
  }

  /** Resolves when connections are taken. Rejects when the address is in use or not allowed. */
  async listen(): Promise<Address> {
    const { host, port = 9443, log } = this.#options;
    this.#address = await listen(this.#server, 'admission server', { host, port });
    log.info('admission server is listening', { ...this.#address });
    return this.#address;
  }

  /** New connections get this certificate; open ones stay. Throws when the pair does not fit. */
  setCertificate(certificate: ServingCertificate): void {
    this.#server.setSecureContext(this.#secureContext(certificate));
  }

  /** Keeps answering, but closes each connection: the next call reaches another replica. */
  drain(): void {
    this.#draining = true;
  }

  /** Stops taking connections, lets running requests end for `graceMs` (default 5 s), then cuts. */
  async close(graceMs = 5000): Promise<void> {
    this.drain();
    await closeServer(this.#server, this.#options.scheduler, graceMs);
  }

  #secureContext({ cert, key }: ServingCertificate): SecureContextOptions {
    const { clientCa } = this.#options;
    return { cert, key, minVersion: 'TLSv1.2', ...(clientCa !== undefined && { ca: clientCa }) };
  }

  async #count(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { inFlight } = this.#options;
    const path = this.#labelOf(pathOf(request));
    inFlight?.(path, 1);
    try {
      await this.#serve(request, response);
    } finally {
      inFlight?.(path, -1);
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { handlers } = this.#options;
    const path = pathOf(request);
    let outcome: ReviewOutcome;
    let started = performance.now();
    try {
      if (!handlers.has(path)) throw new RequestRejected(404, unknownPath(path));
      if (request.method !== 'POST')
        throw new RequestRejected(405, 'send an AdmissionReview by POST');
      const bytes = await readBody(request, this.#limits);
      started = performance.now();
      outcome = await reviewAdmission(bytes, handlers, path);
    } catch (error) {
      if (!(error instanceof RequestRejected)) {
        this.#options.log.debug('client closed an admission request early', { path, err: error });
        return;
      }
      outcome = { status: error.status, body: failureBody(error.status, error.message), error };
    }
    this.#answer(request, response, outcome);
    this.#report(path, outcome, performance.now() - started);
  }

  #answer(request: IncomingMessage, response: ServerResponse, outcome: ReviewOutcome): void {
    const last = this.#draining || !request.complete;
    response.writeHead(outcome.status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(outcome.body),
      ...(last && { connection: 'close' }),
      // With Retry-After, the API server retries within its own timeout.
      ...(outcome.status === 503 && { 'retry-after': '1' }),
    });
    response.end(outcome.body);
    // Unread bytes would make the kernel reset the connection before the client read the answer.
    if (!request.complete) request.resume();
  }

  /** Any client may request any path: all unknown paths share one label. */
  #labelOf(path: string): string {
    return this.#options.handlers.has(path) ? path : 'unknown';
  }

  #report(path: string, outcome: ReviewOutcome, durationMs: number): void {
    const { log, observe } = this.#options;
    const { status, allowed, error, request } = outcome;
    if (status !== 200) logFailure(log, path, outcome);
    else if (allowed === false) {
      log.debug('admission denied', { path, name: request?.name, namespace: request?.namespace });
    }
    observe?.({
      path: this.#labelOf(path),
      status,
      allowed: error === undefined ? allowed : undefined,
      durationMs,
    });
  }
}

function logFailure(log: Logger, path: string, { status, error, request }: ReviewOutcome): void {
  const about = request && {
    resource: request.resource.resource,
    namespace: request.namespace,
    name: request.name,
    operation: request.operation,
  };
  if (status >= 500)
    log.error('failed to handle an admission request', { path, err: error, ...about });
  else log.warn('rejected an admission request', { path, status, err: error });
}

/** Without the query: the API server adds `?timeout=10s`. */
function pathOf({ url = '/' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
