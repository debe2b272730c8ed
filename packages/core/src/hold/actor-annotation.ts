// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import * as z from 'zod';
import { sign, verify, type Signer } from './signature.ts';
import type { ObjectMeta } from '../json/objects.ts';

const schema = z.object({
  user: z.string().max(512),
  uid: z.string().max(128).optional(),
  groups: z.array(z.string().max(256)).max(32).optional(),
  manager: z.string().max(128).optional(),
  /** Fingerprint of the template that the user wrote. */
  to: z.string().max(64),
  /** The newest revision number at the time of writing. */
  number: z.int().min(0),
  operation: z.enum(['Create', 'Update']),
});

/** The user who wrote a template, as admission saw it. */
export type ActorAnnotation = z.output<typeof schema>;

/** The object that carries the actor annotation. */
export interface AnnotatedWorkload {
  readonly kind: string;
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'annotations'>;
  /** The controller's number of the newest revision, 0: none. */
  readonly number: number;
}

/** The signature covers the name, because a new object has no uid yet. */
const ownerOf = ({ kind, metadata: { name, namespace = '' } }: AnnotatedWorkload): string =>
  `${kind}/${namespace}/${name}`;

export const writeActorAnnotation = (
  value: ActorAnnotation,
  subject: AnnotatedWorkload,
  signer: Signer,
): string => sign(value, ownerOf(subject), signer);

/**
 * The actor annotation for the current template; undefined when there is none with a valid
 * signature, or when it is outdated. `kubectl rollout undo` brings back the annotation of the user
 * who originally wrote the template, not of the user who reverted; its revision number shows that.
 */
export function readActorAnnotation(
  subject: AnnotatedWorkload,
  to: string,
  signer: Signer,
): ActorAnnotation | undefined {
  const text = subject.metadata.annotations?.[ANNOTATIONS.actor];
  if (text === undefined) return undefined;
  const opened = verify(text, ownerOf(subject), signer);
  if (!opened.ok) return undefined;
  const parsed = schema.safeParse(opened.value);
  if (!parsed.success || parsed.data.to !== to) return undefined;
  return isOfEarlier(parsed.data.number, subject) ? undefined : parsed.data;
}

/**
 * Whether an annotation with this revision number belongs to an earlier template. The controller
 * numbers a template after it was written, so a difference of one is normal.
 */
const isOfEarlier = (number: number, subject: AnnotatedWorkload): boolean =>
  subject.number > number + 1;
