// SPDX-License-Identifier: Apache-2.0
import type { Goal } from '../goal.ts';
import type { PatchWrite } from '../adapter.ts';
import { switchTo } from '../traffic/service.ts';
import { revisionOf } from '../view.ts';
import { HELD, formatReleaseCap, type ReleaseCap } from './cap/annotation.ts';
import type { DeploymentView, ReplicaSetView } from './observe.ts';
import { writeRevision } from './sizes.ts';

type Release = Extract<Goal, { readonly type: 'Release' }>;

/**
 * The stable ReplicaSet's own copy of the annotation releases nothing, so its floor keeps all of
 * its pods, whatever the annotation of the Deployment releases. Written before that.
 */
export function keepStable(
  { from }: Pick<Release, 'from'>,
  view: DeploymentView,
  verified: string,
): PatchWrite[] {
  const { replicas } = view;
  const stable = revisionOf(view, from);
  if (stable === undefined) return [];
  const cap = formatReleaseCap({ verified, target: HELD, released: 0, replicas });
  const isSized = stable.replicas === replicas;
  if (isSized && stable.cap === cap) return [];
  return [writeRevision(stable, { cap, ...(isSized ? {} : { replicas, desired: replicas }) })];
}

/**
 * The Deployment controller adds updated pods only within the user's `maxSurge`. The operator sets
 * the size of the updated ReplicaSet itself: then the controller has nothing to add, and the floor
 * keeps it from removing stable pods. The Services are switched once all updated pods are ready.
 */
export function besideWrites(
  { traffic }: Pick<Release, 'traffic'>,
  { replicas, routes }: DeploymentView,
  { updated, cap }: { readonly updated: ReplicaSetView; readonly cap: ReleaseCap },
): PatchWrite[] {
  const isWhole = updated.replicas === replicas;
  return [
    ...(isWhole
      ? []
      : [writeRevision(updated, { cap: formatReleaseCap(cap), replicas, desired: replicas })]),
    ...(traffic === 'Updated' && updated.ready >= replicas ? switchTo(routes, updated.hash) : []),
  ];
}

/** Whether no other revision has pods. */
export const isAlone = (
  { revisions }: Pick<DeploymentView, 'revisions'>,
  { uid }: ReplicaSetView,
): boolean => revisions.every((r) => r.uid === uid || r.existing === 0);
