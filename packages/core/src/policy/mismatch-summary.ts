// SPDX-License-Identifier: Apache-2.0

const MAX_REASONS = 5;

/** `3 workloads`. */
export const countWorkloads = (count: number): string =>
  `${count} ${count === 1 ? 'workload' : 'workloads'}`;

/** The most common reasons why a policy does not match workloads, each with their number. */
export function summarizeMismatches(reasons: readonly string[]): string {
  if (reasons.length === 0) return 'there is no workload in its namespaces';
  const counts = new Map<string, number>();
  for (const why of reasons) counts.set(why, (counts.get(why) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MAX_REASONS)
    .map(([why, count]) => `${why} (${countWorkloads(count)})`)
    .join('; ');
}
