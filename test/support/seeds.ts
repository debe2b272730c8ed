// SPDX-License-Identifier: Apache-2.0

/** Everything in every way takes many minutes; by default everything meets at least some of the ways. */
export const isFull = process.env['EXPLORE'] === 'full';

/** The runs to look at: `SEED=7` picks one. */
export const seeds = (count: number): readonly number[] => {
  const picked = process.env['SEED'];
  return picked === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(picked)];
};

/**
 * Resources of which the scenario has no objects. Each is followed by the same code as the others: by
 * default, `jobs` and `services` stand for all of them.
 */
const WITHOUT_OBJECTS: ReadonlySet<string> = new Set([
  ...['statefulsets', 'daemonsets', 'controllerrevisions', 'cronjobs', 'nodes'],
  ...['metricsources', 'changechecks'],
]);

/** Whether the default sweep tries faults of this: `LIST nodes`, `BOOKMARK nodes`. */
export const isTried = (kind: string): boolean =>
  isFull || !WITHOUT_OBJECTS.has(kind.split(' ')[1] ?? '');
