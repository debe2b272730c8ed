// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import type { Sign } from '../revision/seal.ts';
import type { Action } from '../change/model.ts';
import { userBounds, type Bounds } from './batches.ts';
import {
  heldFields,
  isRecreate,
  ownFieldsOf,
  readHold,
  writeHold,
  type HoldRecord,
  type OwnFields,
} from './hold.ts';
import { pointer, type PatchOp, type Write } from './patch.ts';
import { revisionNumber, type Deployment, type Template } from './types.ts';

/** The writes that carry out an action on a Deployment. Pure; none when nothing would change. */
export function planDeployment(action: Action, deployment: Deployment, sign: Sign): Write[] {
  if (action.type === 'Rebalance') return action.revisions.map(scaleRevision);
  if (action.type === 'CountAgain') return countAgain(action);
  const ops = changesFor(action, deployment, sign);
  if (ops.length === 0) return [];
  return [
    {
      resource: 'Deployment',
      name: deployment.metadata.name,
      ops: [...guards(deployment), ...ops],
    },
  ];
}

/**
 * The object must be the one we looked at, with the spec we looked at. The generation moves with
 * the spec and not with the status, so that the controller's own progress is no conflict.
 */
function guards({ metadata }: Deployment): PatchOp[] {
  const hold = metadata.annotations?.[ANNOTATIONS.hold];
  return [
    { op: 'test', path: '/metadata/uid', value: metadata.uid },
    { op: 'test', path: '/metadata/generation', value: metadata.generation ?? 0 },
    ...(hold === undefined
      ? []
      : [{ op: 'test', path: annotation(ANNOTATIONS.hold), value: hold } as const]),
  ];
}

const annotation = (name: string): string => pointer('metadata', 'annotations', name);

function changesFor(
  action: Exclude<Action, { type: 'Rebalance' | 'CountAgain' }>,
  deployment: Deployment,
  sign: Sign,
): PatchOp[] {
  const hold = readHold(deployment, sign);
  const own = hold.state === 'Held' ? hold.record.own : ownFieldsOf(deployment);
  const recreate = isRecreate(deployment.spec.strategy);
  switch (action.type) {
    case 'TakeOver': {
      const { id, from, to } = action;
      const taken: HoldRecord = { id, from, to, number: revisionNumber(deployment), own };
      return [
        ...setHold(deployment, writeHold(taken, deployment, sign)),
        ...setFields(
          deployment,
          heldFields(own, {
            bounds: holdingBounds(deployment, action.pods),
            paused: true,
            recreate,
          }),
        ),
      ];
    }
    case 'SetBounds':
      return setFields(
        deployment,
        heldFields(own, { bounds: action.bounds, paused: false, recreate }),
      );
    case 'Pause':
      return setFields(
        deployment,
        heldFields(own, { bounds: atMost(boundsOf(deployment), action), paused: true, recreate }),
      );
    case 'Restore':
      return [...dropHold(deployment), ...setFields(deployment, own)];
    case 'RollBack':
      return rollBack(action, deployment, { own, sign });
    case 'FinishRollBack':
      return [...dropHold(deployment), ...setFields(deployment, { ...own, paused: false })];
  }
}

interface Held {
  readonly own: OwnFields;
  readonly sign: Sign;
}

/**
 * One write: the verified template and the user's fields. With bad pods about, `maxUnavailable` is
 * widened by their number, so that all of them go at once without lowering the ready ones; the
 * record stays until the width is taken back.
 */
function rollBack(
  { template, from, widenBy, id }: Extract<Action, { type: 'RollBack' }>,
  deployment: Deployment,
  { own, sign }: Held,
): PatchOp[] {
  // A pause was meant for the change: it must not block the way back.
  const free = { ...own, paused: false };
  const widened = widen(free, widenBy);
  const isWide = widened !== free;
  const number = revisionNumber(deployment);
  const kept: HoldRecord = { id, from, to: from, number, own, width: widenBy };
  return [
    ...(isWide ? setHold(deployment, writeHold(kept, deployment, sign)) : dropHold(deployment)),
    // Who wrote the refused template did not write this one.
    ...dropAnnotation(deployment, ANNOTATIONS.actor),
    { op: 'replace', path: '/spec/template', value: template satisfies Template },
    ...setFields(deployment, widened),
  ];
}

