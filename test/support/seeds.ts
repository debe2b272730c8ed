// SPDX-License-Identifier: Apache-2.0

/** Everything in every way takes many minutes; by default everything meets at least some of the ways. */
export const isFull = process.env['EXPLORE'] === 'full';

/** The runs to look at: `SEED=7` picks one. */
export const seeds = (count: number): readonly number[] => {
  const picked = process.env['SEED'];
  return picked === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(picked)];
};
