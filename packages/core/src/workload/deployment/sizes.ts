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

/** The part of a goal that determines ReplicaSet sizes, both for a hold and for a release. */
export type Sizes = Pick<Release, 'from' | 'to' | 'target'> &
  Partial<Pick<Release, 'isLast' | 'needsRoom'>>;

/** Revisions of superseded changes that still have pods: neither stable nor updated. */
export const intermediate = (
  { from, to }: Release,
  { revisions }: DeploymentView,
): ReplicaSetView[] =>
  revisions.filter((r) => r.replicas > 0 && ![from, to].includes(r.fingerprint));

/**
 * Removes pods of superseded revisions before the new revision gets any: otherwise two unverified
 * revisions would serve at once. Verified pods replace them, within the user's bounds.
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
  const preconditions =
    spare < spareReady(view) ? areStillReady(intermediate(goal, view), view) : [];
  return [...preconditions, ...growStable(goal, view, closed), ...shrunk];
}

/**
 * Ready pods of one revision go because others are ready. No write tests two objects, so one that
 * only tests comes first: the controller may have removed pods of the others meanwhile.
 */
const areStillReady = (
  removed: readonly ReplicaSetView[],
  { revisions }: DeploymentView,
): PatchWrite[] =>
  revisions
    .filter((r) => r.ready > 0 && !removed.includes(r))
    .map((r) => ({ resource: 'ReplicaSet', name: r.name, ops: testVersion(r) }));

/** Fails when anything about the ReplicaSet is new, also how many of its pods are ready. */
const testVersion = ({ uid, resourceVersion }: ReplicaSetView): PatchOp[] => [
  { op: 'test', path: '/metadata/uid', value: uid },
  ...(resourceVersion === undefined
    ? []
    : [{ op: 'test', path: '/metadata/resourceVersion', value: resourceVersion } as const]),
];

/**
 * Adds as many verified pods as fit. Also resets the floor that an earlier release lowered: the
 * controller would otherwise remove the added pods before they are ready.
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

/** Writes to ReplicaSets that the Deployment controller does not make on its own. */
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
 * Whether the only revision with pods has the desired number of pods but an outdated
 * `desired-replicas` annotation: the controller removed pods for the new revision, then the
 * Deployment was scaled down. The controller then finds a scale that needs no pods, and does
 * nothing else until the annotation matches.
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
 * Whether the stable ReplicaSet's floor fits the batch. With a surge, the batch fits beside the
 * stable pods, which saves a write. Without a surge, or beyond it, the floor must be lowered.
 */
function isFloorRight(
  { target, isLast = false }: Sizes,
  { replicas, user }: DeploymentView,
  { stable, floor }: { readonly stable: ReplicaSetView; readonly floor: number },
): boolean {
  const own = parseReleaseCap(stable.cap);
  // An invalid annotation blocks all growth, even when the user scales up.
  if (own === 'Invalid') return false;
  if (own === undefined) return isLast || user.surge > 0;
  const isEnforced = isInFlight(own) || user.surge > 0;
  const ownFloor = replicas - releasedShare(own, replicas);
  const hasRoom = !isLast && target <= user.surge && ownFloor >= floor;
  return isEnforced && (hasRoom || ownFloor === floor);
}

/**
 * More stable pods after a scale from zero, which the controller gives only to the newest revision;
 * fewer when updated pods cannot be placed.
 */
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

/**
 * Removes updated pods beyond the batch, for example after a user scaled the ReplicaSet directly.
 */
function trim({ target }: Sizes, view: DeploymentView, updated: ReplicaSetView): PatchWrite[] {
  const unready = Math.max(0, updated.replicas - updated.ready);
  const down = Math.min(updated.replicas - target, unready + spareReady(view));
  if (down <= 0) return [];
  const preconditions = down > unready ? areStillReady([updated], view) : [];
  return [...preconditions, writeRevision(updated, { replicas: updated.replicas - down })];
}

interface RevisionChange {
  readonly cap?: string;
  readonly replicas?: number;
  /**
   * `spec.replicas` of the Deployment: while a ReplicaSet's annotation differs, the controller only
   * scales.
   */
  readonly desired?: number;
}

const annotation = (name: string, value: string): PatchOp => ({
  op: 'add',
  path: toJsonPointer('metadata', 'annotations', name),
  value,
});

/** Pods are removed by what is known of their readiness: no newer version may be there. */
export function writeRevision(is: ReplicaSetView, to: RevisionChange): PatchWrite {
  const removesPods = to.replicas !== undefined && to.replicas < is.replicas;
  return {
    resource: 'ReplicaSet',
    name: is.name,
    ops: [
      ...(removesPods
        ? testVersion(is)
        : [{ op: 'test', path: '/metadata/uid', value: is.uid } as const]),
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
