// SPDX-License-Identifier: Apache-2.0
import type { APIResource } from '@altershield/kube';
import type { Json } from '../json.ts';

/** One thing wrong with one field, as the API server reports it. */
export interface FieldProblem {
  readonly reason:
    | 'FieldValueInvalid'
    | 'FieldValueRequired'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueTypeInvalid';
  readonly field: string;
  readonly message: string;
}

/** A failed request: an error inside the server, a `Status` object on the wire. */
export class StatusError extends Error {
  override readonly name = 'ApiFailure';
  readonly code: number;
  readonly status: Json;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: { code: number; reason: string; message: string; details?: Json }) {
    super(status.message);
    this.code = status.code;
    const retryAfter = status.details?.['retryAfterSeconds'];
    this.retryAfterSeconds = typeof retryAfter === 'number' ? retryAfter : undefined;
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: status.message,
      reason: status.reason,
      details: status.details ?? {},
      code: status.code,
    };
  }
}

/** `deployments.apps`, or `pods` for the core group. */
export const qualified = ({ plural, group }: Pick<APIResource, 'plural' | 'group'>): string =>
  group === '' ? plural : `${plural}.${group}`;

const detailsOf = ({ group, plural }: APIResource, name: string): Json => ({
  name,
  ...(group === '' ? {} : { group }),
  kind: plural,
});

export const notFound = (resource: APIResource, name: string): StatusError =>
  new StatusError({
    code: 404,
    reason: 'NotFound',
    message: `${qualified(resource)} "${name}" not found`,
    details: detailsOf(resource, name),
  });

export const noSuchPath = (): StatusError =>
  new StatusError({
    code: 404,
    reason: 'NotFound',
    message: 'the server could not find the requested resource',
  });

/** A path that no part of the server knows at all: answered in plain words. */
export class UnknownPath extends Error {
  override readonly name = 'UnknownPath';
}

export const alreadyExists = (resource: APIResource, name: string): StatusError =>
  new StatusError({
    code: 409,
    reason: 'AlreadyExists',
    message: `${qualified(resource)} "${name}" already exists`,
    details: detailsOf(resource, name),
  });

const STALE =
  'the object has been modified; please apply your changes to the latest version and try again';

export const conflict = (resource: APIResource, name: string, why = STALE): StatusError =>
  new StatusError({
    code: 409,
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`,
    details: detailsOf(resource, name),
  });

/** The 409 of a deletion that was meant for another object or state; it names the kind. */
export const deletesAnother = (
  { group, kind }: APIResource,
  name: string,
  why: string,
): StatusError => conflict({ group, plural: kind, kind, version: '', namespaced: true }, name, why);

export function invalid(
  { group, kind }: APIResource,
  name: string,
  problems: readonly FieldProblem[],
): StatusError {
  const sentences = problems.map(({ field, message }) => `${field}: ${message}`);
  const all = sentences.length === 1 ? (sentences[0] ?? '') : `[${sentences.join(', ')}]`;
  const typeName = group === '' ? kind : `${kind}.${group}`;
  return new StatusError({
    code: 422,
    reason: 'Invalid',
    message: `${typeName} "${name}" is invalid: ${all}`,
    details: {
      name,
      ...(group === '' ? {} : { group }),
      kind,
      causes: problems.map(({ reason, message, field }) => ({ reason, message, field })),
    },
  });
}

/** The answer to a JSON patch that cannot be applied, a failed `test` above all. */
export const patchRejected = (): StatusError =>
  new StatusError({
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
  });

export const badRequest = (message: string): StatusError =>
  new StatusError({ code: 400, reason: 'BadRequest', message });

export const expired = (message: string): StatusError =>
  new StatusError({ code: 410, reason: 'Expired', message });

export const unauthorized = (): StatusError =>
  new StatusError({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });

export const methodNotAllowed = (): StatusError =>
  new StatusError({
    code: 405,
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
  });

export const internalError = (message: string): StatusError =>
  new StatusError({
    code: 500,
    reason: 'InternalError',
    message: `Internal error occurred: ${message}`,
    details: { causes: [{ message }] },
  });

export const FIELD = {
  invalid: (field: string, value: unknown, why: string): FieldProblem => ({
    reason: 'FieldValueInvalid',
    field,
    message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
  }),
  required: (field: string, why = ''): FieldProblem => ({
    reason: 'FieldValueRequired',
    field,
    message: why === '' ? 'Required value' : `Required value: ${why}`,
  }),
  forbidden: (field: string, why: string): FieldProblem => ({
    reason: 'FieldValueForbidden',
    field,
    message: `Forbidden: ${why}`,
  }),
  notSupported: (field: string, value: unknown, values: readonly unknown[]): FieldProblem => ({
    reason: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${values.map((one) => JSON.stringify(one)).join(', ')}`,
  }),
};
