// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec } from '@altershield/api';
import type { IntOrPercent } from '../json/objects.ts';
import { scaledValue } from '../json/scaled-value.ts';
import { approvalOfStep, strictestApproval, type ApprovalRule } from './approval.ts';
import type { Strategy } from './strategy.ts';

export type ReleaseSettings = ChangePolicySpec['release'];

/** One step of a release, for the current size of the workload. */
export interface Step {
  /** Number of the step, from 1. */
  readonly index: number;
  readonly total: number;
  /** Updated pods at its end. */
  readonly target: number;
  /** Updated pods at the end of the step before it. */
  readonly previous: number;
  /** No later step releases more. */
  readonly isLast: boolean;
  readonly soakSeconds: number;
  /** A step that has not passed by then is inconclusive. */
  readonly deadlineSeconds?: number;
  /** The change waits for a user when the step has passed. */
  readonly pauseAfter: boolean;
  /** Who must approve it before its first pod. */
  readonly approval?: ApprovalRule;
  /** The last step of the policy that it does; others of equal size are done with it. */
  readonly number: number;
  /** Its pods are compared with as many stable pods, chosen once. */
  readonly isCanary: boolean;
  /** All pods run beside the stable ones, and the Services select these. Absent: no switch. */
  readonly traffic?: 'Stable' | 'Updated';
  /** Value of the label `topologyKey` of its nodes. Absent: the batches are not of nodes. */
  readonly domain?: string;
  /** Percentage of the requests that HTTPRoutes send to its pods. Absent: requests follow the pods. */
  readonly weight?: number;
}

/** What a strategy says of a step; the settings of the policy are added to it. */
interface StrategyStep {
  readonly size: IntOrPercent;
  readonly soakSeconds?: number;
  readonly isCanary?: true;
  readonly traffic?: 'Stable' | 'Updated';
  readonly domain?: string;
}

type SettingsOf = Pick<
  ReleaseSettings,
  'batches' | 'topologyKey' | 'canary' | 'blueGreen' | 'steps'
>;

const ALL = '100%';
const DEFAULT_BATCHES: readonly IntOrPercent[] = [1, '30%', ALL];
/** Most batches by topology; the nodes of all further values are one more. */
const MAX_DOMAINS = 20;
const DEFAULT_CANARY = 1;
const DEFAULT_KEEP_SECONDS = 300;

/** The schema has no default, because not every kind is released in batches. */
export const batchesOf = ({ batches }: Pick<SettingsOf, 'batches'>): readonly IntOrPercent[] =>
  batches ?? DEFAULT_BATCHES;

export const canaryPods = ({ canary }: Pick<SettingsOf, 'canary'>): IntOrPercent =>
  canary?.pods ?? DEFAULT_CANARY;

/** The nodes of a workload with one value of a label. */
export interface TopologyDomain {
  /** Empty: the nodes without the label. */
  readonly name: string;
  /** Pods of other revisions than the newest that run there. */
  readonly stable: number;
}

/** A batch has ended when only later domains have stable pods. */
const domainSteps = (domains: readonly TopologyDomain[], size: number): readonly StrategyStep[] =>
  domains.slice(0, MAX_DOMAINS).map(({ name }, i) => ({
    size: size - domains.slice(i + 1).reduce((sum, { stable }) => sum + stable, 0),
    domain: name,
  }));

/** Batches by topology where the policy asks for them and the kind can, else by size. */
const batchSteps = (
  release: SettingsOf,
  { size, domainsOf }: Pick<Releasable, 'size' | 'domainsOf'>,
): readonly StrategyStep[] =>
  release.topologyKey === undefined || domainsOf === undefined
    ? batchesOf(release).map((each) => ({ size: each }))
    : domainSteps(domainsOf(release.topologyKey), size);

/** The steps of a strategy as its user wrote them; the rest of the pods follows the last one. */
function strategySteps(
  release: SettingsOf,
  strategy: Strategy,
  workload: Pick<Releasable, 'size' | 'domainsOf'>,
): readonly StrategyStep[] {
  switch (strategy) {
    case 'Batch':
      return batchSteps(release, workload);
    case 'Canary': {
      const { observeSeconds } = release.canary ?? {};
      const observed = observeSeconds === undefined ? {} : { soakSeconds: observeSeconds };
      return [{ size: canaryPods(release), ...observed, isCanary: true }, { size: ALL }];
    }
    case 'BlueGreen': {
      const soakSeconds = release.blueGreen?.keepSeconds ?? DEFAULT_KEEP_SECONDS;
      return [
        { size: ALL, traffic: 'Stable' },
        { size: ALL, traffic: 'Updated', soakSeconds },
      ];
    }
    case 'Rolling':
      return [{ size: ALL }];
  }
}

