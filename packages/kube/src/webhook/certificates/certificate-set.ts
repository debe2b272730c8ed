// SPDX-License-Identifier: Apache-2.0
import { type KeyObject, X509Certificate, createPrivateKey } from 'node:crypto';

/** The certificates that the replicas share, all in PEM. */
export interface CertificateSet {
  /** The leaf that servers present. */
  readonly cert: string;
  readonly key: string;
  /** The authority that signs now, then former ones whose leaves may still be in use. */
  readonly caBundle: string;
  /** Key of the first certificate of `caBundle`. */
  readonly caKey: string;
}

/** The parts of a set that could be read, each absent when its PEM is broken. */
export interface ReadSet {
  readonly leaf: X509Certificate | undefined;
  readonly leafKey: KeyObject | undefined;
  readonly authorities: readonly X509Certificate[];
  readonly caKey: KeyObject | undefined;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Never throws: unreadable parts are absent. */
export function readSet({ cert, key, caBundle, caKey }: CertificateSet): ReadSet {
  return {
    leaf: readCertificates(cert)[0],
    leafKey: readKey(key),
    authorities: readCertificates(caBundle),
    caKey: readKey(caKey),
  };
}

/** The readable certificates of a bundle, in order. */
export function readCertificates(pem: string): X509Certificate[] {
  return [...pem.matchAll(CERTIFICATE)].flatMap(([block]) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

function readKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

export const isPairOf = (certificate: X509Certificate, key: KeyObject): boolean =>
  key.asymmetricKeyDetails?.namedCurve === 'prime256v1' && certificate.checkPrivateKey(key);

export const isSignedBy = (certificate: X509Certificate, authority: X509Certificate): boolean =>
  certificate.checkIssued(authority) && certificate.verify(authority.publicKey);

export const startOf = (certificate: X509Certificate): number =>
  certificate.validFromDate.getTime();

/** Milliseconds since the epoch after which the certificate is invalid. */
export const endOf = (certificate: X509Certificate): number => certificate.validToDate.getTime();

export const isValidAt = (certificate: X509Certificate, now: number): boolean =>
  startOf(certificate) <= now && now < endOf(certificate);

/** When two thirds of its life are over: time for a successor, with the last third as margin. */
export const renewalOf = (certificate: X509Certificate): number =>
  startOf(certificate) + ((endOf(certificate) - startOf(certificate)) * 2) / 3;
