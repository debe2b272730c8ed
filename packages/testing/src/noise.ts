// SPDX-License-Identifier: Apache-2.0
/** Seeded noise for the tests and the benchmark of the detectors. */

export type Random = () => number;

/** Mulberry32: small, fast, and good enough for noise. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal, by Box and Muller. */
export const gaussian = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** A stationary AR(1) series of unit variance: each sample keeps `phi` of the one before. */
export function autoregressive(length: number, phi: number, random: Random): Float64Array {
  const values = new Float64Array(length);
  let state = gaussian(random);
  for (let i = 0; i < length; i++) {
    state = i === 0 ? state : phi * state + Math.sqrt(1 - phi ** 2) * gaussian(random);
    values[i] = state;
  }
  return values;
}
