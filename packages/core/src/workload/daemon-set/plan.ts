// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import { writeSavedFields } from '../../hold/saved-fields.ts';
import type { PatchOp } from '../../json/patch.ts';
import type { PatchWrite, Subject, Write } from '../adapter.ts';
import { deletePod } from '../identity.ts';
import {
  annotate,
  annotationOf,
  dropAnnotation,
  patchObject,
  preconditions,
} from '../held-patch.ts';
import type { Goal } from '../goal.ts';
import { revisionOf } from '../view.ts';
import { DAEMON_SET } from './descriptor.ts';
import type { DaemonSet } from './objects.ts';
import { podsOf, type DaemonSetView, type PodOfNode } from './observe.ts';
import { byDomain, byText } from './topology.ts';
import { ON_DELETE, STRATEGY_TYPE, typeOf } from './strategy.ts';

type OfDaemonSet = Subject<DaemonSet, DaemonSetView>;
type Of<T extends Goal['type']> = Extract<Goal, { readonly type: T }>;

export function planDaemonSet(goal: Goal, subject: OfDaemonSet): Write[] {
  switch (goal.type) {
    case 'Hold':
      return hold(goal, subject);
    case 'Release':
      return release(goal, subject);
    case 'RollBack':
      return rollBack(goal, subject);
    case 'Rest':
      return restore(subject, goal.forgetsActor);
    case 'Restore':
      return restore(subject, false);
  }
}

/** Saves the user's strategy type in the annotation, and sets `OnDelete`. */
function hold({ from }: Pick<Of<'Hold'>, 'from'>, { object, view, signing }: OfDaemonSet): Write[] {
  if (view.unsupported !== undefined) return [];
  const own = { from, userFields: { [STRATEGY_TYPE]: view.strategy.type }, isAnnotated: false };
  const { borrowed = own } = view;
  const held = { kind: DAEMON_SET.resource.kind, metadata: object.metadata };
  const text = borrowed.isAnnotated
    ? annotationOf(object)
    : writeSavedFields(borrowed, held, signing.sign);
  if (text === undefined) return [];
  return patch(object, [
    ...annotate(object, ANNOTATIONS.hold, text),
    ...setType(object, ON_DELETE),
  ]);
}

/**
 * Releases a batch by deleting stable pods: their successors are updated ones. The last batch is
 * the user's own strategy.
 */
function release(goal: Of<'Release'>, subject: OfDaemonSet): Write[] {
  const { object, view } = subject;
  if (goal.isLast) return patch(object, setType(object, view.strategy.type ?? 'RollingUpdate'));
  const writes = hold(goal, subject);
  if (writes.length > 0 || view.unsupported !== undefined) return writes;
  return isKnown(view, goal.to) ? guarded(object, podsToReplace(goal, view)) : [];
}

/**
 * Whether a deleted pod comes back updated, and is recognized then: the controller has observed the
 * template, and its revision is in the cache, as its pods are.
 */
const isKnown = (view: DaemonSetView, to: string): boolean =>
  view.isObserved && revisionOf(view, to) !== undefined && !hasGonePods(view);

/**
 * Whether pods are cached that the controller has removed: their readiness must not pay for that of
 * others.
 */
const hasGonePods = ({ pods, size, misscheduled }: DaemonSetView): boolean =>
  pods.length > size + misscheduled;

/**
 * The stable pods to delete next. Nodes without a pod will have an updated one, so they count
 * towards the batch, and pods that were updated without AlterShield do, too.
 */
function podsToReplace(
  { to, target, topologyKey }: Of<'Release'>,
  view: DaemonSetView,
): PodOfNode[] {
  const { pods, size, maxUnavailable } = view;
  const updated = podsOf(view, to);
  const missing = Math.max(0, size - pods.length);
  const unready = pods.filter(({ ready }) => !ready).length;
  const quota = Math.max(0, target - updated.length - missing);
  const all = inOrder(
    pods.filter((pod) => !updated.includes(pod)),
    topologyKey === undefined ? undefined : view.domainOf(topologyKey),
  );
  const stable = topologyKey === undefined ? all : all.slice(0, quota);
  const spare = Math.max(0, maxUnavailable - missing - unready);
  const ready = stable.filter((pod) => pod.ready).slice(0, spare);
  // Pods that are not ready cost nothing, and may be what the change is to mend. They come second:
  // a pod on a broken node says little about the change.
  const next = ready.length > 0 ? ready : stable.filter((pod) => !pod.ready);
  return next.slice(0, quota);
}

/**
 * By topology domain, then by the names of their nodes, so that a plan that is repeated names the
 * same pods.
 */
function inOrder(
  pods: readonly PodOfNode[],
  domainOf: (node: string) => string = () => '',
): PodOfNode[] {
  return pods
    .map((pod) => ({ pod, domain: domainOf(pod.node) }))
    .sort((a, b) => byDomain(a.domain, b.domain) || byText(a.pod.node, b.pod.node))
    .map(({ pod }) => pod);
}

/**
 * Deletions do not test the workload, so a patch that only tests comes first: the pods of a
 * DaemonSet that has changed since would come back with another template.
 */
function guarded(object: DaemonSet, pods: readonly PodOfNode[]): Write[] {
  if (pods.length === 0) return [];
  const { name } = object.metadata;
  return [
    { resource: DAEMON_SET.resource.kind, name, ops: preconditions(object) },
    ...pods.map(deletePod),
  ];
}

/**
 * Writes the verified template and the user's strategy together: the controller then replaces all
 * pods that are unavailable at once, and the others within the user's bounds. With the user's own
 * `OnDelete` it replaces none, so those that are not ready are deleted here.
 */
function rollBack({ template, to }: Of<'RollBack'>, { object, view }: OfDaemonSet): Write[] {
  const isBack = view.fingerprint !== to;
  const type = view.strategy.type ?? 'RollingUpdate';
  const writes = patch(object, [
    ...setType(object, type),
    ...dropAnnotation(object, ANNOTATIONS.hold),
    // The actor of the quarantined template did not write this one.
    ...(isBack ? [] : dropAnnotation(object, ANNOTATIONS.actor)),
    ...(isBack ? [] : [{ op: 'replace', path: '/spec/template', value: template } as const]),
  ]);
  if (writes.length > 0 || type !== ON_DELETE || !isKnown(view, view.fingerprint)) return writes;
  const failed = podsOf(view, to).filter(({ ready }) => !ready);
  return guarded(object, failed);
}

/** Restores the user's strategy type and removes AlterShield's annotations. */
function restore({ object, view }: OfDaemonSet, forgetsActor: boolean): Write[] {
  if (!view.isMarked) return [];
  return patch(object, [
    ...setType(object, view.strategy.type ?? 'RollingUpdate'),
    ...dropAnnotation(object, ANNOTATIONS.hold),
    ...(forgetsActor ? dropAnnotation(object, ANNOTATIONS.actor) : []),
  ]);
}

const patch = (object: DaemonSet, ops: readonly PatchOp[]): PatchWrite[] =>
  patchObject(DAEMON_SET, object, ops);

const setType = (object: DaemonSet, type: string): PatchOp[] =>
  typeOf(object) === type ? [] : [{ op: 'add', path: STRATEGY_TYPE, value: type }];
