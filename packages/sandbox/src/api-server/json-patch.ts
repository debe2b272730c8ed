// SPDX-License-Identifier: Apache-2.0
import { isJsonObject, list, same, text, without, type Json } from '../json.ts';
import { badRequest, patchRejected } from './failure.ts';

const REMOVED = Symbol('removed');

/** Applies RFC 6902; a patch that does not match the document fails with 422, as in the real server. */
export function applyJsonPatch(document: Json, operations: unknown): Json {
  if (!Array.isArray(operations))
    throw badRequest('error decoding patch: a JSON array is expected');
  const patched = list(operations).reduce<unknown>(applyOne, document);
  if (!isJsonObject(patched)) throw patchRejected();
  return patched;
}

function applyOne(document: unknown, operation: unknown): unknown {
  if (!isJsonObject(operation)) throw badRequest('error decoding patch: operations are objects');
  const path = parseJsonPointer(operation['path']);
  switch (operation['op']) {
    case 'add':
      return setAt(document, path, operation['value'], 'add');
    case 'replace':
      readAt(document, path);
      return setAt(document, path, operation['value'], 'replace');
    case 'remove':
      readAt(document, path);
      return setAt(document, path, REMOVED, 'replace');
    case 'test':
      return test(document, path, operation['value']);
    case 'move': {
      const from = parseJsonPointer(operation['from']);
      const value = readAt(document, from);
      return setAt(setAt(document, from, REMOVED, 'replace'), path, value, 'add');
    }
    case 'copy':
      return setAt(document, path, readAt(document, parseJsonPointer(operation['from'])), 'add');
    default:
      throw patchRejected();
  }
}

/** Like the real server's library: a `test` against null holds for a missing member. */
function test(document: unknown, path: readonly string[], value: unknown): unknown {
  const found = readOrMissing(document, path);
  const holds = found === REMOVED ? value === null : same(found, value);
  if (!holds) throw patchRejected();
  return document;
}

function parseJsonPointer(path: unknown): string[] {
  const parts = text(path).split('/').slice(1);
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function readAt(document: unknown, path: readonly string[]): unknown {
  const found = readOrMissing(document, path);
  if (found === REMOVED) throw patchRejected();
  return found;
}

function readOrMissing(document: unknown, path: readonly string[]): unknown {
  let at = document;
  for (const key of path) {
    const next: unknown = Array.isArray(at)
      ? at[Number(key)]
      : isJsonObject(at)
        ? at[key]
        : undefined;
    if (next === undefined) return REMOVED;
    at = next;
  }
  return at;
}

type Mode = 'add' | 'replace';

function setAt(document: unknown, path: readonly string[], value: unknown, mode: Mode): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const child = (at: unknown): unknown =>
    rest.length === 0 ? value : setAt(existing(at), rest, value, mode);
  if (Array.isArray(document))
    return setItem(document, key, child, rest.length > 0 ? 'replace' : mode);
  if (!isJsonObject(document)) throw patchRejected();
  const next = child(document[key]);
  return next === REMOVED ? without(document, key) : { ...document, [key]: next };
}

function existing(value: unknown): unknown {
  if (value === undefined) throw patchRejected();
  return value;
}

function setItem(
  items: readonly unknown[],
  key: string,
  child: (at: unknown) => unknown,
  mode: Mode,
): unknown[] {
  const at = key === '-' ? items.length : Number(key);
  const last = mode === 'add' ? items.length : items.length - 1;
  if (!Number.isInteger(at) || at < 0 || at > last) throw patchRejected();
  const next = child(items[at]);
  if (next === REMOVED) return items.toSpliced(at, 1);
  return items.toSpliced(at, mode === 'add' ? 0 : 1, next);
}
