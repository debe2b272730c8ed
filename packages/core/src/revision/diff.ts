// SPDX-License-Identifier: Apache-2.0
import type { Difference } from '@altershield/api';
import { canonical } from './fingerprint.ts';

const MAX_DIFFERENCES = 64;
const MAX_VALUE = 200;
/** List items that have one of these are told apart by it, not by position. */
const ITEM_KEYS = ['name', 'key', 'mountPath', 'containerPort', 'ip'] as const;
const SECRET_NAME = /pass|secret|token|credential|api[-_]?key|private[-_]?key/i;

export interface Diff {
  readonly differences: readonly Difference[];
  readonly truncated: boolean;
}

/** What differs between two templates, by readable path. Values with secret-like names are masked. */
export function diffTemplates(from: unknown, to: unknown): Diff {
  const found: Difference[] = [];
  compare('', from, to, found);
  return {
    differences: found.slice(0, MAX_DIFFERENCES),
    truncated: found.length > MAX_DIFFERENCES,
  };
}

function compare(path: string, from: unknown, to: unknown, found: Difference[]): void {
  if (canonical(from) === canonical(to)) return;
  if (isObject(from) && isObject(to)) {
    for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
      compare(join(path, key), from[key], to[key], found);
    }
  } else if (Array.isArray(from) && Array.isArray(to) && areKeyed(from, to)) {
    compareKeyed(path, from, to, found);
  } else {
    found.push(difference(path, from, to));
  }
}

function compareKeyed(
  path: string,
  from: readonly unknown[],
  to: readonly unknown[],
  found: Difference[],
): void {
  const before = byKey(from);
  const after = byKey(to);
  const before0 = found.length;
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    compare(`${path}[${key}]`, before.get(key), after.get(key), found);
  }
  if (found.length === before0) {
    found.push({ path, from: [...before.keys()].join(', '), to: [...after.keys()].join(', ') });
  }
}

const keyOfItem = (item: unknown): string | undefined => {
  if (!isObject(item)) return undefined;
  const key = ITEM_KEYS.find((k) => typeof item[k] === 'string' || typeof item[k] === 'number');
  return key === undefined ? undefined : String(item[key]);
};

const byKey = (items: readonly unknown[]): Map<string, unknown> =>
  new Map(items.map((item) => [keyOfItem(item) ?? '', item]));

/** Keyed comparison needs a key on every item, and no key twice. */
const areKeyed = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  [a, b].every(
    (items) => !items.some((i) => keyOfItem(i) === undefined) && byKey(items).size === items.length,
  );

function difference(path: string, from: unknown, to: unknown): Difference {
  const hide = SECRET_NAME.test(path);
  return {
    path: path.slice(0, 512).replace(/^spec\./, ''),
    ...(from === undefined ? {} : { from: show(from, hide) }),
    ...(to === undefined ? {} : { to: show(to, hide) }),
  };
}

function show(value: unknown, hide: boolean): string {
  if (hide && !isReference(value)) return '(masked)';
  const text = typeof value === 'string' ? value : canonical(masked(value));
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
}

const isReference = (value: unknown): boolean => isObject(value) && 'valueFrom' in value;

/** Masks values of secret-like names inside an added or removed subtree. */
function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  if (!isObject(value)) return value;
  const isSecret = typeof value['name'] === 'string' && SECRET_NAME.test(value['name']);
  return Object.fromEntries(
    Object.entries(value).map(([k, v]) => {
      const hide = (isSecret && k === 'value') || (SECRET_NAME.test(k) && typeof v === 'string');
      return [k, hide ? '(masked)' : masked(v)];
    }),
  );
}

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
