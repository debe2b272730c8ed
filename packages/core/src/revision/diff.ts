// SPDX-License-Identifier: Apache-2.0
import type { Difference } from '@altershield/api';
import { canonicalJson } from '../json/canonical.ts';

const MAX_DIFFERENCES = 64;
const MAX_VALUE = 200;
const MASK = '(masked)';
/** List items with one of these fields are matched by it, not by position. */
const ITEM_KEYS = ['name', 'key', 'mountPath', 'containerPort', 'ip'] as const;
const SECRET_NAME = /pass|secret|token|credential|api[-_]?key|private[-_]?key/i;
/** Lengths are bounded, because users control the text. */
const FLAG = `--?[\\w-]{0,64}(?:${SECRET_NAME.source})[\\w-]{0,64}`;
const SECRET_FLAG = new RegExp(`^${FLAG}$`, 'i');
/** Masks the whole argument, as in `--password=x&y`. */
const FLAG_VALUE = new RegExp(`((?:^|\\s)${FLAG}=)[^\\s"']+`, 'gi');
/**
 * Matches `password='x y'`, `token: x` and `"token":"x"`, but not `token-service:8080`, which is an
 * image or a host.
 */
const ASSIGNED = new RegExp(
  `((?:${SECRET_NAME.source})[\\w.-]{0,64}(?:["']?[ \\t]{0,4}=|["'][ \\t]{0,4}:|:(?=[ \\t"']))[ \\t]{0,4}["']?)` +
    `(?:(?<=")[^"]+|(?<=')[^']+|[^\\s"'&,;]+)`,
  'gi',
);
const IN_URL = /(:\/\/[^\s:/@]{0,128}:)[^\s/]{1,512}(?=@)/g;
/** A container's name says nothing about whether its fields are secret. */
const CONTAINER = /^(spec\.template\.)?spec\.\w*containers\[[^\]]*\]/i;

export interface Diff {
  readonly differences: readonly Difference[];
  readonly truncated: boolean;
}

/**
 * The differences between two templates, by readable path. Values that look secret, by name or by
 * position, are masked.
 */
export function diffTemplates(from: unknown, to: unknown): Diff {
  const found: Difference[] = [];
  compare('', from, to, found);
  return {
    differences: found.slice(0, MAX_DIFFERENCES),
    truncated: found.length > MAX_DIFFERENCES,
  };
}

function compare(path: string, was: unknown, is: unknown, found: Difference[]): void {
  if (canonicalJson(was) === canonicalJson(is)) return;
  const from = was ?? emptyOf(is);
  const to = is ?? emptyOf(was);
  if (isJsonObject(from) && isJsonObject(to)) {
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
    const [was, is] = [before.get(key), after.get(key)];
    const isWhole = was === undefined || is === undefined;
    if (isWhole) found.push(difference(`${path}[${key}]`, was, is));
    else compare(`${path}[${key}]`, was, is, found);
  }
  if (found.length === before0) {
    found.push({ path, from: [...before.keys()].join(', '), to: [...after.keys()].join(', ') });
  }
}

const keyOfItem = (item: unknown): string | undefined => {
  if (!isJsonObject(item)) return undefined;
  const key = ITEM_KEYS.find((k) => typeof item[k] === 'string' || typeof item[k] === 'number');
  return key === undefined ? undefined : String(item[key]);
};

const byKey = (items: readonly unknown[]): Map<string, unknown> =>
  new Map(items.map((item) => [keyOfItem(item) ?? '', item]));

/** Matching by key requires a key on every item, and no key twice. */
const areKeyed = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  [a, b].every(
    (items) => !items.some((i) => keyOfItem(i) === undefined) && byKey(items).size === items.length,
  );

function difference(path: string, from: unknown, to: unknown): Difference {
  const hide = SECRET_NAME.test(path.replace(CONTAINER, ''));
  return {
    path: path.slice(0, 512).replace(/^(spec\.template\.)?spec\./, ''),
    ...(from === undefined ? {} : { from: show(from, hide) }),
    ...(to === undefined ? {} : { to: show(to, hide) }),
  };
}

function show(value: unknown, hide: boolean): string {
  if (hide && !isReference(value)) return MASK;
  const kept = masked(value);
  const text = typeof kept === 'string' ? kept : canonicalJson(kept);
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
}

/** A secret-like argument whose value is the next item. */
const isFlag = (item: unknown): boolean => typeof item === 'string' && SECRET_FLAG.test(item);

/** Masks a longer text than is shown, so that a secret cut off at the end is still recognized. */
const maskedText = (text: string): string =>
  text
    .slice(0, 10 * MAX_VALUE)
    .replace(FLAG_VALUE, `$1${MASK}`)
    .replace(ASSIGNED, `$1${MASK}`)
    .replace(IN_URL, `$1${MASK}`);

const isReference = (value: unknown): boolean => isJsonObject(value) && 'valueFrom' in value;

/**
 * Masks secret-like values inside an added or removed subtree, and within texts such as arguments
 * and addresses.
 */
function masked(value: unknown): unknown {
  if (typeof value === 'string') return maskedText(value);
  if (Array.isArray(value))
    return value.map((item, i) => (isFlag(value[i - 1]) ? MASK : masked(item)));
  if (!isJsonObject(value)) return value;
  const isSecret = typeof value['name'] === 'string' && SECRET_NAME.test(value['name']);
  return Object.fromEntries(
    Object.entries(value).map(([k, v]) => {
      const hide = (isSecret && k === 'value') || (SECRET_NAME.test(k) && typeof v === 'string');
      return [k, hide ? MASK : masked(v)];
    }),
  );
}

/**
 * The empty counterpart of an added or removed value that users read by entry, such as labels or
 * variables: the diff then lists its entries. Undefined for other values.
 */
function emptyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length > 0 && areKeyed(value, []) ? [] : undefined;
  const entries = isJsonObject(value) ? Object.values(value) : [];
  const isFlat = entries.length > 0 && entries.every((each) => typeof each !== 'object');
  return isFlat ? {} : undefined;
}

function join(path: string, key: string): string {
  if (path === '') return key;
  return /[./]/.test(key) ? `${path}[${key}]` : `${path}.${key}`;
}

const isJsonObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
