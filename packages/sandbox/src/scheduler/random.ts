// SPDX-License-Identifier: Apache-2.0

/** Uniform numbers in [0, 1). */
export type Random = () => number;

/** A small generator with 32 bits of state (mulberry32): equal seeds give equal sequences. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A range of milliseconds, both ends included. */
export interface Span {
  readonly min: number;
  readonly max: number;
}

export const within = ({ min, max }: Span, random: Random): number => min + (max - min) * random();
