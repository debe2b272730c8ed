// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import {
  AT_REST,
  HELD,
  formatReleaseCap,
  isInFlight,
  parseReleaseCap,
  type ReleaseCap,
} from './cap/annotation.ts';
import { releasedShare } from './cap/clamp.ts';
import type { Goal } from '../goal.ts';
import type { DeploymentView, ReplicaSetView } from './observe.ts';
import { revisionOf } from '../view.ts';
import { keepProgressing, reportFailure } from './progress.ts';
import { balance, intermediate, retire, writeRevision } from './sizes.ts';
import { besideWrites, isAlone, keepStable } from './beside.ts';
import { unsplit, unsplitOthers } from '../traffic/http-route.ts';
import { isNarrowed, switchTo } from '../traffic/service.ts';
import { endSplit, narrowCanaries, narrowStables, sendShare } from './split.ts';
import { toJsonPointer, type PatchOp } from '../../json/patch.ts';
import type { PatchWrite } from '../adapter.ts';
import type { Deployment } from './objects.ts';

/** A Deployment and its view. */
interface Snapshot {
  readonly deployment: Deployment;
  readonly view: DeploymentView;
}

type Of<T extends Goal['type']> = Extract<Goal, { readonly type: T }>;

/**
 * The writes towards a goal, in order; none when it is reached, or when the Deployment controller
 * must act first. The annotation on the Deployment is written before those on ReplicaSets: a crash
 * in between releases and removes no pods.
 */
export function planDeployment(goal: Goal, snapshot: Snapshot): PatchWrite[] {
  switch (goal.type) {
    case 'Hold':
      return hold(goal, snapshot);
    case 'Release':
      return release(goal, snapshot);
    case 'RollBack':
      return rollBack(goal, snapshot);
    case 'Rest':
      return rest(goal, snapshot);
    case 'Restore':
      return removeHold(snapshot);
  }
}

/** The annotation that protects a revision while no change is being released. */
const capAtRest = (verified: string, replicas: number, keepsHold: boolean): ReleaseCap => ({
  ...{ verified, released: 0, replicas },
  target: keepsHold ? HELD : AT_REST,
});

/** Hash of the revision that the change came from, which the annotation protects. */
function verifiedHash({ cap, ...view }: DeploymentView, from: string): string | undefined {
  const known = revisionOf(view, from)?.hash;
  return known ?? (cap === undefined || cap === 'Invalid' ? undefined : cap.verified);
}

function hold(goal: Of<'Hold'>, snapshot: Snapshot): PatchWrite[] {
  const { deployment, view } = snapshot;
  const verified = verifiedHash(view, goal.from);
  if (verified === undefined) return [];
  const updated = revisionOf(view, goal.to);
  const released = updated?.replicas ?? 0;
  const { replicas } = view;
  const wanted = { verified, target: updated?.hash ?? HELD, released, replicas };
  const writes = isHeldAt(view, wanted) ? [] : writeCap(deployment, wanted);
  if (goal.isBeside === true)
    return [...keepRoutes(view), ...keepStable(goal, view, verified), ...writes];
  const routes = unsplitOthers(view.splits, updated?.hash);
  return [...routes, ...writes, ...balance({ ...goal, target: released }, view, wanted)];
}

/**
 * Whether the annotation already allows exactly these pods; the controller may scale them down
 * meanwhile.
 */
function isHeldAt({ cap, replicas }: DeploymentView, wanted: ReleaseCap): boolean {
  if (cap === undefined || cap === 'Invalid' || !isInFlight(cap)) return false;
  if (cap.verified !== wanted.verified) return false;
  if (cap.target !== wanted.target) return wanted.released === 0 && cap.released === 0;
  return releasedShare(cap, replicas) === wanted.released;
}

function release(goal: Of<'Release'>, snapshot: Snapshot): PatchWrite[] {
  const verified = verifiedHash(snapshot.view, goal.from);
  if (verified === undefined) return [];
  const mended = mend(goal, snapshot, verified);
  if (mended.length > 0) return mended;
  return [...routeStable(goal, snapshot.view, verified), ...releaseNext(goal, snapshot, verified)];
}

