// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import * as z from 'zod';
import { AT_REST, HELD, formatReleaseCap } from './cap/annotation.ts';
import type { DeploymentView } from './observe.ts';
import { revisionOf } from '../view.ts';
import { toJsonPointer, type PatchOp } from '../../json/patch.ts';
import type { PatchWrite } from '../adapter.ts';
import type { Deployment } from './objects.ts';

const intOrPercent = z.union([z.int(), z.string().max(16)]);

/**
 * The annotation `altershield.io/hold` of versions before 0.2, which borrowed four fields of a held
 * Deployment.
 */
const legacyHold = z.object({
  from: z.string(),
  own: z.object({
    paused: z.boolean(),
    minReadySeconds: z.int().min(0),
    progressDeadlineSeconds: z.int().min(1),
    strategy: z.object({
      type: z.string().max(32),
      rollingUpdate: z
        .object({ maxSurge: intOrPercent, maxUnavailable: intOrPercent })
        .exactOptional(),
    }),
  }),
});

/**
 * Restores the user's fields of a Deployment held by an earlier version, in one write that holds
 * the change by the annotation instead, so it releases no pods. Returns no writes for any other
 * Deployment, or if the saved fields cannot be read.
 */
export function legacyRestore(deployment: Deployment, view: DeploymentView): PatchWrite[] {
  const { annotations, uid, generation = 0, name } = deployment.metadata;
  const text = annotations?.[ANNOTATIONS.hold];
  const saved = text === undefined ? undefined : parse(text);
  if (text === undefined || saved === undefined) return [];
  const path = toJsonPointer('metadata', 'annotations', ANNOTATIONS.hold);
  const fields = Object.entries(saved.own).map(([field, value]): PatchOp => ({
    op: 'add',
    path: toJsonPointer('spec', field),
    value,
  }));
  return [
    {
      resource: 'Deployment',
      name,
      ops: [
        { op: 'test', path: '/metadata/uid', value: uid },
        { op: 'test', path: '/metadata/generation', value: generation },
        { op: 'test', path, value: text },
        { op: 'remove', path },
        ...holdAsItIs(view, saved.from),
        ...fields,
      ],
    },
  ];
}

function holdAsItIs(view: DeploymentView, from: string): PatchOp[] {
  const [stable, updated] = [revisionOf(view, from), revisionOf(view, view.fingerprint)];
  if (stable === undefined) return [];
  const isBack = stable === updated;
  const value = formatReleaseCap({
    verified: stable.hash,
    target: isBack ? AT_REST : (updated?.hash ?? HELD),
    released: isBack ? 0 : (updated?.replicas ?? 0),
    replicas: view.replicas,
  });
  return [
    { op: 'add', path: toJsonPointer('metadata', 'annotations', ANNOTATIONS.release), value },
  ];
}

function parse(text: string): z.output<typeof legacyHold> | undefined {
  try {
    return legacyHold.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
