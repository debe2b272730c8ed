// SPDX-License-Identifier: Apache-2.0

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query, e.g. `/apis/apps/v1/deployments?limit=100`. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
  /** True for watches: the transport then applies no response time-out and uses its watch pool. */
  readonly stream: boolean;
  /** True for calls that must not wait behind others: they have connections of their own. */
  readonly urgent?: boolean;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body in chunks as they arrive; must be read to its end or `return`ed. */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Carries one HTTP exchange to the API server. The product uses undici over TLS; tests hand in a
 * transport that calls a simulated API server in the same process, under a virtual scheduler.
 * Rejects with an `Error` whose message names the host when the exchange could not be carried out.
 */
export interface Transport {
  request(request: HttpRequest): Promise<HttpResponse>;
  close(): Promise<void>;
}
