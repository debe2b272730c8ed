// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import {
  formatReleaseCap,
  isInFlight,
  parseReleaseCap,
  type ReleaseCap,
} from './cap/annotation.ts';
import { releasedShare } from './cap/clamp.ts';
import type { Goal } from '../goal.ts';
import { DESIRED_REPLICAS, type DeploymentView, type ReplicaSetView } from './observe.ts';
import { revisionOf, spareReady, sumOf } from '../view.ts';
import { toJsonPointer, type PatchOp } from '../../json/patch.ts';
import type { PatchWrite } from '../adapter.ts';

type Release = Extract<Goal, { readonly type: 'Release' }>;

/** What the sizes of the ReplicaSets follow from, while a change is held as well as when it is released. */
export type Sizes = Pick<Release, 'from' | 'to' | 'target'> &
  Partial<Pick<Release, 'isLast' | 'needsRoom'>>;

/** Revisions of changes that were superseded: neither the verified one nor the new one. */
export const intermediate = (
  { from, to }: Release,
  { revisions }: DeploymentView,
): ReplicaSetView[] =>
  revisions.filter((r) => r.replicas > 0 && ![from, to].includes(r.fingerprint));

/**
 * Takes the pods of superseded revisions away before the new one gets any, or two revisions that
 * nobody verified would serve at once. Verified pods take their place, within the user's bounds.
 *
 * @param closed the annotation that releases nothing
 */
export function retire(goal: Release, view: DeploymentView, closed: ReleaseCap): PatchWrite[] {
  let spare = spareReady(view);
  const shrunk = intermediate(goal, view).flatMap((r) => {
    const ready = Math.min(spare, r.ready);
    spare -= ready;
    const down = Math.min(r.replicas, Math.max(0, r.replicas - r.ready) + ready);
    return down === 0 ? [] : [writeRevision(r, { replicas: r.replicas - down })];
  });
  return [...growStable(goal, view, closed), ...shrunk];
}

/**
 * As many verified pods as there is room for. By a floor that an earlier release lowered, the controller
 * would take them away again before they are ready.
 */
function growStable({ from }: Release, view: DeploymentView, closed: ReleaseCap): PatchWrite[] {
  const { revisions, replicas, user } = view;
  const stable = revisionOf(view, from);
  const room = replicas + user.surge - sumOf(revisions, 'replicas');
  const up = Math.min(room, replicas - (stable?.replicas ?? replicas));
  if (stable === undefined || up <= 0) return [];
  const cap = formatReleaseCap(closed);
  const floor = stable.cap === cap ? {} : { cap };
  return [writeRevision(stable, { ...floor, replicas: stable.replicas + up, desired: replicas })];
}

/** What the ReplicaSets themselves need, beside what the Deployment controller does on its own. */
export function balance(goal: Sizes, view: DeploymentView, cap: ReleaseCap): PatchWrite[] {
  const stable = revisionOf(view, goal.from);
  const updated = revisionOf(view, goal.to);
  return [
    ...(stable === undefined ? [] : balanceStable(goal, view, { stable, cap })),
    ...(updated === undefined || goal.isLast === true ? [] : trim(goal, view, updated)),
  ];
}

interface StableRevision {
  readonly stable: ReplicaSetView;
  readonly cap: ReleaseCap;
}

function balanceStable(
  goal: Sizes,
  view: DeploymentView,
  { stable, cap }: StableRevision,
): PatchWrite[] {
  const floor = view.replicas - goal.target;
  const replicas = stableReplicas(goal, view, { stable, floor });
  const text = formatReleaseCap(cap);
  if (isScaledInVain(view, stable)) return [writeRevision(stable, { desired: view.replicas })];
  const isNeeded = replicas !== stable.replicas || !isFloorRight(goal, view, { stable, floor });
  if (stable.replicas === 0 && replicas === 0) return [];
  if (!isNeeded) return [];
  return [
    writeRevision(stable, {
      ...(stable.cap === text ? {} : { cap: text }),
      ...(replicas === stable.replicas ? {} : { replicas, desired: view.replicas }),
    }),
  ].filter(({ ops }) => ops.length > 1);
}

/**
 * The only revision with pods has as many as the Deployment wants, by chance: the controller took pods
 * away for the new revision, and then the Deployment was scaled down. It believes for ever that there is
 * something to scale, finds nothing, and does nothing else.
 */
const isScaledInVain = (
  { isObserved, revisions, replicas }: DeploymentView,
  only: ReplicaSetView,
) =>
  isObserved &&
  only.replicas === replicas &&
  sumOf(revisions, 'replicas') === replicas &&
  only.desired !== undefined &&
  only.desired !== String(replicas);

/**
 * A surge has room for the batch beside the stable pods, which then stay as they are: one write less.
 * Without a surge, or beyond it, the stable revision's own floor must give way.
 */
function isFloorRight(
  { target, isLast = false }: Sizes,
  { replicas, user }: DeploymentView,
  { stable, floor }: { readonly stable: ReplicaSetView; readonly floor: number },
): boolean {
  const own = parseReleaseCap(stable.cap);
  // It could not grow any more, not even as far as its user scales it.
  if (own === 'Invalid') return false;
  if (own === undefined) return isLast || user.surge > 0;
  const isEnforced = isInFlight(own) || user.surge > 0;
  const ownFloor = replicas - releasedShare(own, replicas);
  const hasRoom = !isLast && target <= user.surge && ownFloor >= floor;
  return isEnforced && (hasRoom || ownFloor === floor);
}

/** More pods after a scale from zero, which the controller gives to the newest revision alone; fewer where new pods find no place. */
function stableReplicas(
  { needsRoom = false }: Sizes,
  view: DeploymentView,
  { stable, floor }: { readonly stable: ReplicaSetView; readonly floor: number },
): number {
  const isShort = view.isObserved && sumOf(view.revisions, 'replicas') < view.replicas;
  if (isShort && stable.replicas < floor) return floor;
  if (!needsRoom || stable.replicas <= floor) return stable.replicas;
  return Math.max(floor, stable.replicas - spareReady(view));
}

/** Pods beyond the batch, as somebody who scaled the ReplicaSet itself made them. */
function trim({ target }: Sizes, view: DeploymentView, updated: ReplicaSetView): PatchWrite[] {
  const unready = Math.max(0, updated.replicas - updated.ready);
  const down = Math.min(updated.replicas - target, unready + spareReady(view));
  return down <= 0 ? [] : [writeRevision(updated, { replicas: updated.replicas - down })];
}

interface RevisionChange {
  readonly cap?: string;
  readonly replicas?: number;
  /** `spec.replicas` of the Deployment: where a ReplicaSet says otherwise, the controller does nothing but scale. */
  readonly desired?: number;
}

const annotation = (name: string, value: string): PatchOp => ({
  op: 'add',
  path: toJsonPointer('metadata', 'annotations', name),
  value,
});

export function writeRevision(
  { name, uid, ...is }: ReplicaSetView,
  to: RevisionChange,
): PatchWrite {
  return {
    resource: 'ReplicaSet',
    name,
    ops: [
      { op: 'test', path: '/metadata/uid', value: uid },
      ...(to.cap === undefined ? [] : [annotation(ANNOTATIONS.release, to.cap)]),
      ...(to.desired === undefined ? [] : [annotation(DESIRED_REPLICAS, String(to.desired))]),
      ...(to.replicas === undefined
        ? []
        : ([
            { op: 'test', path: '/spec/replicas', value: is.replicas },
            { op: 'replace', path: '/spec/replicas', value: to.replicas },
          ] as const)),
    ],
  };
}
