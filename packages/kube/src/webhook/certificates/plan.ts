// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from 'node:crypto';
import {
  type CertificateSet,
  type ReadSet,
  endOf,
  isPairOf,
  isSignedBy,
  isValidAt,
  readSet,
  renewalOf,
  startOf,
} from './certificate-set.ts';

interface DesiredCertificate {
  /** DNS names that the API server uses, e.g. `webhook.system.svc`. */
  readonly dnsNames: readonly string[];
  /** IP addresses that it uses, e.g. `127.0.0.1`. */
  readonly ips: readonly string[];
  readonly leafLifetimeMs: number;
}

export interface PlanInput {
  /** The stored certificates; `undefined` when none are stored. */
  readonly current: CertificateSet | undefined;
  readonly desired: DesiredCertificate;
  readonly now: number;
  /** Clients already trust every authority of the current bundle. */
  readonly published: boolean;
}

export type CertificatePlan =
  /** No step is due before `checkAt` (milliseconds since the epoch). */
  | { readonly action: 'Keep'; readonly checkAt: number }
  /** A leaf of the new authority is due as soon as the bundle is published. */
  | { readonly action: 'AwaitTrust' }
  | {
      readonly action: 'Write';
      readonly newAuthority: boolean;
      readonly newLeaf: boolean;
      /** PEM of the stored authorities that stay trusted, the signing one first. */
      readonly keep: readonly string[];
      readonly reason: string;
      /** Something was broken, not merely old. */
      readonly broken: boolean;
    };

/**
 * Decides the next step of a rotation: the new authority enters the bundle first, the leaf switches
 * when clients trust it, the former authority leaves when none of its leaves can be valid.
 * An unusable leaf is replaced at once: waiting for trust would not help.
 */
export function planCertificates({ current, desired, now, published }: PlanInput): CertificatePlan {
  if (current === undefined)
    return write({ newAuthority: true, newLeaf: true }, 'no certificate is stored');
  const set = readSet(current);
  const living = set.authorities.filter((authority) => now < endOf(authority));
  const keep = living.map(pemOf);
  const leafProblem = whyLeafUnusable(set, living, desired, now);
  const newLeaf = leafProblem !== undefined;

  const signer = usableSigner(set, now);
  if (signer === undefined) {
    const reason = 'the authority or its key is missing, broken or expired';
    return { ...write({ newAuthority: true, newLeaf }, reason, keep), broken: true };
  }
  if (now >= renewalOf(signer)) {
    return write({ newAuthority: true, newLeaf }, 'the authority expires soon', keep);
  }
  if (leafProblem !== undefined) {
    return { ...write({ newAuthority: false, newLeaf }, leafProblem, keep), broken: true };
  }
  return planValidSet(set, { signer, living, desired, now, published });
}

interface ValidSet {
  readonly signer: X509Certificate;
  readonly living: readonly X509Certificate[];
  readonly desired: DesiredCertificate;
  readonly now: number;
  readonly published: boolean;
}

function planValidSet({ leaf }: ReadSet, validSet: ValidSet): CertificatePlan {
  const { signer, living, desired, now, published } = validSet;
  const keep = living.map(pemOf);
  const leafOnly = { newAuthority: false, newLeaf: true };
  if (leaf === undefined || !isSignedBy(leaf, signer)) {
    return published
      ? write(leafOnly, 'the new authority is trusted everywhere', keep)
      : { action: 'AwaitTrust' };
  }
  if (now >= renewalOf(leaf)) return write(leafOnly, 'the leaf expires soon', keep);

  // Former authorities signed no leaf after this one became valid.
  const retireAt = startOf(signer) + desired.leafLifetimeMs;
  const renewAt = Math.min(renewalOf(leaf), renewalOf(signer));
  if (living.length <= 1) return { action: 'Keep', checkAt: renewAt };
  if (now < retireAt) return { action: 'Keep', checkAt: Math.min(renewAt, retireAt) };
  const nothingNew = { newAuthority: false, newLeaf: false };
  return write(nothingNew, 'no leaf of the former authority is valid any longer', [pemOf(signer)]);
}

function usableSigner({ authorities, caKey }: ReadSet, now: number): X509Certificate | undefined {
  const [first] = authorities;
  if (first === undefined || caKey === undefined) return undefined;
  return first.ca && isValidAt(first, now) && isPairOf(first, caKey) ? first : undefined;
}

function whyLeafUnusable(
  { leaf, leafKey }: ReadSet,
  living: readonly X509Certificate[],
  { dnsNames, ips }: DesiredCertificate,
  now: number,
): string | undefined {
  if (leaf === undefined || leafKey === undefined) return 'the leaf or its key is broken';
  if (!isPairOf(leaf, leafKey)) return 'the leaf does not match its key';
  if (!isValidAt(leaf, now)) return 'the leaf is not valid now';
  if (!living.some((authority) => isSignedBy(leaf, authority))) {
    return 'no authority of the bundle signed the leaf';
  }
  const missing = [
    ...dnsNames.filter((name) => leaf.checkHost(name) === undefined),
    ...ips.filter((ip) => leaf.checkIP(ip) === undefined),
  ];
  return missing.length === 0 ? undefined : `the leaf does not cover ${missing.join(', ')}`;
}

const write = (
  what: { readonly newAuthority: boolean; readonly newLeaf: boolean },
  reason: string,
  keep: readonly string[] = [],
): Extract<CertificatePlan, { action: 'Write' }> => ({
  action: 'Write',
  ...what,
  keep,
  reason,
  broken: false,
});

const pemOf = (certificate: X509Certificate): string => certificate.toString();