/** Before any pod comes or goes: requests go to stable pods, or to all where no switch is planned. */
function routeStable(goal: Of<'Release'>, view: DeploymentView, verified: string): PatchWrite[] {
  const { traffic, weight } = goal;
  if (weight !== undefined && view.splits.length > 0)
    return [
      ...unsplitOthers(view.splits, revisionOf(view, goal.to)?.hash),
      ...(view.isObserved ? narrowStables(view, verified) : []),
    ];
  if (traffic === undefined) return endSplit(view);
  return traffic === 'Stable' && view.isObserved ? switchTo(view.routes, verified) : [];
}

function releaseNext(goal: Of<'Release'>, snapshot: Snapshot, verified: string): PatchWrite[] {
  const { view } = snapshot;
  const updated = revisionOf(view, goal.to);
  const isStuck = updated === undefined || !view.isObserved;
  if (goal.wakes === true && isStuck)
    return wake(updated ?? revisionOf(view, goal.from), view.replicas, verified);
  if (!view.isObserved) return [];
  if (intermediate(goal, view).length > 0) return retireOthers(goal, snapshot, verified);
  if (updated !== undefined) return releaseTo(updated, goal, { ...snapshot, verified });
  return view.isAllOrNothing ? makeWay(goal, snapshot, verified) : [];
}

/**
 * A ReplicaSet with an invalid annotation cannot grow, and a controller that waits for it never
 * observes the newest spec. Both annotations are rewritten for the current state before more pods
 * are released.
 */
function mend(goal: Of<'Release'>, { deployment, view }: Snapshot, verified: string): PatchWrite[] {
  if (view.isObserved) return [];
  const updated = revisionOf(view, goal.to);
  const { replicas } = view;
  const asItIs = { verified, target: updated?.hash ?? HELD, released: updated?.replicas ?? 0 };
  const isUnreadable = view.cap === 'Invalid';
  const cap = view.cap === undefined || view.cap === 'Invalid' ? { ...asItIs, replicas } : view.cap;
  const text = formatReleaseCap(cap);
  const broken = view.revisions.filter(
    (r) => r.replicas > 0 && parseReleaseCap(r.cap) === 'Invalid',
  );
  return [
    ...(isUnreadable ? writeCap(deployment, cap) : []),
    ...broken.map((r) => writeRevision(r, { cap: text })),
  ];
}

/**
 * A controller that was denied for minutes stops retrying; an update of a ReplicaSet triggers it
 * again. The written annotation releases nothing, and the controller replaces it with the
 * Deployment's value.
 */
function wake(
  revision: ReplicaSetView | undefined,
  replicas: number,
  verified: string,
): PatchWrite[] {
  if (revision === undefined) return [];
  const [held, rest] = [true, false].map((keepsHold) =>
    formatReleaseCap(capAtRest(verified, replicas, keepsHold)),
  );
  const cap = revision.cap === held ? rest : held;
  return cap === undefined ? [] : [writeRevision(revision, { cap })];
}

function retireOthers(goal: Of<'Release'>, snapshot: Snapshot, verified: string): PatchWrite[] {
  const { deployment, view } = snapshot;
  const closed = { verified, target: HELD, released: 0, replicas: view.replicas };
  const writes = isHeldAt(view, closed) ? [] : writeCap(deployment, closed);
  return [...writes, ...retire(goal, view, closed)];
}