/** The properties of a workload that determine its steps. */
interface Releasable {
  /** Pods that are updated at the end. */
  readonly size: number;
  readonly isAllOrNothing: boolean;
  /** Its nodes by the values of a label, in order. Absent: its batches are not of nodes. */
  readonly domainsOf?: (topologyKey: string) => readonly TopologyDomain[];
}

/**
 * The steps of a release, for the current size: percentages follow a scale. The last step is always
 * all pods, and no step is smaller than the one before. A step that releases nothing more is
 * skipped, and its soak and pause are those of the step that is done in its place.
 */
export function stepsFor(
  release: ReleaseSettings,
  strategy: Strategy,
  workload: Releasable,
): readonly Step[] {
  const { size, isAllOrNothing } = workload;
  const written = strategySteps(release, strategy, workload);
  // A change that is not held can neither be paused between steps nor wait for approval.
  const { approval: _, steps: __, ...unheld } = release;
  const settings = strategy === 'Rolling' ? unheld : release;
  const all = withRest(written).map((step, i) => withSettings(step, i + 1, settings));
  if (isAllOrNothing)
    return numbered([{ ...withoutWeight(joined(all)), target: size, isCanary: false }]);
  const targets = targetsOf(all, size);
  const settingsOf = (target: number, i: number): Settings =>
    joined(all.filter((each, j) => j >= i && targets[j] === target && isSame(each, all[i])));
  const merged = targets.map((target, i) => ({
    // Where no stable pods are left, all requests go to updated ones.
    ...(target < size ? settingsOf(target, i) : withoutWeight(settingsOf(target, i))),
    target,
    isCanary: all[i]?.isCanary === true,
    ...placeOf(all[i]),
  }));
  const isRestEmpty = !isAll(written) && targets.at(-2) === size;
  return numbered(isRestEmpty ? merged.slice(0, -1) : merged);
}

const withoutWeight = ({ weight: _, ...settings }: Settings): Settings => settings;

const isAll = (steps: readonly StrategyStep[]): boolean => steps.at(-1)?.size === ALL;

const withRest = (steps: readonly StrategyStep[]): readonly StrategyStep[] =>
  isAll(steps) ? steps : [...steps, { size: ALL }];

/** The largest number of steps that a release can have, whatever the size of the workload. */
export const mostSteps = (release: SettingsOf, strategy: Strategy): number =>
  release.topologyKey === undefined
    ? withRest(strategySteps(release, strategy, { size: 1 })).length
    : MAX_DOMAINS + 1;

type Routed = Pick<StrategyStep, 'traffic' | 'domain'>;

const isSame = (a: Routed, b: Routed | undefined): boolean => a.traffic === b?.traffic;

const placeOf = ({ traffic, domain }: Routed = {}): Routed => ({
  ...(traffic === undefined ? {} : { traffic }),
  ...(domain === undefined ? {} : { domain }),
});

function targetsOf(steps: readonly StrategyStep[], size: number): number[] {
  const targets: number[] = [];
  for (const step of steps) targets.push(Math.max(podsOf(step, size), targets.at(-1) ?? 0));
  return targets;
}

/** Pods of a step: at least one, at most all. The nodes with one value of a label may have none. */
const podsOf = ({ size, domain }: Pick<StrategyStep, 'size' | 'domain'>, all: number): number =>
  Math.min(all, Math.max(domain === undefined ? 1 : 0, scaledValue(size, all, Math.ceil)));

type Settings = Pick<
  Step,
  'soakSeconds' | 'deadlineSeconds' | 'pauseAfter' | 'approval' | 'number' | 'weight'
>;

function withSettings(
  step: StrategyStep,
  number: number,
  release: ReleaseSettings,
): StrategyStep & Settings {
  const own = release.steps?.find((each) => each.step === number);
  const deadlineSeconds = own?.deadlineSeconds ?? release.deadlineSeconds;
  const approval = approvalOfStep(release, number);
  return {
    ...step,
    number,
    soakSeconds: own?.soakSeconds ?? step.soakSeconds ?? release.soakSeconds,
    ...present({ deadlineSeconds, approval, weight: own?.weight }),
    pauseAfter: own?.pauseAfter ?? false,
  };
}

