// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import {
  decide,
  isAnswered,
  isOfUnknownVersion,
  isOver,
  lacksPods,
  statusOf,
  unknownChange,
  type ApprovalAnswer,
  type Decision,
  type Goal,
  type Observation,
} from '@altershield/core';
import {
  Controller,
  isConflict,
  keyOf,
  keyOfObject,
  keyString,
  parseKey,
  type ControllerMetrics,
  type KubeObject,
  type Logger,
  type ReconcileContext,
  type Result,
  type Scheduler,
} from '@altershield/kube';
import { WriteDeniedError, type Target } from '../actions/perform.ts';
import { hasRules, type Rules } from '../rules/rule-engine.ts';
import type { CheckReader } from '../checks/check-reader.ts';
import type { ChangeObject } from '../objects.ts';
import type { Gathered } from '../gather.ts';
import type { Workload } from '../kinds/followed-kind.ts';
import type { ChangeMetrics } from '../telemetry/change-metrics.ts';
import { BY_TARGET, approvalsOf, changeKeyOf, type Caches } from '../caches/caches.ts';

export interface ChangeDeps {
  readonly caches: Caches;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
  readonly isSigned: (change: ChangeObject) => boolean;
  readonly gather: (change: ChangeObject, look: Look) => Gathered;
  /** Starts a check of the workload's cached pods against the server; calls `then` on success. */
  readonly verifyPods: (workload: Workload, then: () => void) => void;
  /** Reads what checks ask for; calls `then` after each answer. */
  readonly checkReader: Pick<CheckReader, 'request' | 'forget'>;
  readonly record: (change: ChangeObject, decision: Decision, signal: AbortSignal) => Promise<void>;
  readonly answer: (answers: readonly ApprovalAnswer[], signal: AbortSignal) => Promise<void>;
  readonly perform: (goal: Goal, target: Target, signal: AbortSignal) => Promise<number>;
  readonly recordEvent: (change: ChangeObject, decision: Decision) => void;
  readonly sayUnknown: (change: ChangeObject) => void;
  readonly changeMetrics: Pick<ChangeMetrics, 'decided' | 'acted'>;
  readonly rules: Rules;
}

/** When this process first saw a change, and whether it has yet to perform a goal for it. */
interface Look {
  readonly since: number;
  isFirst: boolean;
  /** Since when pods are missing that the workload's controller may create. */
  missingSince?: number | undefined;
  /** Since when the workload's controller has observed the newest spec. */
  observedSince?: number | undefined;
}

/**
 * Drives each change to its end. Writes the `status` of changes and batches, except
 * `deniedAttempts`: `DeniedAttemptRecorder` writes that field.
 */
export function createChangeController(deps: ChangeDeps): Controller {
  const { caches, scheduler, log, metrics } = deps;
  const looks = new Map<string, Look>();
  caches.changes.onEvent(({ type, object }) => {
    const { uid } = object.metadata;
    if (type === 'Deleted') looks.delete(uid);
    if (type === 'Deleted' || isOver(statusOf(object).phase)) deps.checkReader.forget(uid);
  });
  const lookAt = ({ metadata: { uid } }: ChangeObject): Look => {
    const look = looks.get(uid) ?? { since: scheduler.now(), isFirst: true };
    looks.set(uid, look);
    return look;
  };
  const controller = new Controller({
    name: 'change',
    workers: 32,
    ...{ scheduler, log, metrics },
    reconcile: (key, context) =>
      reconcile(key, deps, {
        ...context,
        lookAt,
        again: () => {
          controller.enqueue(key);
        },
      }),
  });
  controller.watch(caches.changes, keyOfObject);
  controller.watch(caches.approvals, ({ object }) => changeKeyOf(object));
  for (const kind of caches.kinds) {
    controller.watch(kind.objects, ({ object }) => openChanges(caches, kind.keyOf(object)));
    for (const { key, informer } of kind.related) {
      controller.watch(informer, ({ object }) =>
        kind.rootsOf(key, object).flatMap((root) => openChanges(caches, root)),
      );
    }
  }
  return controller;
}

/** Keys of a workload's changes in flight. */
function openChanges({ changes }: Caches, workload: string | undefined): string[] {
  if (workload === undefined) return [];
  return changes
    .byIndex(BY_TARGET, workload)
    .filter((change) => !isOver(statusOf(change).phase))
    .map((change: KubeObject) => keyString(keyOf(change)));
}

interface ChangeContext extends ReconcileContext {
  readonly again: () => void;
  readonly lookAt: (change: ChangeObject) => Look;
}

