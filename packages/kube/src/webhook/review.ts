// SPDX-License-Identifier: Apache-2.0
import type {
  AdmissionHandlers,
  AdmissionRequest,
  AdmissionResponse,
  Denied,
} from './admission.ts';
import { truncate, boundedWarnings } from './truncate.ts';
import { MalformedReview, parseReview } from './parse.ts';

/** One HTTP response with the facts that the caller logs and counts. */
export interface ReviewOutcome {
  readonly status: number;
  /** JSON: an AdmissionReview when `status` is 200, else a Status. */
  readonly body: string;
  readonly request?: AdmissionRequest;
  readonly allowed?: boolean;
  /** Why `status` is not 200. */
  readonly error?: unknown;
}

const MAX_MESSAGE = 4096;
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  408: 'Timeout',
  413: 'RequestEntityTooLarge',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

/** The JSON `Status` that the API server shows when a webhook call itself failed. */
export function failureBody(code: number, message: string): string {
  return JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason: REASONS[code] ?? 'Unknown',
    message: truncate(message, MAX_MESSAGE),
    code,
  });
}

/**
 * Answers one AdmissionReview; never rejects. A handler that throws gives a 500, which the
 * API server treats by the webhook's `failurePolicy`.
 */
export async function reviewAdmission(
  bytes: Uint8Array,
  handlers: AdmissionHandlers,
  path: string,
): Promise<ReviewOutcome> {
  const handler = handlers.get(path);
  if (handler === undefined) return failed(404, unknownPath(path));
  let request: AdmissionRequest | undefined;
  try {
    request = parseReview(bytes);
    const response = await handler(request);
    return {
      status: 200,
      body: JSON.stringify(reviewOf(request.uid, response)),
      request,
      allowed: response.allowed,
    };
  } catch (error) {
    if (error instanceof MalformedReview) return failed(400, error.message, error);
    const message = error instanceof Error ? error.message : String(error);
    const outcome = failed(500, `admission handler of ${path} failed: ${message}`, error);
    return { ...outcome, ...(request !== undefined && { request }) };
  }
}

const failed = (status: number, message: string, error: unknown = message): ReviewOutcome => ({
  status,
  body: failureBody(status, message),
  error,
});

/** Does not list the known paths: the caller is not authenticated. */
export const unknownPath = (path: string): string =>
  `no admission handler at ${truncate(path, 200)}`;

const reviewOf = (uid: string, response: AdmissionResponse): object => ({
  kind: 'AdmissionReview',
  apiVersion: 'admission.k8s.io/v1',
  response: {
    uid,
    allowed: response.allowed,
    ...(response.allowed ? patchOf(response.patch) : { status: statusOf(response) }),
    ...(response.warnings !== undefined && { warnings: boundedWarnings(response.warnings) }),
    ...(response.auditAnnotations !== undefined && {
      auditAnnotations: response.auditAnnotations,
    }),
  },
});

const patchOf = (patch: readonly object[] = []): object =>
  patch.length === 0
    ? {}
    : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };

const statusOf = ({ code, reason, message }: Denied): object => ({
  status: 'Failure',
  code: code >= 400 && code <= 599 ? code : 403,
  reason,
  message: truncate(message, MAX_MESSAGE),
});