function releaseTo(
  updated: ReplicaSetView,
  goal: Of<'Release'>,
  snapshot: Snapshot & { readonly verified: string },
): PatchWrite[] {
  const { deployment, view, verified } = snapshot;
  const { cap: now, replicas } = view;
  if (goal.traffic !== undefined) {
    const cap = { verified, target: updated.hash, released: replicas, replicas };
    return [
      ...keepStable(goal, view, verified),
      ...writeCap(deployment, cap, true),
      ...besideWrites(goal, view, { updated, cap }),
      ...keepProgressing(goal, snapshot),
    ];
  }
  const wanted = { verified, target: updated.hash, released: goal.target, replicas };
  const cap = now !== undefined && now !== 'Invalid' && isHeldAt(view, wanted) ? now : wanted;
  const writes = [
    ...(goal.weight === undefined ? [] : narrowCanaries(view, updated.hash)),
    ...writeCap(deployment, cap, true),
    ...balance(goal, view, cap),
    ...sendShare(goal, view, updated),
  ];
  const isAsleep = goal.wakes === true && writes.length === 0 && updated.replicas < goal.target;
  return isAsleep
    ? wake(updated, replicas, verified)
    : [...writes, ...keepProgressing(goal, snapshot)];
}

/** `Recreate`: the controller creates the new ReplicaSet only after the last stable pod is gone. */
function makeWay(
  goal: Of<'Release'>,
  { deployment, view }: Snapshot,
  verified: string,
): PatchWrite[] {
  const { replicas } = view;
  const cap = { verified, target: HELD, released: replicas, replicas };
  const text = formatReleaseCap(cap);
  const stable = revisionOf(view, goal.from);
  const isOpen = stable === undefined || stable.cap === text;
  return [
    ...writeCap(deployment, cap, true),
    ...(isOpen ? [] : [writeRevision(stable, { cap: text })]),
  ];
}

/**
 * First reports the rollout as failed to tools that wait for it. Then writes the verified template
 * in one write; the user's bounds were never changed. Then scales the quarantined ReplicaSet down
 * to its ready pods, which the controller replaces at the user's own pace.
 */
function rollBack(goal: Of<'RollBack'>, { deployment, view }: Snapshot): PatchWrite[] {
  const { template, from, to, keepsHold, failure } = goal;
  const verified = verifiedHash(view, from);
  const cap = verified === undefined ? undefined : capAtRest(verified, view.replicas, keepsHold);
  const isBack = view.fingerprint !== to;
  const added = cap === undefined || isSameCap(view, cap) ? [] : setRelease(deployment, cap);
  const ops = isBack
    ? [...added, ...(added.length > 0 ? dropAnnotation(deployment, ANNOTATIONS.actor) : [])]
    : [
        ...added,
        // The actor of the quarantined template did not write this one.
        ...dropAnnotation(deployment, ANNOTATIONS.actor),
        { op: 'replace', path: '/spec/template', value: template } as const,
      ];
  return [
    ...routeBack(view, verified),
    ...(isBack ? [] : reportFailure(failure, deployment)),
    ...writeDeployment(deployment, ops),
    ...(cap === undefined ? [] : unblock(view, cap.verified, formatReleaseCap(cap))),
    ...removeUnready(goal, view, cap),
  ];
}

/** A Service that was applied again meanwhile selects the revision that it had. */
const keepRoutes = ({ routes }: DeploymentView): PatchWrite[] =>
  routes.flatMap((route) => (route.mark === undefined ? [] : switchTo([route], route.mark)));

/** Requests go back to the verified pods at once, and to any pod as soon as there are no others. */
function routeBack(view: DeploymentView, verified: string | undefined): PatchWrite[] {
  const stable = view.revisions.find(({ hash }) => hash === verified);
  const isServing = stable !== undefined && stable.ready > 0 && !isAlone(view, stable);
  return [
    ...unsplit(view.splits),
    ...switchTo(view.routes.filter(isNarrowed), isServing ? stable.hash : undefined),
  ];
}

function removeUnready(
  { to, isOwn }: Of<'RollBack'>,
  view: DeploymentView,
  cap: ReleaseCap | undefined,
): PatchWrite[] {
  const updated = revisionOf(view, to);
  if (!isOwn || updated === undefined || updated.replicas <= updated.ready) return [];
  const text = cap === undefined ? {} : { cap: formatReleaseCap(cap) };
  return [writeRevision(updated, { ...text, replicas: updated.ready })];
}

