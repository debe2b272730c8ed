// SPDX-License-Identifier: Apache-2.0
/**
 * Brent's root search (R. Brent, Algorithms for Minimization Without Derivatives, 1973), with the
 * tolerance of R and of Kayenta. Rank scores are steps, so where the search stops decides some of
 * Kayenta's answers: an exact search would give others.
 */
const MAX_STEPS = 1000;
const TOLERANCE = 1e-4;

/** The bracket: `b` is the best guess, `c` lies on the other side of the root, `a` came before `b`. */
interface Bracket {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly fa: number;
  readonly fb: number;
  readonly fc: number;
}

/** A root of `f` between `low` and `high`, where `f` has different signs. */
export function findRoot(f: (x: number) => number, low: number, high: number): number {
  const [fa, fb] = [f(low), f(high)];
  if (fa === 0) return low;
  let bracket: Bracket = { a: low, b: high, c: low, fa, fb, fc: fa };
  for (let i = 0; i <= MAX_STEPS; i++) {
    const previous = bracket.b - bracket.a;
    bracket = bestFirst(bracket);
    const { b, c, fb: best } = bracket;
    const tolerance = 2 * Number.EPSILON * Math.abs(b) + TOLERANCE / 2;
    if (Math.abs(c - b) / 2 <= tolerance || best === 0) return b;
    const step = stepOf(bracket, previous, tolerance);
    const next = b + (Math.abs(step) < tolerance ? tolerance * (step > 0 ? 1 : -1) : step);
    bracket = advance(bracket, next, f(next));
  }
  return bracket.b;
}

function bestFirst(bracket: Bracket): Bracket {
  const { b, c, fb, fc } = bracket;
  return Math.abs(fc) < Math.abs(fb) ? { a: b, b: c, c: b, fa: fb, fb: fc, fc: fb } : bracket;
}

/** By interpolation where that is safe, else by halving. */
function stepOf(bracket: Bracket, previous: number, tolerance: number): number {
  const { b, c, fa, fb } = bracket;
  const half = (c - b) / 2;
  if (Math.abs(previous) < tolerance || Math.abs(fa) <= Math.abs(fb)) return half;
  const { p, q } = interpolate(bracket);
  const limit = 0.75 * (c - b) * q - Math.abs(tolerance * q) / 2;
  return p < limit && p < Math.abs((previous * q) / 2) ? p / q : half;
}

/** The step as a fraction whose numerator is not negative. */
function interpolate({ a, b, c, fa, fb, fc }: Bracket): { p: number; q: number } {
  const [ratio, width] = [fb / fa, c - b];
  let p = width * ratio;
  let q = 1 - ratio;
  if (a !== c) {
    const [s, t] = [fa / fc, fb / fc];
    p = ratio * (width * s * (s - t) - (b - a) * (t - 1));
    q = (s - 1) * (t - 1) * (ratio - 1);
  }
  return p > 0 ? { p, q: -q } : { p: -p, q };
}

function advance({ b, c, fb, fc }: Bracket, next: number, value: number): Bracket {
  const isSameSide = value * fc > 0;
  return isSameSide
    ? { a: b, b: next, c: b, fa: fb, fb: value, fc: fb }
    : { a: b, b: next, c, fa: fb, fb: value, fc };
}
