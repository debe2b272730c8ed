// SPDX-License-Identifier: Apache-2.0
import type { CertificateSet } from '../../../kube/src/webhook/certificates/certificate-set.ts';
import { issueAuthority, issueLeaf } from '../../../kube/src/webhook/certificates/issue.ts';

export const DAY = 86_400_000;

/** A new authority and a leaf for loopback. */
export async function newSet(
  now: number,
  { dnsNames = ['hook.system.svc'], ips = ['127.0.0.1'] } = {},
): Promise<CertificateSet> {
  const authority = await issueAuthority('test-ca', { now, lifetimeMs: 3650 * DAY });
  const leaf = await issueLeaf({ authority, dnsNames, ips, now, lifetimeMs: 90 * DAY });
  return { ...leaf, caBundle: authority.cert, caKey: authority.key };
}
