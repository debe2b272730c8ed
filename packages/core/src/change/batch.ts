// SPDX-License-Identifier: Apache-2.0
import {
  MAX_COMPARED,
  type ChangePodStatus,
  type ChangeWorkloadStatus,
  type CheckReason,
} from '@altershield/api';
import { createFailures } from '../check/create-failure.ts';
import { resultOf, wait } from '../check/finding.ts';
import type { Readings } from '../check/request.ts';
import { judgeBatch } from '../check/checks.ts';
import type { CheckOutcome, PodHealthInput } from '../check/pod-health.ts';
import { stepsFor, type Step } from '../policy/steps.ts';
import type { BatchRecord, Decision, Observation } from './observation.ts';
import { mayMakeRoom, type WorkloadView } from '../workload/view.ts';
import { isEnforced, isHeld, strategyOf } from './enforcement.ts';
import { timeText } from './status.ts';

/**
 * Whether a workload that runs this revision reverted the change. An observed-only change is
 * reverted only to a verified revision; any other revision is a new change.
 */
export const isRevertTo = (spec: Observation['change']['spec'], fingerprint: string): boolean =>
  spec.from?.fingerprint === fingerprint && (spec.from.verified || isEnforced(spec));

/** The step in progress, for the current replicas: percentages follow a scale. */
export function stepOf(
  { change: { spec }, updated }: Observation,
  workload: WorkloadView,
  { batch }: Pick<ChangeWorkloadStatus, 'batch'>,
): Step {
  const steps = stepsOf(spec, workload);
  const last = steps.length;
  // A change that was held late begins with the step that covers the pods already released.
  const least = Math.min(Math.max(1, updated.length), workload.size);
  const first = steps.find(({ target }) => target >= least)?.index ?? last;
  const step = steps[Math.max(1, Math.min(batch?.index ?? first, last)) - 1];
  if (step === undefined) throw new TypeError('a release has at least one step');
  return step;
}

const stepsOf = (spec: Observation['change']['spec'], workload: WorkloadView): readonly Step[] =>
  stepsFor(spec.policy.spec.release, isHeld(spec) ? strategyOf(spec) : 'Rolling', workload);

/** The first later step that releases more than this one. */
export const nextStep = (
  { change: { spec } }: Observation,
  workload: WorkloadView,
  current: Step,
): Step =>
  stepsOf(spec, workload).find(
    ({ index, target, traffic }) =>
      index > current.index && (target > current.target || traffic !== current.traffic),
  ) ?? current;

export const batchStatus = ({ index, total, target, number, approval }: Step) => ({
  ...{ index, total, target },
  ...(approval !== undefined && number > index ? { through: number } : {}),
});

/** The verdict of the batch in progress. */
export function judge(
  observation: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
  batch: Step,
): CheckOutcome {
  const { metadata, spec } = observation.change;
  const { target, detectedAt, policy } = spec;
  const outcome = judgeBatch({
    checked: {
      namespace: metadata.namespace ?? '',
      ...{ kind: target.kind, workload: target.name, change: metadata.name },
      ...{ batch: batch.index, total: batch.total, detectedAt: Date.parse(detectedAt) },
    },
    settings: policy.spec.checks,
    pods: podsOf(observation, { workload, status, batch }),
    ...(workload.completion === undefined
      ? {}
      : { completion: { ...workload.completion, isLast: batch.isLast } }),
    hasDefaultSource: observation.hasDefaultSource === true,
    readings: observation.readings ?? NO_READINGS,
    ...{ object: observation.object, ruleEngine: observation.ruleEngine },
    isOverridden: status.batch?.index === batch.index && status.batch.overridden === true,
  });
  return withDeadline(outcome, batch, { observation, since: releasedAt(observation, status) });
}

const NO_READINGS: Readings = new Map();

interface InProgress {
  readonly workload: WorkloadView;
  readonly status: ChangeWorkloadStatus;
  readonly batch: Step;
}