async function reconcile(
  key: string,
  deps: ChangeDeps,
  { signal, log, wokenAt, again, lookAt }: ChangeContext,
): Promise<Result | undefined> {
  const change = deps.caches.changes.get(key);
  if (change === undefined) {
    await answerOrphans(key, deps, signal);
    return undefined;
  }
  if (isIgnored(change, deps, log)) return undefined;
  if (hasRules(change.spec.policy.spec)) await deps.rules.load();
  const look = lookAt(change);
  const { observation: gathered, subject } = deps.gather(change, look);
  const observation = withSince(gathered, look);
  const decision = decide(observation);
  // Not awaited: a failure that the watches report must not wait for a list request.
  if (decision.needsPodListing === true && subject !== undefined) deps.verifyPods(subject, again);
  // Record, then perform: after a crash in between, `decide` repeats the recorded intent.
  await write(change, decision, deps, { signal, log });
  deps.changeMetrics.decided(change, decision, wokenAt);
  await reach(change, decision, { deps, observation, subject }, { signal, log });
  await deps.answer(decision.answers ?? [], signal);
  deps.checkReader.request(change, decision.requests ?? [], { signal, then: again });
  if (decision.goal !== undefined) look.isFirst = false;
  if (decision.recheckAt === undefined) return undefined;
  return { requeueAfterMs: Math.max(0, decision.recheckAt - deps.scheduler.now()) };
}

/** Records that are being deleted, or that this version cannot trust or read. */
function isIgnored(change: ChangeObject, deps: ChangeDeps, log: Logger): boolean {
  if (change.metadata.deletionTimestamp !== undefined) return true;
  if (!deps.isSigned(change)) {
    log.warn('ignored a ChangeWorkload that the operator did not sign', {
      hint: `delete it, or restore its annotation ${ANNOTATIONS.signature}`,
    });
    return true;
  }
  if (!isOfUnknownVersion(change)) return false;
  deps.sayUnknown(change);
  return true;
}

/** Deadlines start when this process first sees what they wait for, however late its watches are. */
function withSince(observation: Observation, look: Look): Observation {
  const { workload, now } = observation;
  const isMissing = workload !== undefined && lacksPods(observation, workload);
  look.missingSince = isMissing ? (look.missingSince ?? now) : undefined;
  look.observedSince = workload?.isObserved === true ? (look.observedSince ?? now) : undefined;
  const { missingSince = now, observedSince = now } = look;
  return { ...observation, missingSince, observedSince };
}

/** A decision on a change that does not exist, e.g. because admission did not see it. */
async function answerOrphans(
  key: string,
  { caches, answer }: ChangeDeps,
  signal: AbortSignal,
): Promise<void> {
  const orphans = approvalsOf(caches, parseKey(key), '').filter((each) => !isAnswered(each));
  await answer(orphans.map(unknownChange), signal);
}

type Context = Pick<ReconcileContext, 'signal' | 'log'>;

async function write(
  change: ChangeObject,
  decision: Decision,
  deps: ChangeDeps,
  { signal, log }: Context,
): Promise<void> {
  await deps.record(change, decision, signal);
  deps.recordEvent(change, decision);
  logMove(log, change, decision);
}

interface Reached {
  readonly deps: ChangeDeps;
  readonly observation: Observation;
  readonly subject: Workload | undefined;
}

/** Makes the next writes towards the goal. A permanent denial leads to another decision at once. */
async function reach(
  change: ChangeObject,
  { goal, status }: Decision,
  { deps, observation, subject }: Reached,
  context: Context,
): Promise<void> {
  const { workload: view } = observation;
  if (goal === undefined || subject === undefined || view === undefined) return;
  try {
    await deps.perform(goal, { ...subject, view }, context.signal);
    deps.changeMetrics.acted(change);
  } catch (error) {
    if (isConflict(error)) subject.kind.restartSilentWatches(observation.now, 'a write conflicted');
    if (!(error instanceof WriteDeniedError)) throw error;
    context.log.warn('the API server denied a write', { goal: goal.type, err: error });
    const recorded = deps.caches.changes.get(keyOf(change)) ?? change;
    const before = { ...recorded, status };
    const denied = decide({ ...observation, change: before, denial: error.why });
    await write(recorded, denied, deps, context);
  }
}

function logMove(log: Logger, change: ChangeObject, { status, goal }: Decision): void {
  const { phase: from } = statusOf(change);
  const { phase: to, reason, batch } = status;
  if (from !== to) log.info('change entered a phase', { from, to, reason, batch: batch?.index });
  if (goal !== undefined) log.debug('wanted', { goal: goal.type, reason });
}