function rest(
  { keepsHold, forgetsActor }: Of<'Rest'>,
  { deployment, view }: Snapshot,
): PatchWrite[] {
  const current = revisionOf(view, view.fingerprint);
  if (current === undefined) return [];
  const cap = capAtRest(current.hash, view.replicas, keepsHold);
  const isSame = isSameCap(view, cap);
  return [
    ...(isSame ? [] : writeCap(deployment, cap, forgetsActor)),
    ...unblock(view, current.hash, formatReleaseCap(cap)),
    ...routeBack(view, current.hash),
  ];
}

/** A ReplicaSet's own copy may still protect another revision from this one. */
function unblock({ revisions }: DeploymentView, hash: string, cap: string): PatchWrite[] {
  const blocking = revisions.filter((r) => {
    const own = parseReleaseCap(r.cap);
    if (r.hash === hash || r.replicas === 0 || own === undefined) return false;
    return own === 'Invalid' || (isInFlight(own) && own.verified === r.hash);
  });
  return blocking.map((r) => writeRevision(r, { cap }));
}

/** Ignores `replicas`: it has no effect while nothing is released. */
const isSameCap = ({ cap }: DeploymentView, { verified, target, released }: ReleaseCap): boolean =>
  cap !== undefined &&
  cap !== 'Invalid' &&
  cap.verified === verified &&
  cap.target === target &&
  cap.released === released;

/**
 * Removes the annotation from the Deployment and from each ReplicaSet: a copy alone would still cap
 * its ReplicaSet.
 */
function removeHold({ deployment, view }: Snapshot): PatchWrite[] {
  return [
    ...endSplit(view),
    ...writeDeployment(deployment, dropAnnotation(deployment, ANNOTATIONS.release)),
    ...view.revisions
      .filter(({ cap }) => cap !== undefined)
      .map(({ name, uid }) => ({
        ...{ resource: 'ReplicaSet' as const, name },
        ops: [
          { op: 'test', path: '/metadata/uid', value: uid } as const,
          { op: 'remove', path: annotation(ANNOTATIONS.release) } as const,
        ],
      })),
  ];
}

/** @param forgetsActor removes the actor annotation, because the change record names the actor */
function writeCap(deployment: Deployment, cap: ReleaseCap, forgetsActor = false): PatchWrite[] {
  const added = setRelease(deployment, cap);
  if (added.length === 0) return [];
  const actor = forgetsActor ? dropAnnotation(deployment, ANNOTATIONS.actor) : [];
  return writeDeployment(deployment, [...added, ...actor]);
}

function writeDeployment(deployment: Deployment, ops: readonly PatchOp[]): PatchWrite[] {
  if (ops.length === 0) return [];
  const { name } = deployment.metadata;
  return [{ resource: 'Deployment', name, ops: [...preconditions(deployment), ...ops] }];
}

/**
 * The object must be the one that was read, with the same spec. The generation changes with the
 * spec and not with the status, so the controller's own progress causes no conflict.
 */
function preconditions({ metadata }: Deployment): PatchOp[] {
  const cap = metadata.annotations?.[ANNOTATIONS.release];
  return [
    { op: 'test', path: '/metadata/uid', value: metadata.uid },
    { op: 'test', path: '/metadata/generation', value: metadata.generation ?? 0 },
    ...(cap === undefined
      ? []
      : [{ op: 'test', path: annotation(ANNOTATIONS.release), value: cap } as const]),
  ];
}

const annotation = (name: string): string => toJsonPointer('metadata', 'annotations', name);

function setRelease({ metadata }: Deployment, cap: ReleaseCap): PatchOp[] {
  const { annotations } = metadata;
  const text = formatReleaseCap(cap);
  if (annotations?.[ANNOTATIONS.release] === text) return [];
  return annotations === undefined
    ? [{ op: 'add', path: '/metadata/annotations', value: { [ANNOTATIONS.release]: text } }]
    : [{ op: 'add', path: annotation(ANNOTATIONS.release), value: text }];
}

const dropAnnotation = ({ metadata }: Deployment, name: string): PatchOp[] =>
  metadata.annotations?.[name] === undefined ? [] : [{ op: 'remove', path: annotation(name) }];
