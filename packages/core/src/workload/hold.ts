// SPDX-License-Identifier: Apache-2.0
import {
  ANNOTATIONS,
  HELD_MIN_READY_SECONDS,
  HELD_PROGRESS_DEADLINE_SECONDS,
} from '@altershield/api';
import * as z from 'zod';
import { seal, unseal, type Sign } from '../revision/seal.ts';
import type { Bounds } from './batches.ts';
import { isOfEarlier, type Deployment, type DeploymentStrategy } from './types.ts';

const intOrPercent = z.union([z.int(), z.string().max(16)]);

const ownFields = z.object({
  paused: z.boolean(),
  minReadySeconds: z.int().min(0),
  progressDeadlineSeconds: z.int().min(1),
  strategy: z.object({
    type: z.string().max(32),
    rollingUpdate: z
      .object({ maxSurge: intOrPercent, maxUnavailable: intOrPercent })
      .exactOptional(),
  }),
});

const holdRecord = z.object({
  /** Tells one hold from the next; the uid of the admission request that made it. */
  id: z.string().max(64),
  /** Fingerprint of the revision to go back to. */
  from: z.string().max(64),
  /** Fingerprint of the revision that is held. */
  to: z.string().max(64),
  /** What `revisionNumber` was when it was written. */
  number: z.int().min(0),
  /** The user's own fields, written back at the end. */
  own: ownFields,
  /** Of a rollback: the `maxUnavailable` that was written for it. */
  width: z.int().exactOptional(),
});

/** The release fields as the user wants them. */
export type OwnFields = z.output<typeof ownFields>;
export type HoldRecord = z.output<typeof holdRecord>;

/** What a Deployment says of itself. `Lost`: it is held, but the record is gone or altered. */
export type Hold =
  | { readonly state: 'None' }
  | { readonly state: 'Held'; readonly record: HoldRecord }
  | { readonly state: 'Lost'; readonly why: string };

const ownerOf = ({ metadata }: Deployment): string =>
  `Deployment/${metadata.namespace ?? ''}/${metadata.name}/${metadata.uid}`;

export function readHold(deployment: Deployment, sign: Sign): Hold {
  const text = deployment.metadata.annotations?.[ANNOTATIONS.hold];
  if (text === undefined) {
    return hasHeldFields(deployment)
      ? { state: 'Lost', why: `annotation ${ANNOTATIONS.hold} is gone` }
      : { state: 'None' };
  }
  const opened = unseal(text, ownerOf(deployment), sign);
  if (!opened.ok) {
    return { state: 'Lost', why: `annotation ${ANNOTATIONS.hold} was altered: ${opened.why}` };
  }
  const parsed = holdRecord.safeParse(opened.value);
  if (!parsed.success) {
    return { state: 'Lost', why: `annotation ${ANNOTATIONS.hold} can’t be read` };
  }
  return isSpent(parsed.data, deployment)
    ? { state: 'None' }
    : { state: 'Held', record: parsed.data };
}

/**
 * The record of a hold that ended long ago. The Deployment controller copies annotations to
 * ReplicaSets, and `kubectl rollout undo` brings them back with the template.
 */
const isSpent = (record: HoldRecord, deployment: Deployment): boolean =>
  isOfEarlier(record.number, deployment) && !isHeldByAny(record, deployment);

/** Whether any field holds it still, of several that its owner wrote over. kubectl undoes nothing that is paused. */
function isHeldByAny({ own, width }: HoldRecord, deployment: Deployment): boolean {
  const { paused, progressDeadlineSeconds: deadline, strategy } = deployment.spec;
  const isDeadlineOurs =
    deadline === HELD_PROGRESS_DEADLINE_SECONDS && own.progressDeadlineSeconds !== deadline;
  const isWide = width !== undefined && strategy?.rollingUpdate?.maxUnavailable === width;
  return paused === true || isDeadlineOurs || isWide || hasHeldFields(deployment);
}

export const writeHold = (record: HoldRecord, deployment: Deployment, sign: Sign): string =>
  seal(record, ownerOf(deployment), sign);

/** Whether the fields are the ones that we write, and not its owner's. */
export const hasHeldFields = ({ spec }: Deployment): boolean =>
  spec.minReadySeconds === HELD_MIN_READY_SECONDS;

const claim = z.object({ own: ownFields });

/**
 * What a copy of a held object (a backup, an exported manifest) says of the owner's fields. Its
 * signature is that of the object it was copied from; who creates an object may choose them anyway.
 */
export function claimedFields({ metadata }: Deployment): OwnFields | undefined {
  try {
    const text = metadata.annotations?.[ANNOTATIONS.hold] ?? '';
    return claim.safeParse(JSON.parse(text)).data?.own;
  } catch {
    return undefined;
  }
}

export const isRecreate = (strategy: { readonly type?: string } | undefined): boolean =>
  strategy?.type === 'Recreate';

/** The release fields that a Deployment has now, with the API server's defaults filled in. */
export function ownFieldsOf({ spec }: Deployment): OwnFields {
  return {
    paused: spec.paused ?? false,
    minReadySeconds: spec.minReadySeconds ?? 0,
    progressDeadlineSeconds: spec.progressDeadlineSeconds ?? 600,
    strategy: strategyOf(spec.strategy),
  };
}

export function strategyOf(strategy: DeploymentStrategy | undefined): OwnFields['strategy'] {
  if (isRecreate(strategy)) return { type: 'Recreate' };
  const { maxSurge = '25%', maxUnavailable = '25%' } = strategy?.rollingUpdate ?? {};
  return { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } };
}

/** How a Deployment is held at this moment. */
export interface Holding {
  readonly bounds: Bounds;
  readonly paused: boolean;
  /** Held by `paused` alone. The type that the object has, not one that its owner wants for later. */
  readonly recreate: boolean;
}

/**
 * The release fields of a held Deployment. New pods never become available under this
 * `minReadySeconds`, so the bounds alone say how many there are. Both time fields must be written
 * together: the API server refuses the one without the other.
 */
export function heldFields(own: OwnFields, { bounds, paused, recreate }: Holding): OwnFields {
  if (recreate) return { ...own, strategy: { type: 'Recreate' }, paused };
  return {
    paused,
    minReadySeconds: HELD_MIN_READY_SECONDS,
    progressDeadlineSeconds: HELD_PROGRESS_DEADLINE_SECONDS,
    strategy: {
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: bounds.surge, maxUnavailable: bounds.unavailable },
    },
  };
}
