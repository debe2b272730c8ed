// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadStatus, Verdict } from '@altershield/api';
import { wait, type Finding } from '../check/pod-health.ts';
import { nextBounds, type Bounds } from '../workload/batches.ts';
import {
  acceptedBefore,
  batchIntent,
  batchRecord,
  batchStatus,
  due,
  heardAt,
  nextBatch,
  released,
  type BatchView,
} from './batch.ts';
import type {
  Action,
  Decision,
  Observation,
  PodView,
  RevisionView,
  WorkloadView,
} from './model.ts';
import { startRollback } from './rollback.ts';
import { move, timeText } from './status.ts';
import { podsAskedFor, stopAction, suspend, takeOver } from './stop.ts';

/** Where a held change stands: what is looked at, how far it is, what its pods say. */
export interface Standing {
  readonly o: Observation;
  readonly workload: WorkloadView;
  readonly status: ChangeWorkloadStatus;
  readonly batch: BatchView;
  readonly finding: Finding;
}

/** Lets a held change out, batch by batch. */
export function decideRelease(s: Standing): Decision {
  const { workload, status } = s;
  if (status.reason === 'Completing') return complete(s);
  if (status.phase === 'Suspend') return stayed(s);
  if (isPausedByOwner(s)) return { ...pausedByOwner(s), ...still(s) };
  if (s.finding.result.verdict === 'None') return finish(s, 'the workload has no replicas');
  if (workload.hold.state === 'None') return adopt(s);
  return act(s);
}

/** Judges a change that the native controller rolls at its own pace. */
export function decideRolling(s: Standing): Decision {
  const { workload, status } = s;
  if (status.reason === 'Completing') return complete(s);
  if (status.phase === 'Suspend') return stayed(s);
  if (workload.hold.state === 'Held') return { status, action: { type: 'Restore' } };
  if (isPausedByOwner(s)) return pausedByOwner(s);
  if (s.finding.result.verdict === 'None') return finish(s, 'the workload has no replicas');
  return act(s);
}

/** What keeps a change where it is, in its count too: scaling may have let more out. */
const still = (s: Standing): Pick<Decision, 'action'> => {
  const action = stopAction(s.o, s.workload) ?? narrowed(s) ?? rebalance(s);
  return action === undefined ? {} : { action };
};

/** A pause by the owner stops the change and its deadlines; it does not hide a failure. */
export const isPausedByOwner = ({ workload: { hold, paused }, finding }: Standing): boolean =>
  finding.result.verdict !== 'Fail' &&
  (hold.state === 'Held' ? hold.record.own.paused : hold.state === 'None' && paused);

export function pausedByOwner(s: Standing): Decision {
  const message = 'the owner paused the workload; `kubectl rollout resume` lets the change begin';
  return { status: move(s.status, s.o.now, ['Init', 'PausedByOwner'], message) };
}

/** Admission missed the change: hold it now, unless there is nothing left to hold back. */
function adopt(s: Standing): Decision {
  const { o, status, workload, finding } = s;
  const isWhollyOut = o.stable.length === 0 && o.fresh.length >= workload.replicas;
  if (isWhollyOut || finding.result.verdict === 'Fail') return act(s);
  return { status, action: takeOver(o, workload) };
}

/** A suspended change moves only when what was unclear turns out to be a failure. */
function stayed(s: Standing): Decision {
  const { status, finding } = s;
  if (status.reason === 'CheckInconclusive' && finding.result.verdict === 'Fail') return failed(s);
  return { status, ...still(s) };
}

/** What the verdict of the batch in progress leads to. */
export function act(s: Standing): Decision {
  switch (s.finding.result.verdict) {
    case 'Fail':
      return failed(s);
    case 'Inconclusive':
      return inconclusive(s);
    case 'Pass':
      return isAtRest(s) ? passed(s) : release(s);
    case 'Pending':
    case 'None':
      return release(s);
  }
}

