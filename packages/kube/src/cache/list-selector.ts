// SPDX-License-Identifier: Apache-2.0
import type { ListSelector } from '../client/client.ts';
import type { KubeObject } from '../client/object.ts';
import { parseLabelSelector } from './label-selector.ts';

/**
 * Whether a list with this selection contains an object. Of field selectors only the names of objects
 * and namespaces can be evaluated locally; others select nothing here, so that a write of this client
 * enters such a cache with the watch.
 */
export function selects({
  namespace = '',
  labelSelector = '',
  fieldSelector = '',
}: ListSelector): (object: KubeObject) => boolean {
  const labelled = parseLabelSelector(labelSelector);
  const fields = fieldSelector.split(',').filter((field) => field !== '');
  return ({ metadata }) =>
    (namespace === '' || metadata.namespace === namespace) &&
    labelled(metadata.labels ?? {}) &&
    fields.every((field) => hasField(metadata, field));
}

function hasField({ name, namespace = '' }: KubeObject['metadata'], field: string): boolean {
  const [, path, value] = /^([\w.]+)==?(.*)$/.exec(field) ?? [];
  if (path === 'metadata.name') return name === value;
  return path === 'metadata.namespace' && namespace === value;
}

/** One text per selection, for sharing. */
export const listSelectorKey = ({
  namespace = '',
  labelSelector = '',
  fieldSelector = '',
}: ListSelector): string => `${namespace}|${labelSelector}|${fieldSelector}`;
