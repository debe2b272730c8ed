// SPDX-License-Identifier: Apache-2.0
import type {
  AdmissionOperation,
  AdmissionRequest,
  AdmissionUser,
  GroupVersionKind,
  GroupVersionResource,
} from './admission.ts';
import { textWithoutManagedFields } from './managed-fields.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The bytes are not a valid AdmissionReview; the message names the expected format. */
export class MalformedReview extends Error {
  override readonly name = 'MalformedReview';
}

const OPERATIONS: readonly string[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'];
const WANTED = 'an AdmissionReview of admission.k8s.io/v1';

/** Reads a review. Throws `MalformedReview`. */
export function parseReview(bytes: Uint8Array): AdmissionRequest {
  const review = parseJson(bytes);
  if (!isFields(review)) throw new MalformedReview(`expected ${WANTED}, got ${typeName(review)}`);
  if (review['kind'] !== 'AdmissionReview' || review['apiVersion'] !== 'admission.k8s.io/v1') {
    throw new MalformedReview(
      `expected ${WANTED}, got kind ${show(review['kind'])} of ${show(review['apiVersion'])}: ` +
        'set admissionReviewVersions: [v1] in the webhook configuration',
    );
  }
  return parseRequest(fieldsAt(review, 'request'));
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.byteLength === 0) throw new MalformedReview(`expected ${WANTED}, got an empty body`);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return JSON.parse(textWithoutManagedFields(buffer));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new MalformedReview(
      `expected ${WANTED}, got ${bytes.byteLength} bytes of invalid JSON (truncated?): ${why}`,
      { cause },
    );
  }
}

function parseRequest(request: Fields): AdmissionRequest {
  const uid = textAt(request, 'uid');
  if (uid === '') throw new MalformedReview('request.uid is missing: the answer must repeat it');
  return {
    uid,
    kind: parseKind(fieldsAt(request, 'kind')),
    resource: parseResource(fieldsAt(request, 'resource')),
    subResource: textAt(request, 'subResource'),
    name: textAt(request, 'name'),
    namespace: textAt(request, 'namespace'),
    operation: parseOperation(request['operation']),
    userInfo: parseUser(fieldsAt(request, 'userInfo')),
    object: request['object'] ?? null,
    oldObject: request['oldObject'] ?? null,
    dryRun: request['dryRun'] === true,
    options: request['options'] ?? null,
  };
}

const parseKind = (fields: Fields): GroupVersionKind => ({
  group: textAt(fields, 'group'),
  version: textAt(fields, 'version'),
  kind: textAt(fields, 'kind'),
});

const parseResource = (fields: Fields): GroupVersionResource => ({
  group: textAt(fields, 'group'),
  version: textAt(fields, 'version'),
  resource: textAt(fields, 'resource'),
});

function parseUser(fields: Fields): AdmissionUser {
  const groups = fields['groups'];
  const extra = fields['extra'];
  const uid = textAt(fields, 'uid');
  return {
    username: textAt(fields, 'username'),
    ...(uid !== '' && { uid }),
    ...(groups !== undefined && { groups: textsOf(groups) }),
    ...(isFields(extra) && { extra: mapValues(extra, textsOf) }),
  };
}

function parseOperation(value: unknown): AdmissionOperation {
  if (!isOperation(value)) {
    throw new MalformedReview(
      `request.operation is ${show(value)}, expected one of ${OPERATIONS.join(', ')}`,
    );
  }
  return value;
}

const isOperation = (value: unknown): value is AdmissionOperation =>
  typeof value === 'string' && OPERATIONS.includes(value);

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function fieldsAt(fields: Fields, name: string): Fields {
  const value = fields[name];
  if (isFields(value)) return value;
  throw new MalformedReview(`${name} is ${typeName(value)}, expected an object`);
}

function textAt(fields: Fields, name: string): string {
  const value = fields[name];
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  throw new MalformedReview(`${name} is ${typeName(value)}, expected a string`);
}

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];

const mapValues = <T>(fields: Fields, map: (value: unknown) => T): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, map(value)]));

const typeName = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`;
};

const show = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : typeName(value);