function failed(s: Standing): Decision {
  const { o, workload, finding } = s;
  const because = {
    reason: 'CheckFailed',
    message: finding.result.message,
    verdict: 'Fail',
  } as const;
  const decision =
    o.change.spec.policy.spec.onFail === 'RollBack'
      ? startRollback(o, workload, begun(s), because)
      : suspend(o, workload, begun(s), because);
  return { ...decision, batch: batchRecord(o, s.batch, finding) };
}

function inconclusive(s: Standing): Decision {
  const { o, workload, status, finding } = s;
  const { onInconclusive } = o.change.spec.policy.spec;
  if (onInconclusive === 'Proceed' && s.o.fresh.some((p) => isDone(s, p))) return proceed(s);
  if (status.batch?.waived === true) return isOut(s) ? passed(s) : release(s);
  const because = {
    reason: 'CheckInconclusive',
    message: finding.result.message,
    verdict: 'Inconclusive',
  } as const;
  const decision = suspend(o, workload, begun(s), because);
  return { ...decision, batch: batchRecord(o, s.batch, finding) };
}

/** On in spite of doubt. Of a batch that is late, the pods that are there must stay ready as long as a whole one. */
function proceed(s: Standing): Decision {
  const { o, status, finding } = s;
  if (finding.result.reason !== 'ReadyDeadlineExceeded') return passed(s);
  const late = move(
    begun(s),
    o.now,
    ['TimeOutPreThreshold', 'ReadyDeadlineExceeded'],
    finding.result.message,
  );
  const since = status.phase === late.phase ? Date.parse(status.phaseSince ?? '') : o.now;
  const dueAt = since + o.change.spec.policy.spec.release.soakSeconds * 1000;
  return heardAt(o) >= dueAt
    ? passed(s)
    : { status: late, batch: batchIntent(o, s.batch), ...due(wait(dueAt, o.now)) };
}

const isOut = ({ o, batch }: Standing): boolean => o.fresh.length >= batch.target;

/** The status with the batch in progress in it. */
function begun({ status, batch, o, finding }: Standing): ChangeWorkloadStatus {
  // What was late once is so still while nothing is heard of it.
  const isLate =
    status.phase === 'TimeOutPreThreshold' &&
    (finding.result.verdict === 'Inconclusive' || finding.unheard === true);
  const running = isLate ? status : move(status, o.now, ['Running', 'BatchReleasing'], '');
  if (status.batch?.index === batch.index && status.batch.target === batch.target) return running;
  return { ...running, verdict: 'Pending', batch: batchStatus(batch) };
}

/** The next step within the batch: the record of it first, then the bounds. */
function release(s: Standing): Decision {
  const { o, batch } = s;
  const action = stepWithin(s);
  return {
    status: begun(s),
    batch: batchIntent(o, batch),
    ...(action === undefined ? {} : { action }),
    ...due(s.finding),
  };
}

function stepWithin(s: Standing): Action | undefined {
  const { workload } = s;
  if (workload.hold.state !== 'Held' || !workload.settled) return undefined;
  if (workload.recreate) return workload.paused ? unpause(workload.bounds) : undefined;
  return hasUncounted(s) ? countAgain(s) : stepBatch(s);
}

function stepBatch(s: Standing): Action | undefined {
  const { o, workload, batch } = s;
  const drift = narrowed(s) ?? rebalance(s);
  if (drift !== undefined) return drift;
  if (isAtRest(s)) return workload.paused || batch.isLast ? undefined : { type: 'Pause' };
  const isWaveOut = o.fresh.length >= released(workload);
  return workload.paused ? stepFromRest(s, isWaveOut) : stepOnTheWay(s, isWaveOut);
}

/** Revisions between the verified one and this one: of changes that were superseded in flight. */
const between = ({ o, workload }: Standing): readonly RevisionView[] => {
  const { from, to } = o.change.spec;
  return workload.revisions.filter(
    (r) => r.replicas > 0 && ![from?.fingerprint, to.fingerprint].includes(r.fingerprint),
  );
};

/** Ready pods that the controller would take for lost ones, and delete at once, when more get out. */
const hasUncounted = (s: Standing): boolean =>
  between(s).some((r) => r.held === true || (s.o.fresh.length === 0 && (r.uncounted ?? 0) > 0));