function podsOf(observation: Observation, { workload, status, batch }: InProgress): PodHealthInput {
  const { podHealth } = observation.change.spec.policy.spec.checks;
  return {
    ...comparedPods(observation),
    target: batch.target,
    settings: podHealth,
    readyDeadlineSeconds: podHealth.readyDeadlineSeconds ?? workload.progressDeadlineSeconds,
    // A pod is available only after the user's `minReadySeconds`.
    soakSeconds:
      status.batch?.skipped === true ? 0 : Math.max(batch.soakSeconds, workload.minReadySeconds),
    releasedAt: Math.max(
      releasedAt(observation, status),
      workload.lastOperatorWriteAt,
      observation.since ?? 0,
    ),
    ...soaksFrom(observation, workload, batch),
    mayReleaseMore: lacksPods(observation, workload),
    missingSince: observation.missingSince,
    now: observation.now,
    currentAsOf: currentAsOf(observation),
    overriddenBefore: overriddenBefore(status),
    seenAt: Date.parse(observation.change.spec.detectedAt),
    ...createFailures(observation.change.spec, workload),
    judgesSlowPods: isHeld(observation.change.spec),
    mayFreeQuota: mayFreeQuota(observation, workload, batch),
  };
}

/** Whether stable pods will still be removed. */
function mayFreeQuota(
  { change: { spec } }: Observation,
  workload: WorkloadView,
  { traffic, target }: Step,
): boolean {
  const route = { from: spec.from?.fingerprint ?? '', to: spec.to.fingerprint, target };
  return !isHeld(spec) || (traffic === undefined && mayMakeRoom(route, workload));
}

/** Whether the workload's controller may create more updated pods than there are. */
export const lacksPods = (
  { updated }: Pick<Observation, 'updated'>,
  { allowed }: Pick<WorkloadView, 'allowed'>,
): boolean => allowed > updated.length;

/** After the switch, or once they have their share, the pods soak with the requests that they get. */
function soaksFrom(
  { batch, now }: Observation,
  { routedSince }: WorkloadView,
  { traffic, weight }: Step,
): { readonly soaksFrom?: number } {
  if (weight !== undefined && routedSince !== undefined)
    return { soaksFrom: routedSince(weight) ?? now };
  return traffic === 'Updated'
    ? { soaksFrom: Date.parse(batch?.spec.releasedAt ?? timeText(now)) }
    : {};
}

/** The pods for the verdict: a canary is compared with the stable pods chosen for it, while any is left. */
function comparedPods({ evidence, updated, stable, batch }: Observation) {
  const all = evidence ?? { updated, stable };
  const chosen = new Set(batch?.spec.compared);
  const compared = all.stable.filter(({ uid }) => chosen.has(uid));
  return compared.length === 0 ? all : { ...all, stable: compared };
}

/** A step that has not passed within its own deadline is inconclusive. */
function withDeadline(
  outcome: CheckOutcome,
  { deadlineSeconds }: Step,
  { observation, since }: { readonly observation: Observation; readonly since: number },
): CheckOutcome {
  if (deadlineSeconds === undefined || outcome.result.verdict !== 'Pending') return outcome;
  const dueAt = since + deadlineSeconds * 1000;
  if (currentAsOf(observation) < dueAt) {
    const next = wait(dueAt, observation.now);
    return (outcome.dueAt ?? Infinity) <= dueAt ? outcome : { ...outcome, ...next };
  }
  const message = `the step did not pass within ${deadlineSeconds} s; ${outcome.result.message}`;
  const reason: CheckReason = 'StepDeadlineExceeded';
  const { unhealthy, others } = outcome;
  return {
    unhealthy,
    result: resultOf(outcome.result.name, {
      ...outcome.result,
      verdict: 'Inconclusive',
      reason,
      message,
    }),
    ...(others === undefined ? {} : { others }),
  };
}

