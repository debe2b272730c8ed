// SPDX-License-Identifier: Apache-2.0
import type { ChangeApproval, ChangeApprovalSpec } from '@altershield/api';
import type { Signer } from '../hold/signature.ts';

/** Signature of a decision, made at admission, where its author is known. */
export const approvalSignature = (
  { signature: _, ...spec }: ChangeApprovalSpec,
  namespace: string,
  signer: Signer,
): string => signer({ approval: spec, namespace });

/** The decision; without its author and time unless admission signed them. */
export function withVerifiedAuthor<T extends ChangeApproval>(approval: T, signer: Signer): T {
  const { spec, metadata } = approval;
  if (spec.signature === approvalSignature(spec, metadata.namespace ?? '', signer)) return approval;
  const { author: _, at: __, ...unproven } = spec;
  return { ...approval, spec: unproven };
}
