// SPDX-License-Identifier: Apache-2.0
import type { ContainerStatus, Pod, RestartRule } from './pod.ts';

/** Unexpected restarts of one pod, by container name. */
export type RestartCounts = Readonly<Record<string, number>>;

export const containersOf = ({ status }: Pod): readonly ContainerStatus[] => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];

/** Restart rules by container name, for containers that have any. */
function rulesOf({ spec }: Pod): ReadonlyMap<string, readonly RestartRule[]> {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  return new Map(
    containers.flatMap(({ name, restartPolicyRules: rules = [] }) =>
      rules.length === 0 ? [] : [[name, rules] as const],
    ),
  );
}

export const hasRestartRules = (pod: Pod): boolean => rulesOf(pod).size > 0;

/** The container's last termination: the current one, or the one before its restart. */
export const lastEnd = ({ state, lastState }: ContainerStatus) =>
  state?.terminated ?? lastState?.terminated;

const RESTARTS: ReadonlySet<string> = new Set(['Restart', 'RestartAllContainers']);

function matchingAction(rules: readonly RestartRule[], exitCode: number): string | undefined {
  const rule = rules.find(({ exitCodes }) => {
    if (exitCodes === undefined) return false;
    const isListed = exitCodes.values?.includes(exitCode) ?? false;
    // An unknown operator, from a later Kubernetes version, never matches.
    if (exitCodes.operator === 'In') return isListed;
    return exitCodes.operator === 'NotIn' && !isListed;
  });
  return rule?.action;
}

/**
 * Whether the pod itself requests the restart after the container's last termination: by a rule of
 * this container, or by a rule of another container that restarts all. Running out of memory is
 * always a failure, whatever a rule says about exit code 137.
 */
export function isExpectedRestart(pod: Pod, container: ContainerStatus): boolean {
  if (lastEnd(container)?.reason === 'OOMKilled') return false;
  const rules = rulesOf(pod);
  if (rules.size === 0) return false;
  const actionFor = (status: ContainerStatus): string | undefined => {
    const exitCode = lastEnd(status)?.exitCode;
    return exitCode === undefined
      ? undefined
      : matchingAction(rules.get(status.name) ?? [], exitCode);
  };
  return (
    RESTARTS.has(actionFor(container) ?? '') ||
    containersOf(pod).some((status) => actionFor(status) === 'RestartAllContainers')
  );
}

/**
 * Counts the restarts that no rule requests, from one state of a pod to the next. For restarts
 * before the first observation, only the last one can be classified.
 */
export function countRestarts(
  pod: Pod,
  before?: { readonly pod: Pod; readonly counts: RestartCounts },
): RestartCounts {
  const old = new Map(before && containersOf(before.pod).map((c) => [c.name, c]));
  const count = (container: ContainerStatus): number => {
    const { name, restartCount = 0 } = container;
    const counted = before?.counts[name] ?? 0;
    const added = Math.max(0, restartCount - (old.get(name)?.restartCount ?? 0));
    if (added === 0 || isExpectedRestart(pod, container)) return counted;
    return before === undefined ? 1 : counted + added;
  };
  return Object.fromEntries(containersOf(pod).map((c) => [c.name, count(c)]));
}

/** Restarts of the container that restarted most; for a pod with rules, only unexpected ones. */
export function unexpectedRestarts(pod: Pod, counts?: RestartCounts): number {
  const isCounted = hasRestartRules(pod);
  const known = isCounted ? (counts ?? countRestarts(pod)) : {};
  const restartsOf = ({ name, restartCount = 0 }: ContainerStatus): number =>
    isCounted ? (known[name] ?? 0) : restartCount;
  return Math.max(0, ...containersOf(pod).map(restartsOf));
}

/** Whether a rule restarted a container between two states of a pod. */
export function wasRestartedByRule(before: Pod, after: Pod): boolean {
  if (!hasRestartRules(after)) return false;
  const old = new Map(containersOf(before).map((c) => [c.name, c.restartCount ?? 0]));
  return containersOf(after).some((container) => {
    const { name, state, restartCount = 0 } = container;
    const hasEnded = state?.running === undefined || restartCount > (old.get(name) ?? 0);
    return hasEnded && isExpectedRestart(after, container);
  });
}