/** The time up to which the pod cache is current. */
export const currentAsOf = (observation: Observation): number =>
  Math.min(observation.now, observation.currentAsOf ?? observation.now);

/** When to check pending pods again. */
export const due = ({
  dueAt,
  needsPodListing,
  requests,
}: Pick<CheckOutcome, 'dueAt' | 'needsPodListing' | 'requests'>): Pick<
  Decision,
  'recheckAt' | 'needsPodListing' | 'requests'
> => ({
  ...(requests === undefined ? {} : { requests }),
  ...(dueAt === undefined ? {} : { recheckAt: dueAt }),
  ...(needsPodListing === undefined ? {} : { needsPodListing }),
});

/**
 * Pods created before a user resumed the change are accepted. Creation times have whole seconds: a
 * pod of the same second may be newer than the resume, so it is judged.
 */
export const overriddenBefore = ({ resumedAt }: ChangeWorkloadStatus): number =>
  resumedAt === undefined ? 0 : Math.floor(Date.parse(resumedAt) / 1000) * 1000;

/** No deadline runs while a change waits to be released; an exceeded deadline stays exceeded. */
function releasedAt({ batch, change, now }: Observation, status: ChangeWorkloadStatus): number {
  if (status.phase === 'Init') return now;
  const recorded = Date.parse(batch?.spec.releasedAt ?? change.spec.detectedAt);
  if (status.phase === 'TimeOutPreThreshold') return recorded;
  return Math.max(recorded, Date.parse(status.phaseSince ?? change.spec.detectedAt));
}

/** The record of a batch, written before its first pod is released. */
export function batchIntent(observation: Observation, batch: Step): BatchRecord {
  const { index, total, target, previous } = batch;
  const releasedAt = observation.batch?.spec.releasedAt ?? timeText(observation.now);
  const { traffic, domain, weight } = batch;
  const routed = {
    ...(traffic === undefined ? {} : { traffic }),
    ...(domain === undefined ? {} : { topologyDomain: domain }),
    ...(weight === undefined ? {} : { weight }),
  };
  const counts = { batch: index, total, targetUnits: target, previous, ...routed };
  return { index, spec: { ...counts, releasedAt, ...comparedWith(observation, batch) } };
}

/**
 * As many ready stable pods as the canary has. The newest ones are the most like it: caches are as
 * cold, and memory has leaked for as long.
 */
function comparedWith(
  { batch: recorded, stable }: Observation,
  { isCanary, target }: Step,
): Pick<BatchRecord['spec'], 'compared'> {
  if (!isCanary) return {};
  const newest = stable
    .filter(({ ready }) => ready)
    .sort((a, b) => b.createdAt - a.createdAt || (a.name < b.name ? -1 : 1))
    .slice(0, Math.min(target, MAX_COMPARED))
    .map(({ uid }) => uid);
  const compared = recorded?.spec.compared ?? newest;
  return compared.length === 0 ? {} : { compared };
}

/** The record of a batch with its verdict and evidence. */
export const batchRecord = (
  observation: Observation,
  batch: Step,
  outcome: CheckOutcome,
): BatchRecord => ({
  ...batchIntent(observation, batch),
  status: judged(observation, outcome),
});

function judged(
  observation: Observation,
  { result, unhealthy, others = [] }: CheckOutcome,
): ChangePodStatus {
  const { updated, stable } = observation;
  return {
    phase: PHASE_OF[result.verdict],
    verdict: result.verdict,
    pods: {
      updated: updated.length,
      ready: updated.filter((p) => p.ready).length,
      unhealthy,
      stable: stable.length,
      stableReady: stable.filter((p) => p.ready).length,
    },
    checks: [result, ...others],
    judgedAt: timeText(observation.now),
  };
}

const PHASE_OF = {
  None: 'PostWait',
  Pending: 'PostWait',
  Pass: 'ExecuteDone',
  Fail: 'PostFailed',
  Inconclusive: 'PostTimeout',
} as const;
