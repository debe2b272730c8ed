// SPDX-License-Identifier: Apache-2.0
import type { APIResource } from './object.ts';

export type QueryValue = string | number | boolean | undefined;

/** `/api/v1` or `/apis/{group}/{version}`. */
export const groupPath = ({ group, version }: Pick<APIResource, 'group' | 'version'>): string =>
  group === '' ? `/api/${version}` : `/apis/${group}/${version}`;

/** Path of a collection; `namespace` '' means all namespaces, or a cluster-scoped resource. */
export function collectionPath(resource: APIResource, namespace: string): string {
  const inNamespace =
    resource.namespaced && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${groupPath(resource)}${inNamespace}/${resource.plural}`;
}

/** Throws when a namespaced object is named without its namespace, or the name is empty. */
export function objectPath(
  resource: APIResource,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): string {
  if (name === '') throw new TypeError(`address a ${resource.kind}: its name is empty`);
  if (resource.namespaced && namespace === '') {
    throw new TypeError(`address ${resource.kind} "${name}": its namespace is missing`);
  }
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
}

/** Appends the parameters that are set; `undefined`, '' and `false` are left out. */
export function withQuery(path: string, query: Readonly<Record<string, QueryValue>>): string {
  const set = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== '' && value !== false,
  );
  if (set.length === 0) return path;
  const text = set.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return `${path}?${text.join('&')}`;
}
