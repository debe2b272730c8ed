// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, type ChangeWorkloadSpec } from '@altershield/api';
import { contentOf, type Signer, type Signing } from '@altershield/core';
import type { ChangeObject } from '../objects.ts';

/** Signs the fields that must not be forged. Omits the others: the server adds defaults to them. */
export const recordSignature = (
  namespace: string,
  name: string,
  { target, from, to, operation, release, sequence }: ChangeWorkloadSpec,
  sign: Signer,
): string =>
  sign({
    namespace,
    name,
    target,
    from: from?.fingerprint ?? '',
    verified: from?.verified ?? false,
    ...(from?.isNew === true ? { isNew: true } : {}),
    ...(from?.ownership === undefined ? {} : { ownership: from.ownership }),
    to: to.fingerprint,
    operation,
    ...(release === undefined ? {} : { enforced: release.enforced, strategy: release.strategy }),
    sequence,
  });

/** Verifies signatures of records. Caches the result, so each version is verified only once. */
export function signatureVerifier(signing: Signing): (change: ChangeObject) => boolean {
  const known = new WeakMap<ChangeObject, boolean>();
  return (change) => {
    const isSigned = known.get(change) ?? hasValidSignature(change, signing);
    known.set(change, isSigned);
    return isSigned;
  };
}

function hasValidSignature(
  { metadata, spec }: ChangeObject,
  { sign, fingerprintOf }: Signing,
): boolean {
  const { name, namespace = '', annotations } = metadata;
  if (annotations?.[ANNOTATIONS.signature] !== recordSignature(namespace, name, spec, sign))
    return false;
  return spec.from === undefined || fingerprintOf(contentOf(spec.from)) === spec.from.fingerprint;
}
