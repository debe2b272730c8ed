// SPDX-License-Identifier: Apache-2.0
import { isJsonObject, readText } from '../client/body.ts';
import { KubeError, type ServerStatus } from './errors.ts';
import type { HttpResponse } from '../client/transport.ts';

/** Characters quoted of an answer that is not a `Status`, for example the page of a proxy. */
const MAX_QUOTE = 300;

/** Upper bound of Retry-After, because a proxy may send an hour. */
const MAX_RETRY_AFTER_MS = 60_000;

/** Reads the body of a failed call and returns a typed error. */
export async function failureOf(
  doing: string,
  response: HttpResponse,
  now: number,
): Promise<KubeError> {
  const server = parseStatus(await readText(response).catch(() => ''));
  const retryAfterMs = retryAfter(response, server, now);
  return new KubeError({
    doing,
    status: response.status,
    server,
    ...(retryAfterMs !== undefined && {
      retryAfterMs: Math.min(MAX_RETRY_AFTER_MS, retryAfterMs),
    }),
  });
}

/** The error that an `ERROR` event in a watch stream carries. */
export function failureOfStatus(doing: string, status: unknown): KubeError {
  const server = isJsonObject(status) ? pickStatus(status) : {};
  return new KubeError({ doing, status: server.code ?? 500, server });
}

function parseStatus(text: string): ServerStatus {
  try {
    const parsed: unknown = JSON.parse(text);
    if (isJsonObject(parsed) && parsed['kind'] === 'Status') return pickStatus(parsed);
  } catch {
    // Not JSON: a proxy or a load balancer answered.
  }
  const quote = text.trim().slice(0, MAX_QUOTE);
  return quote === '' ? { message: 'the answer had no body' } : { message: quote };
}

function pickStatus(status: Readonly<Record<string, unknown>>): ServerStatus {
  const { message, reason, code, details } = status;
  return {
    ...(typeof message === 'string' && { message }),
    ...(typeof reason === 'string' && { reason }),
    ...(typeof code === 'number' && { code }),
    ...(details !== undefined && { details }),
  };
}

function retryAfter(
  { headers }: HttpResponse,
  { details }: ServerStatus,
  now: number,
): number | undefined {
  const header = headers['retry-after'];
  if (header !== undefined) return parseRetryAfter(header, now);
  const seconds = isJsonObject(details) ? details['retryAfterSeconds'] : undefined;
  return typeof seconds === 'number' ? seconds * 1000 : undefined;
}

function parseRetryAfter(header: string, now: number): number | undefined {
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