function countAgain(s: Standing): Action | undefined {
  const { hold } = s.workload;
  const revisions = between(s).filter((r) => r.held === true);
  if (hold.state !== 'Held' || revisions.length === 0) return undefined;
  const named = revisions.map(({ name, uid }) => ({ name, uid }));
  return {
    type: 'CountAgain',
    minReadySeconds: hold.record.own.minReadySeconds,
    revisions: named,
  };
}

/** Ready, or accepted by a person as it is. */
const isDone = ({ status }: Standing, pod: PodView): boolean =>
  pod.ready || pod.createdAt < acceptedBefore(status);

const isWaveReady = (s: Standing): boolean => s.o.fresh.every((p) => isDone(s, p));

/** A controller that still counts pods which are about to go would take away as many more. */
const isShrinking = ({ workload }: Standing): boolean =>
  workload.revisions.some(({ surplus = 0 }) => surplus > 0);

function stepFromRest(s: Standing, isWaveOut: boolean): Action | undefined {
  if (isShrinking(s)) return undefined;
  if (isWaveReady(s)) return widen(s);
  return isWaveOut ? undefined : unpause(clamped(s));
}

function stepOnTheWay(s: Standing, isWaveOut: boolean): Action | undefined {
  if (isOpenTooWide(s) || excessOf(s) > 0) return { type: 'Pause' };
  return isWaveOut && isWaveReady(s) && !isShrinking(s) ? widen(s) : undefined;
}

const unpause = (bounds: Bounds): Action => ({ type: 'SetBounds', bounds });

/** Bounds left from more replicas than there are now would let everything out. */
const isOpenTooWide = ({ workload, batch }: Standing): boolean =>
  !workload.paused &&
  !batch.isLast &&
  workload.bounds.surge + workload.bounds.unavailable > batch.target;

/**
 * The whole batch is out and ready, and the old pods that it replaces are gone. Those that surged
 * stay until the next wave, as long as the owner's surge allows them: they are the way back, and the
 * last of them go with the restored fields.
 */
function isAtRest(s: Standing): boolean {
  const { o, workload, batch } = s;
  if (o.fresh.filter((p) => isDone(s, p)).length < batch.target) return false;
  if (batch.isLast) return true;
  if (workload.recreate || workload.hold.state !== 'Held') return true;
  const surge = Math.min(workload.bounds.surge, workload.user.surge);
  return o.fresh.length + o.stable.length <= workload.replicas + surge;
}

/**
 * What surged for more replicas, or for more surge, than there is now goes at rest, too. A paused
 * controller takes of every revision alike: only while all that is there is ready.
 */
function narrowed({ o, workload }: Standing): Action | undefined {
  const { hold, paused, recreate, bounds, user } = workload;
  if (hold.state !== 'Held' || !paused || recreate || bounds.surge <= user.surge) return undefined;
  const pods = [...o.fresh, ...o.stable];
  const wanted = podsAskedFor(workload);
  const isWhole = pods.length === wanted && pods.every((p) => p.ready);
  return isWhole ? { type: 'Pause', surge: user.surge } : undefined;
}

/** The next wave: everything that is out is ready. */
function widen({ o, workload, batch }: Standing): Action | undefined {
  const bounds = nextBounds({
    replicas: workload.replicas,
    target: batch.target,
    released: o.fresh.length,
    ready: o.fresh.filter((p) => p.ready).length,
    user: workload.user,
  });
  const isSame = sameBounds(bounds, workload.bounds) && !workload.paused;
  return isSame ? undefined : unpause(bounds);
}