/** @param widenBy the resolved `maxUnavailable` to write; 0: leave the user's own */
function widen(own: OwnFields, widenBy: number): OwnFields {
  const rolling = own.strategy.rollingUpdate;
  if (rolling === undefined || widenBy === 0) return own;
  return {
    ...own,
    strategy: { ...own.strategy, rollingUpdate: { ...rolling, maxUnavailable: widenBy } },
  };
}

/**
 * Bounds to hold a Deployment with that runs freely. A paused one sheds pods beyond its surge, ready
 * ones of the old revision first, and fills up to it, in every revision that has pods: the surge is
 * what surged, no less and no more than the owner allows.
 *
 * @param pods what its revisions ask for together. Default: as its controller counted last
 */
export function holdingBounds(
  { spec: { strategy, replicas = 1 }, status }: Deployment,
  pods = status?.replicas ?? 0,
): Bounds {
  const user = userBounds(strategy?.rollingUpdate, replicas);
  return oneAtMost(Math.min(user.surge, Math.max(1, pods - replicas), replicas));
}

/** Bounds to hold a Deployment with that is held already: its surge stays covered. */
export function heldOnBounds(deployment: Deployment, own: OwnFields): Bounds {
  const user = userBounds(own.strategy.rollingUpdate, deployment.spec.replicas ?? 1);
  return oneAtMost(Math.max(boundsOf(deployment).surge, user.unavailable === 0 ? 1 : 0));
}

/** Should someone unpause the object behind our back, one pod gets out beside those that surged. */
const oneAtMost = (surge: number): Bounds => ({ surge, unavailable: surge > 0 ? 0 : 1 });

/** The bounds as they stand in the object, as its controller reads them: percentages are its owner's. */
export const boundsOf = ({ spec: { strategy, replicas = 1 } }: Deployment): Bounds =>
  userBounds(strategy?.rollingUpdate, replicas);

const atMost = (
  { surge, unavailable }: Bounds,
  { surge: most = surge }: { readonly surge?: number },
): Bounds =>
  surge <= most
    ? { surge, unavailable }
    : { surge: most, unavailable: Math.max(unavailable, most > 0 ? 0 : 1) };

function setHold(deployment: Deployment, text: string): PatchOp[] {
  const { annotations } = deployment.metadata;
  if (annotations?.[ANNOTATIONS.hold] === text) return [];
  const value = annotations === undefined ? { [ANNOTATIONS.hold]: text } : text;
  const path =
    annotations === undefined ? pointer('metadata', 'annotations') : annotation(ANNOTATIONS.hold);
  return [{ op: 'add', path, value }];
}

const dropHold = (deployment: Deployment): PatchOp[] =>
  dropAnnotation(deployment, ANNOTATIONS.hold);

const dropAnnotation = ({ metadata }: Deployment, name: string): PatchOp[] =>
  metadata.annotations?.[name] === undefined ? [] : [{ op: 'remove', path: annotation(name) }];

/** Operations for the release fields that differ. */
export function setFields(deployment: Deployment, wanted: OwnFields): PatchOp[] {
  const now = ownFieldsOf(deployment);
  const fields = ['paused', 'minReadySeconds', 'progressDeadlineSeconds', 'strategy'] as const;
  return fields
    .filter((field) => JSON.stringify(now[field]) !== JSON.stringify(wanted[field]))
    .map((field) => ({ op: 'add', path: pointer('spec', field), value: wanted[field] }));
}

const countAgain = ({
  revisions,
  minReadySeconds,
}: Extract<Action, { type: 'CountAgain' }>): Write[] =>
  revisions.map(({ name, uid }) => ({
    resource: 'ReplicaSet',
    name,
    ops: [
      { op: 'test', path: '/metadata/uid', value: uid },
      { op: 'add', path: '/spec/minReadySeconds', value: minReadySeconds },
    ],
  }));

const scaleRevision = (
  target: Extract<Action, { type: 'Rebalance' }>['revisions'][number],
): Write => ({
  resource: 'ReplicaSet',
  name: target.name,
  ops: [
    { op: 'test', path: '/metadata/uid', value: target.uid },
    { op: 'test', path: '/spec/replicas', value: target.from },
    { op: 'replace', path: '/spec/replicas', value: target.to },
  ],
});
