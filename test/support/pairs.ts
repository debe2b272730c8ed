// SPDX-License-Identifier: Apache-2.0
import { isFull } from './seeds.ts';

/** Each with each; by default as few as it takes to meet everyone of both once. */
export function pairs<A, B>(some: readonly A[], others: readonly B[]): (readonly [A, B])[] {
  const isMet = (i: number, j: number): boolean =>
    some.length > others.length ? i % others.length === j : j % some.length === i;
  return some.flatMap((one, i) =>
    others.filter((_, j) => isFull || isMet(i, j)).map((other) => [one, other] as const),
  );
}