const present = ({
  deadlineSeconds,
  approval,
  weight,
}: {
  readonly deadlineSeconds: number | undefined;
  readonly approval: ApprovalRule | undefined;
  readonly weight: number | undefined;
}): Pick<Settings, 'deadlineSeconds' | 'approval' | 'weight'> => ({
  ...(weight === undefined ? {} : { weight }),
  ...(deadlineSeconds === undefined ? {} : { deadlineSeconds }),
  ...(approval === undefined ? {} : { approval }),
});

/** The strictest settings of steps that are done at once; there is time for all of their soaks. */
function joined(steps: readonly Settings[]): Settings {
  const deadlines = steps.flatMap(({ deadlineSeconds: each }) => each ?? []);
  const approval = strictestApproval(steps.flatMap(({ approval: each }) => each ?? []));
  const deadlineSeconds = deadlines.length === 0 ? undefined : Math.max(...deadlines);
  const weights = steps.flatMap(({ weight: each }) => each ?? []);
  const weight = weights.length === 0 ? undefined : Math.min(...weights);
  return {
    number: Math.max(...steps.map(({ number }) => number)),
    soakSeconds: Math.max(...steps.map(({ soakSeconds }) => soakSeconds)),
    ...present({ deadlineSeconds, approval, weight }),
    pauseAfter: steps.some(({ pauseAfter }) => pauseAfter),
  };
}

const numbered = (
  steps: readonly (Settings & Pick<Step, 'target' | 'isCanary' | 'traffic' | 'domain'>)[],
): readonly Step[] =>
  steps.map((step, i) => ({
    ...step,
    index: i + 1,
    total: steps.length,
    previous: steps[i - 1]?.target ?? 0,
    isLast: step.target >= (steps.at(-1)?.target ?? 0) && isSame(step, steps.at(-1)),
  }));

interface Switchable {
  readonly switchProblem?: () => string | undefined;
  readonly weightProblem?: () => string | undefined;
}

const usesWeights = ({ steps = [] }: Pick<ReleaseSettings, 'steps'>): boolean =>
  steps.some(({ weight }) => weight !== undefined);

/** Why requests cannot be split by the weights of the steps; absent: they can, or there are none. */
function weightMisfit(
  release: Pick<ReleaseSettings, 'steps'>,
  { isAllOrNothing, weightProblem: problem }: Pick<Releasable, 'isAllOrNothing'> & Switchable,
): string | undefined {
  const hint = 'remove weight from release.steps of the policy';
  if (!usesWeights(release)) return undefined;
  if (isAllOrNothing)
    return `all pods are replaced at once, so requests cannot be split by weight; ${hint}`;
  return problem === undefined
    ? `the requests of its kind cannot be split by weight; ${hint}`
    : problem();
}

/**
 * Why a workload of this size cannot be released by the strategy, and what its user can do; absent:
 * it can.
 */
export function misfit(
  release: SettingsOf,
  strategy: Strategy,
  workload: Releasable & Switchable,
): string | undefined {
  if (strategy === 'BlueGreen')
    return workload.isAllOrNothing
      ? 'its own strategy lets stable and updated pods never run at the same time; use another strategy in the policy'
      : workload.switchProblem?.();
  const own = strategy === 'Canary' ? canaryMisfit(release, workload) : undefined;
  const topology = strategy === 'Batch' ? topologyMisfit(release, workload) : undefined;
  return own ?? topology ?? weightMisfit(release, workload);
}

function canaryMisfit(
  release: SettingsOf,
  { size, isAllOrNothing }: Releasable,
): string | undefined {
  if (isAllOrNothing)
    return 'all pods are replaced at once, so a canary would be the whole workload; use another strategy in the policy';
  const pods = podsOf({ size: canaryPods(release) }, size);
  return pods < size
    ? undefined
    : `a canary of ${pods} would be the whole workload (${size}); scale the workload up, or lower release.canary.pods`;
}

/** Without the label, all nodes would be one batch: its key may be misspelled. */
function topologyMisfit(
  { topologyKey }: SettingsOf,
  { domainsOf }: Pick<Releasable, 'domainsOf'>,
): string | undefined {
  if (topologyKey === undefined || domainsOf === undefined) return undefined;
  return domainsOf(topologyKey).some(({ name }) => name !== '')
    ? undefined
    : `no node has the label ${topologyKey}, so all nodes would be one batch; label the nodes, or correct release.topologyKey in the policy`;
}
