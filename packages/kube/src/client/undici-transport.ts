// SPDX-License-Identifier: Apache-2.0
import { createSecureContext } from 'node:tls';
import { Pool, type Dispatcher } from 'undici';
import type { ConnectionConfig, Credentials } from './connection.ts';
import { discard } from './body.ts';
import type { HttpRequest, HttpResponse, Transport } from './transport.ts';
import { unreachable } from '../errors/unreachable.ts';

export interface UndiciTransportOptions {
  /** Connections for calls; each watch has one of its own beside them, urgent calls two. Default 16. */
  readonly connections?: number;
  /** Silence while a call is answered (a watch: until its head). Default 65,000. */
  readonly responseTimeoutMs?: number;
  /** The name of the server in messages. Default: the API server. */
  readonly peer?: string;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Less than the 90 s after which the API server closes an idle connection. */
const KEEP_ALIVE_MS = 60_000;

/** The system asks a silent peer after this time and gives up on it 10 s later. */
const PROBE_AFTER_MS = 15_000;

/** A leader renews its lease by one call at a time; a second one may follow a call that hangs. */
const URGENT_CONNECTIONS = 2;

type Lane = 'calls' | 'urgent' | 'watches';
type Pools = Readonly<Record<Lane, Pool>>;

/** HTTP/1.1 with keep-alive over TLS: a pool for calls, one for urgent calls, one for watches. */
export function createUndiciTransport(
  config: ConnectionConfig,
  options: UndiciTransportOptions = {},
): Transport {
  return new UndiciTransport(config, options);
}

class UndiciTransport implements Transport {
  readonly #config: ConnectionConfig;
  readonly #options: UndiciTransportOptions;
  readonly #origin: string;
  readonly #prefix: string;
  #pools: Pools | undefined;
  #certificate: string | undefined;
  #isClosed = false;

  constructor(config: ConnectionConfig, options: UndiciTransportOptions) {
    this.#config = config;
    this.#options = options;
    const { origin, pathname } = new URL(config.server);
    this.#origin = origin;
    this.#prefix = pathname.replace(/\/+$/, '');
  }

  /** A 401 with credentials that can be renewed is tried once more with new ones. */
  async request(request: HttpRequest): Promise<HttpResponse> {
    const { credentials: source } = this.#config;
    const credentials = await source.current();
    const response = await this.#send(request, credentials);
    if (response.status !== 401 || !source.refused(credentials)) return response;
    await discard(response);
    return this.#send(request, await source.current());
  }

  /** Running and later calls fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const pools = this.#pools;
    this.#pools = undefined;
    if (pools !== undefined) await Promise.all(Object.values(pools).map((pool) => pool.destroy()));
  }

  async #send(request: HttpRequest, credentials: Credentials): Promise<HttpResponse> {
    try {
      const pool = this.#poolsFor(credentials)[laneOf(request)];
      return toResponse(await pool.request(this.#toOptions(request, credentials)));
    } catch (error) {
      if (request.signal?.aborted === true) throw error;
      throw unreachable(this.#config.server, error, this.#options.peer);
    }
  }

  #toOptions(request: HttpRequest, { token }: Credentials): Dispatcher.RequestOptions {
    const { method, path, headers, body, signal } = request;
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return {
      method,
      path: this.#prefix + path,
      headers: { ...headers, ...this.#config.headers, ...authorization },
      ...(body !== undefined && { body }),
      ...(signal !== undefined && { signal }),
    };
  }

  /** A renewed client certificate needs new connections; old ones end with their last request. */
  #poolsFor({ clientCertificate }: Credentials): Pools {
    if (this.#isClosed) throw new Error('the transport is closed');
    if (this.#pools !== undefined && this.#certificate === clientCertificate?.certificate) {
      return this.#pools;
    }
    const old = this.#pools;
    this.#pools = this.#open(clientCertificate);
    this.#certificate = clientCertificate?.certificate;
    for (const pool of Object.values(old ?? {})) pool.close().catch(() => undefined);
    return this.#pools;
  }

  #open(certificate: Credentials['clientCertificate']): Pools {
    const { connections = 16, responseTimeoutMs = 65_000 } = this.#options;
    const { ca, tlsServerName, insecureSkipTlsVerify } = this.#config;
    const shared = {
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      headersTimeout: responseTimeoutMs,
      connect: {
        timeout: CONNECT_TIMEOUT_MS,
        keepAliveInitialDelay: PROBE_AFTER_MS,
        rejectUnauthorized: insecureSkipTlsVerify !== true,
        // Made once: reading the authorities again for each connection takes milliseconds.
        secureContext: createSecureContext({
          ...(ca !== undefined && { ca }),
          ...(certificate !== undefined && { cert: certificate.certificate, key: certificate.key }),
        }),
        ...(tlsServerName !== undefined && { servername: tlsServerName }),
      },
    };
    const calls = { ...shared, bodyTimeout: responseTimeoutMs };
    return {
      calls: new Pool(this.#origin, { ...calls, connections }),
      urgent: new Pool(this.#origin, { ...calls, connections: URGENT_CONNECTIONS }),
      watches: new Pool(this.#origin, { ...shared, connections: null, bodyTimeout: 0 }),
    };
  }
}

function laneOf({ stream, urgent = false }: HttpRequest): Lane {
  if (stream) return 'watches';
  return urgent ? 'urgent' : 'calls';
}

function toResponse({ statusCode, headers, body }: Dispatcher.ResponseData): HttpResponse {
  const flat = Object.entries(headers).map(([name, value]): [string, string] => [
    name.toLowerCase(),
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ]);
  return { status: statusCode, headers: Object.fromEntries(flat), body };
}
