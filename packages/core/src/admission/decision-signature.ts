// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload, ChangeWorkloadSpec } from '@altershield/api';
import type { Signer } from '../hold/signature.ts';

type UserDecision = NonNullable<ChangeWorkloadSpec['decision']>;

/** The record that a decision belongs to. */
export interface RecordName {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Signature of a user's decision on this record. It is made at admission, where the user is known.
 */
export const decisionSignature = (
  { action, reason = '', by = '', at = '' }: UserDecision,
  { namespace, name }: RecordName,
  signer: Signer,
): string => signer({ decision: { action, reason, by, at }, namespace, name });

/** The change; its decision loses the user's name unless the signature is valid. */
export function withVerifiedDecision(change: ChangeWorkload, signer: Signer): ChangeWorkload {
  const { decision } = change.spec;
  const { name, namespace = '' } = change.metadata;
  if (decision?.by === undefined) return change;
  if (decision.signature === decisionSignature(decision, { namespace, name }, signer))
    return change;
  const { by: _, ...unverified } = decision;
  return { ...change, spec: { ...change.spec, decision: unverified } };
}
