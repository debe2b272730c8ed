// SPDX-License-Identifier: Apache-2.0
import type { ObjectKey } from '@altershield/kube';
import { isJsonObject, type Json } from '../json.ts';
import type { Subresource, UserInfo } from './call.ts';
import type { ResourceDefinition } from './definition.ts';
import { badRequest, noSuchPath, UnknownPath } from './failure.ts';
import type { Registry } from './registry.ts';

/** One HTTP exchange as it reaches the server; header names in lower case. */
export interface ApiRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The user, if the transport knows it; otherwise the bearer token identifies the user. */
  readonly user?: UserInfo;
}

/** The target of a URL of the resource API. */
export interface Target {
  readonly definition: ResourceDefinition;
  /** `name` is '' for collections. */
  readonly key: ObjectKey;
  readonly subresource: Subresource;
  readonly query: URLSearchParams;
}

/** The parts of a path, without the query. */
export const pathParts = (path: string): string[] =>
  (path.split('?')[0] ?? '')
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);

export const queryOf = (path: string): URLSearchParams =>
  new URLSearchParams(path.split('?')[1] ?? '');

/** Resolves a path; throws 404 where the server knows no such resource. */
export function resolveTarget(path: string, registry: Registry): Target {
  const parts = pathParts(path);
  const [root, ...rest] = parts;
  if (root !== 'api' && root !== 'apis') throw new UnknownPath();
  const [group = '', version = '', ...below] = root === 'api' ? ['', ...rest] : rest;
  const { namespace, plural, name, subresource } = splitBelow(below);
  const definition = registry.find(group, version, plural);
  if (definition === undefined) {
    throw registry.hasGroup(group, version) ? noSuchPath() : new UnknownPath();
  }
  checkSubresource(definition, subresource);
  const key = { namespace: definition.resource.namespaced ? namespace : '', name };
  return { definition, key, subresource: subresource as Subresource, query: queryOf(path) };
}

interface Below {
  readonly namespace: string;
  readonly plural: string;
  readonly name: string;
  readonly subresource: string;
}

function splitBelow(parts: readonly string[]): Below {
  const isNamespaced = parts[0] === 'namespaces' && parts.length > 2 && !isSubresource(parts[2]);
  const [plural = '', name = '', subresource = ''] = isNamespaced ? parts.slice(2) : parts;
  return { namespace: isNamespaced ? (parts[1] ?? '') : '', plural, name, subresource };
}

const isSubresource = (part: string | undefined): boolean =>
  part === 'status' || part === 'finalize';

function checkSubresource(definition: ResourceDefinition, subresource: string): void {
  const isKnown =
    subresource === '' ||
    (subresource === 'status' && definition.hasStatus) ||
    (subresource === 'scale' && definition.scale !== undefined);
  if (!isKnown) throw noSuchPath();
}

/** Parses a JSON object body; '' reads as an empty object. */
export function parseBody(body: string | undefined): Json {
  if (body === undefined || body === '') return {};
  const value = parseAny(body);
  if (!isJsonObject(value)) throw badRequest('the body of the request must be an object');
  return value;
}

export function parseAny(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${String(error)}`);
  }
}
