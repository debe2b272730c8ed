// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import * as z from 'zod';
import { sign, verify, type Signer } from './signature.ts';
import type { ObjectMeta } from '../json/objects.ts';

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
export type ActorAnnotation = z.output<typeof stamp>;

/** The object that a stamp is on. */
export interface StampSubject {
  readonly kind: string;
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'annotations'>;
  /** The number that its controller gave the newest revision, 0: none. */
  readonly number: number;
}

/** A new object has no uid yet, so a stamp belongs to a name. */
const ownerOf = ({ kind, metadata: { name, namespace = '' } }: StampSubject): string =>
  `${kind}/${namespace}/${name}`;

export const writeActorAnnotation = (
  value: ActorAnnotation,
  subject: StampSubject,
  signer: Signer,
): string => sign(value, ownerOf(subject), signer);

/**
 * The stamp of the template that the object has now; undefined when there is no true one. One that
 * `kubectl rollout undo` brought back names who wrote the template once, not who undid.
 */
export function readActorAnnotation(
  subject: StampSubject,
  to: string,
  signer: Signer,
): ActorAnnotation | undefined {
  const text = subject.metadata.annotations?.[ANNOTATIONS.actor];
  if (text === undefined) return undefined;
  const opened = verify(text, ownerOf(subject), signer);
  if (!opened.ok) return undefined;
  const parsed = stamp.safeParse(opened.value);
  if (!parsed.success || parsed.data.to !== to) return undefined;
  return isOfEarlier(parsed.data.number, subject) ? undefined : parsed.data;
}

/**
 * Whether what was written when the newest revision had this number may be about a later one: the
 * controller gives one number to each template, after it was written.
 */
const isOfEarlier = (number: number, subject: StampSubject): boolean => subject.number > number + 1;
