// SPDX-License-Identifier: Apache-2.0
import { RE2JS } from 're2js';
import type { Meter } from '../meter.ts';
import { InvalidArgument, type Definition } from './library.ts';

const MAX_PATTERN = 1000;
const MAX_CACHED = 200;
/** Steps of the matcher that cost as much as one step of the evaluation. */
const STEPS_PER_COST = 10;

/** RE2 takes time in proportion to pattern and text, whatever the pattern. */
export class RegexCache {
  readonly #compiled = new Map<string, RE2JS>();

  compile(pattern: string): RE2JS {
    const known = this.#compiled.get(pattern);
    if (known !== undefined) return known;
    const compiled = compile(pattern);
    if (this.#compiled.size >= MAX_CACHED) this.#compiled.clear();
    this.#compiled.set(pattern, compiled);
    return compiled;
  }
}

function compile(pattern: string): RE2JS {
  if (pattern.length > MAX_PATTERN) {
    throw new InvalidArgument(`a regular expression has ${MAX_PATTERN} characters at most`);
  }
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidArgument(`invalid regular expression "${pattern}": ${reason}`);
  }
}

function findAll(expression: RE2JS, text: string, limit: bigint): string[] {
  const found: string[] = [];
  const matcher = expression.matcher(text);
  while ((limit < 0n || BigInt(found.length) < limit) && matcher.find()) {
    found.push(matcher.group() ?? '');
  }
  return found;
}

export function regexLibrary(cache: RegexCache, meter: Meter): readonly Definition[] {
  const prepare = (text: string, pattern: string): RE2JS => {
    meter.charge((text.length * pattern.length) / STEPS_PER_COST);
    return cache.compile(pattern);
  };
  const find = (text: string, pattern: string): string =>
    findAll(prepare(text, pattern), text, 1n)[0] ?? '';
  const all = (text: string, pattern: string, limit = -1n): string[] =>
    findAll(prepare(text, pattern), text, limit);
  const matches = (text: string, pattern: string): boolean =>
    prepare(text, pattern).matcher(text).find();
  return [
    ['matches(string, string): bool', matches],
    ['string.matches(string): bool', matches],
    ['string.find(string): string', find],
    ['string.findAll(string): list<string>', (t: string, pattern: string) => all(t, pattern)],
    ['string.findAll(string, int): list<string>', all],
  ];
}
