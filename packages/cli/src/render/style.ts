// SPDX-License-Identifier: Apache-2.0
import { createColors } from 'picocolors';

export type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'dim' | 'strong' | 'plain';

/** Colors a text, or returns it unchanged when colors are off. */
export type Paint = (tone: Tone, text: string) => string;

export function painter(colors: boolean): Paint {
  const { green, red, yellow, cyan, dim, bold } = createColors(colors);
  const plain = (text: string): string => text;
  const tones = { good: green, bad: red, warn: yellow, busy: cyan, dim, strong: bold, plain };
  return (tone, text) => tones[tone](text);
}

/** How a page is rendered. */
export interface View {
  readonly paint: Paint;
  /** Milliseconds since the epoch; ages count from here. */
  readonly now: number;
  /** Columns of the terminal; absent when the output is not a terminal: texts stay whole. */
  readonly columns?: number | undefined;
}

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g;

/**
 * Replaces control characters in all strings by blanks: a container must not control the user's
 * terminal through its status.
 */
export function printable<T>(value: T): T;
export function printable(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(CONTROL, ' ');
  if (Array.isArray(value)) return value.map((item: unknown) => printable(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [printable(key), printable(item)]),
  );
}
