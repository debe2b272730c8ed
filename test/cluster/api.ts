// SPDX-License-Identifier: Apache-2.0

import { request as plainRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { request as secureRequest } from 'node:https';
import { text } from 'node:stream/consumers';

/** An API server, its CA, and who is asking. */
export interface Endpoint {
  readonly url: string;
  readonly caPem?: string;
  readonly token?: string;
  /** A client certificate and its key. */
  readonly certPem?: string;
  readonly keyPem?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

export interface ApiCall {
  readonly method?: string;
  /** Path and query. */
  readonly path: string;
  readonly body?: unknown;
  /** Defaults to `application/json`. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

/** The server answered, but not with success. */
export class ApiError extends Error {
  readonly status: number;

  constructor(call: ApiCall, status: number, answer: string) {
    super(`${call.method ?? 'GET'} ${call.path}: ${status}: ${answer.slice(0, 2000)}`);
    this.status = status;
  }
}

const TIMEOUT_MS = 30_000;

/** One request; the answer parsed from JSON (or as text when it is none). Throws ApiError above 299. */
export async function callApi(endpoint: Endpoint, call: ApiCall): Promise<unknown> {
  const response = await openApi(endpoint, { signal: AbortSignal.timeout(TIMEOUT_MS), ...call });
  const answer = await text(response);
  const isJson = response.headers['content-type']?.startsWith('application/json') ?? false;
  return isJson ? JSON.parse(answer) : answer;
}

/** One request whose answer is read by the caller, such as a watch. Throws ApiError above 299. */
export async function openApi(endpoint: Endpoint, call: ApiCall): Promise<IncomingMessage> {
  const response = await send(endpoint, call);
  const status = response.statusCode ?? 0;
  if (status < 300) return response;
  throw new ApiError(call, status, await text(response));
}

function send(endpoint: Endpoint, call: ApiCall): Promise<IncomingMessage> {
  const request = endpoint.url.startsWith('https:') ? secureRequest : plainRequest;
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  return new Promise((resolve, reject) => {
    const options = {
      method: call.method ?? 'GET',
      headers: headersOf(endpoint, call),
      ca: endpoint.caPem,
      cert: endpoint.certPem,
      key: endpoint.keyPem,
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    };
    request(endpoint.url + call.path, options, resolve)
      .on('error', reject)
      .end(body);
  });
}

function headersOf(endpoint: Endpoint, call: ApiCall): OutgoingHttpHeaders {
  return {
    accept: 'application/json',
    ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
    ...(endpoint.token === undefined ? {} : { authorization: `Bearer ${endpoint.token}` }),
    ...endpoint.headers,
  };
}
