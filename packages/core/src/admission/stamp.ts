// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import * as z from 'zod';
import { seal, unseal, type Sign } from '../revision/seal.ts';
import { isOfEarlier, type Deployment } from '../workload/types.ts';

const stamp = z.object({
  user: z.string().max(512),
  uid: z.string().max(128).optional(),
  groups: z.array(z.string().max(256)).max(32).optional(),
  manager: z.string().max(128).optional(),
  /** Fingerprint of the template that the user wrote. */
  to: z.string().max(64),
  /** What `revisionNumber` was when it was written. */
  number: z.int().min(0),
  operation: z.enum(['Create', 'Update']),
});

/** Who wrote a template, as admission saw it. */
export type Stamp = z.output<typeof stamp>;

/** A new object has no uid yet, so a stamp belongs to a name. */
const ownerOf = ({ metadata }: Deployment, namespace: string): string =>
  `Deployment/${namespace}/${metadata.name}`;

export const writeStamp = (
  value: Stamp,
  deployment: Deployment,
  namespace: string,
  sign: Sign,
): string => seal(value, ownerOf(deployment, namespace), sign);

/**
 * The stamp of the template that the object has now; undefined when there is no true one. One that
 * `kubectl rollout undo` brought back names who wrote the template once, not who undid.
 */
export function readStamp(deployment: Deployment, to: string, sign: Sign): Stamp | undefined {
  const text = deployment.metadata.annotations?.[ANNOTATIONS.actor];
  if (text === undefined) return undefined;
  const opened = unseal(text, ownerOf(deployment, deployment.metadata.namespace ?? ''), sign);
  if (!opened.ok) return undefined;
  const parsed = stamp.safeParse(opened.value);
  if (!parsed.success || parsed.data.to !== to) return undefined;
  return isOfEarlier(parsed.data.number, deployment) ? undefined : parsed.data;
}
