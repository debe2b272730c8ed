// SPDX-License-Identifier: Apache-2.0
import { apiVersionOf } from '@altershield/kube';
import { dig, integer, text, without, type Json, type StoredObject } from '../json.ts';
import { typeKey } from './definition.ts';
import { badRequest, expired } from './failure.ts';
import type { Target } from './request.ts';
import { objectTest } from './selectors.ts';
import type { ObjectStore } from './store.ts';

interface Snapshot {
  readonly revision: number;
  readonly items: readonly StoredObject[];
}

const MAX_SNAPSHOTS = 64;

/** Answers LIST, in pages that all show the state of the first one. */
export class Lists {
  readonly #store: ObjectStore;
  readonly #snapshots = new Map<string, Snapshot>();
  #serial = 0;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Makes every continue token expire, as compaction does. */
  forgetPages(): void {
    this.#snapshots.clear();
  }

  list(target: Target): Json {
    const { definition, query } = target;
    const token = query.get('continue') ?? '';
    const { snapshot, start, id } = token === '' ? this.#begin(target) : this.#resume(token);
    const limit = Number(query.get('limit') ?? 0);
    const end = limit > 0 ? start + limit : snapshot.items.length;
    const left = snapshot.items.length - end;
    const isFiltered = query.has('labelSelector') || query.has('fieldSelector');
    const metadata = {
      resourceVersion: String(snapshot.revision),
      ...(left > 0 ? { continue: this.#remember(id, snapshot, end) } : {}),
      ...(left > 0 && !isFiltered ? { remainingItemCount: left } : {}),
    };
    const { resource, isCustom } = definition;
    const items = snapshot.items.slice(start, end);
    return {
      kind: `${resource.kind}List`,
      apiVersion: apiVersionOf(resource),
      metadata,
      items: isCustom
        ? items.map((item) => ({ ...item, apiVersion: apiVersionOf(resource) }))
        : items.map((item) => without(item, 'kind', 'apiVersion')),
    };
  }

  #begin({ definition, key, query }: Target): { snapshot: Snapshot; start: number; id: number } {
    const selected = objectTest(query.get('labelSelector') ?? '', query.get('fieldSelector') ?? '');
    const items = this.#store.list(typeKey(definition.resource), key.namespace).filter(selected);
    this.#serial += 1;
    return { snapshot: { revision: this.#store.revision, items }, start: 0, id: this.#serial };
  }

  #resume(token: string): { snapshot: Snapshot; start: number; id: number } {
    const { id, start } = decode(token);
    const snapshot = this.#snapshots.get(String(id));
    if (snapshot === undefined) {
      throw expired(
        'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.',
      );
    }
    return { snapshot, start, id };
  }

  #remember(id: number, snapshot: Snapshot, start: number): string {
    this.#snapshots.delete(String(id));
    this.#snapshots.set(String(id), snapshot);
    const [oldest] = this.#snapshots.keys();
    if (this.#snapshots.size > MAX_SNAPSHOTS && oldest !== undefined)
      this.#snapshots.delete(oldest);
    const content = JSON.stringify({ v: 'meta.k8s.io/v1', id, start });
    return Buffer.from(content).toString('base64url');
  }
}

function decode(token: string): { id: number; start: number } {
  try {
    const content = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as unknown;
    if (text(dig(content, 'v')) !== 'meta.k8s.io/v1') throw new Error('unknown version');
    return { id: integer(dig(content, 'id')), start: integer(dig(content, 'start')) };
  } catch {
    throw badRequest('continue key is not valid: the token is malformed');
  }
}
