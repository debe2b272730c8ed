// SPDX-License-Identifier: Apache-2.0
import type { DaemonSet, IntOrPercent, Pod } from '../types.ts';
import { isAvailable, isTerminating, isUpdated, type Template } from './pods.ts';

export interface UpdateInput {
  /** The pods of each node that ought to have one. */
  readonly nodes: readonly (readonly Pod[])[];
  readonly template: Template;
  readonly now: number;
}

/**
 * The outdated pods that a rolling update deletes now: all that are not available anyway, and others
 * as far as `maxUnavailable` allows. Surging is out of scope.
 */
export function podsToUpdate(set: DaemonSet, { nodes, template, now }: UpdateInput): Pod[] {
  const { type, rollingUpdate } = set.spec.updateStrategy;
  if (type !== 'RollingUpdate') return [];
  const active = nodes.map((pods) => pods.filter((pod) => !isTerminating(pod)));
  const single = active.flatMap((pods) => (pods.length === 1 ? pods : []));
  const isUp = (pod: Pod): boolean => isAvailable(pod, set, now);
  const outdated = single.filter((pod) => !isUpdated(pod, template));
  const unavailable = active.length - single.filter(isUp).length;
  const budget = Math.max(1, scaled(rollingUpdate?.maxUnavailable ?? 1, nodes.length));
  const candidates = outdated.filter(isUp).slice(0, Math.max(0, budget - unavailable));
  return [...outdated.filter((pod) => !isUp(pod)), ...candidates];
}

/** A percentage rounds up. */
const scaled = (value: IntOrPercent, nodes: number): number =>
  typeof value === 'number' ? value : Math.ceil((Number.parseInt(value, 10) * nodes) / 100);
