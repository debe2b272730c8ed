// SPDX-License-Identifier: Apache-2.0
/* eslint-disable @typescript-eslint/no-unnecessary-type-parameters --
   parsers of the edge: the caller names the shape it expects */
import { isJsonObject } from './body.ts';
import { KubeError } from '../errors/errors.ts';
import { apiVersionOf, type KubeObject, type APIResource } from './object.ts';

export interface ListPage<T extends KubeObject> {
  readonly items: readonly T[];
  /** Of the snapshot that all pages of one list share. */
  readonly resourceVersion: string;
  /** Set when there are more pages. */
  readonly continue?: string;
}

interface Asked {
  readonly method: string;
  readonly path: string;
}

/** Rejects values that are not objects; otherwise trusts the server. */
export function objectOf<T extends KubeObject>(asked: Asked, answer: unknown): T {
  if (isJsonObject(answer) && isJsonObject(answer['metadata'])) return answer as unknown as T;
  throw unexpected(asked, 'an object with metadata');
}

export function listPageOf<T extends KubeObject>(
  asked: Asked,
  resource: APIResource,
  answer: unknown,
): ListPage<T> {
  if (!isJsonObject(answer) || !isJsonObject(answer['metadata'])) throw unexpected(asked, 'a list');
  const { metadata, items } = answer;
  const { resourceVersion, continue: token } = metadata;
  return {
    items: itemsOf<T>(asked, resource, items ?? []),
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '',
    ...(typeof token === 'string' && token !== '' && { continue: token }),
  };
}

/** Lists of built-in kinds leave `apiVersion` and `kind` out of their items. */
function itemsOf<T extends KubeObject>(asked: Asked, resource: APIResource, items: unknown): T[] {
  if (!Array.isArray(items)) throw unexpected(asked, 'a list with items');
  const named = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  return items.map((item: unknown) => ({ ...named, ...objectOf<T>(asked, item) }));
}

const unexpected = ({ method, path }: Asked, expected: string): KubeError =>
  new KubeError({
    doing: `${method} ${path}`,
    status: 0,
    server: { message: `the answer is not ${expected}; is this really a Kubernetes API server?` },
  });
