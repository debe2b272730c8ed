// SPDX-License-Identifier: Apache-2.0

/** The API server's own account of a failure (`kind: Status`), as far as it sent one. */
export interface ServerStatus {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: unknown;
}

export interface KubeErrorFacts {
  /** The operation that failed, e.g. `PATCH /apis/apps/v1/namespaces/shop/deployments/checkout`. */
  readonly doing: string;
  /** HTTP status; 0 when no answer arrived. */
  readonly status: number;
  readonly server?: ServerStatus;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** A call that failed at the API server or got no answer. Use the fields; do not parse `message`. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly status: number;
  readonly reason: string;
  readonly server: ServerStatus;
  /** Capped at one minute. */
  readonly retryAfterMs: number | undefined;

  constructor({ doing, status, server = {}, retryAfterMs, cause }: KubeErrorFacts) {
    const why = server.message ?? (cause instanceof Error ? cause.message : 'no answer');
    super(`${doing}: ${status === 0 ? '' : `${status} `}${why}`, { cause });
    this.status = status;
    this.server = server;
    this.reason = server.reason ?? '';
    this.retryAfterMs = retryAfterMs;
  }
}

const hasStatus = (error: unknown, status: number): boolean =>
  error instanceof KubeError && error.status === status;

export const isNotFound = (error: unknown): boolean => hasStatus(error, 404);
export const isGone = (error: unknown): boolean => hasStatus(error, 410);
export const isForbidden = (error: unknown): boolean => hasStatus(error, 403);
/** 409 of an optimistic lock or a failed precondition, but not `AlreadyExists`. */
export const isConflict = (error: unknown): boolean =>
  error instanceof KubeError && error.status === 409 && error.reason !== 'AlreadyExists';
export const isAlreadyExists = (error: unknown): boolean =>
  error instanceof KubeError && error.status === 409 && error.reason === 'AlreadyExists';
/** 422, also the answer to a JSON patch whose `test` failed. */
export const isInvalid = (error: unknown): boolean => hasStatus(error, 422);

/** A namespace that is being deleted rejects new objects. */
export const isNamespaceEnding = (error: unknown): boolean =>
  isForbidden(error) &&
  error instanceof KubeError &&
  JSON.stringify(error.server.details ?? null).includes('"NamespaceTerminating"');

/** A broken invariant or an error that a retry cannot fix: logged and counted, not retried. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}