/** The bounds in the object, narrowed to the batch in progress. */
function clamped({ workload, batch: { target } }: Standing): Bounds {
  const surge = Math.min(workload.bounds.surge, target);
  const unavailable = Math.min(workload.bounds.unavailable, target - surge);
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

const sameBounds = (a: Bounds, b: Bounds): boolean =>
  a.surge === b.surge && a.unavailable === b.unavailable;

const isFresh = ({ o }: Standing, { fingerprint }: RevisionView): boolean =>
  fingerprint === o.change.spec.to.fingerprint;

/** Pods of the new revision that scaling made beyond the batch. */
function excessOf(s: Standing): number {
  const { workload, batch } = s;
  const fresh = workload.revisions.find((r) => isFresh(s, r));
  return batch.isLast ? 0 : Math.max(0, (fresh?.replicas ?? 0) - batch.target);
}

/**
 * Scaling a workload spreads its replicas over both revisions. The exact count comes back by setting
 * the revisions themselves: the old one up first, and only as far as capacity allows. A crash
 * between the two writes leaves the old one up already.
 */
function rebalance(s: Standing): Action | undefined {
  const { workload } = s;
  if (workload.hold.state !== 'Held') return undefined;
  const fresh = workload.revisions.find((r) => isFresh(s, r));
  const old = workload.revisions.filter((r) => !isFresh(s, r) && r.replicas > 0);
  const [largest] = [...old].sort((a, b) => b.replicas - a.replicas);
  const excess = Math.min(excessOf(s), spareOf(s));
  if (!workload.paused || fresh === undefined || largest === undefined) return undefined;
  if (excess <= 0) return undefined;
  const total = podsAskedFor(workload);
  // A paused controller fills up to the surge, in both revisions.
  const wanted = workload.replicas + workload.bounds.surge;
  const missing = Math.max(0, Math.min(excess, wanted - (total - excess)));
  const up = resize(largest, largest.replicas + missing);
  return { type: 'Rebalance', revisions: [...up, ...resize(fresh, fresh.replicas - excess)] };
}

const resize = ({ name, uid, replicas: from }: RevisionView, to: number) =>
  from === to ? [] : [{ name, uid, from, to }];

/** New pods that may go without lowering the ready ones below what the user allows. */
function spareOf({ o, workload }: Standing): number {
  const wanted = podsAskedFor(workload);
  if (wanted !== o.fresh.length + o.stable.length) return 0;
  const unready = o.fresh.filter((p) => !p.ready).length;
  const ready = [...o.fresh, ...o.stable].filter((p) => p.ready).length;
  return unready + Math.max(0, ready - (workload.replicas - workload.user.unavailable));
}

/** The batch is done: on to the next, or to the end. */
function passed(s: Standing): Decision {
  const { o, workload, batch, finding, status } = s;
  const record = batchRecord(o, batch, finding);
  if (batch.isLast) return { ...finish(s, finding.result.message), batch: record };
  const next = nextBatch(o, workload, { ...status, batch: batchStatus(batch) });
  const running = move(status, o.now, ['Running', 'BatchReleasing'], '');
  const phaseSince = timeText(o.now);
  const moved = { ...running, phaseSince, verdict: 'Pending' as const, batch: batchStatus(next) };
  return { status: moved, batch: record, recheckAt: o.now };
}

/** A change ends well only if all of its pods do: one that a person let pass as it was proves nothing. */
export const endVerdict = ({ o, finding: { result } }: Standing): Verdict =>
  result.verdict === 'Pass' && !o.fresh.every((p) => p.ready) ? 'Inconclusive' : result.verdict;

/** Writes the user's own fields back; the change ends when that is seen. */
function finish(s: Standing, message: string): Decision {
  const { o, workload } = s;
  const verdict = endVerdict(s);
  const status = { ...move(begun(s), o.now, ['Running', 'Completing'], message), verdict };
  return workload.hold.state === 'Held'
    ? { status, action: { type: 'Restore' } }
    : { status, recheckAt: o.now };
}

export const END_OF = {
  Pass: 'Verified',
  None: 'NoReplicas',
  Pending: 'Released',
  Fail: 'Released',
  Inconclusive: 'Released',
} as const;

/** Ends with the verdict of the last batch; only a Pass makes the revision one to go back to. */
function complete({ o, workload, status }: Standing): Decision {
  if (workload.hold.state === 'Held') return { status, action: { type: 'Restore' } };
  return { status: move(status, o.now, ['Success', END_OF[status.verdict]], status.message) };
}
