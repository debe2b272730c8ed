// SPDX-License-Identifier: Apache-2.0
// Must come first: @peculiar/x509 registers its algorithms through it.
import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { createPrivateKey, webcrypto } from 'node:crypto';

/** A certificate with its private key (PKCS#8), both PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

export interface Validity {
  readonly now: number;
  readonly lifetimeMs: number;
}

export interface LeafRequest extends Validity {
  readonly authority: Issued;
  readonly dnsNames: readonly string[];
  readonly ips: readonly string[];
}

/** The certificates to issue; plain data, because it is sent to a child process. */
export interface IssueRequest {
  readonly now: number;
  /** The signing authority, or the parameters of a new one. */
  readonly authority: Issued | { readonly commonName: string; readonly lifetimeMs: number };
  /** The leaf to issue, if any. */
  readonly leaf?: Omit<LeafRequest, 'authority' | 'now'>;
}

export interface IssuedPair {
  readonly authority: Issued;
  readonly leaf?: Issued;
}

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Clients whose clocks lag a little must accept a new certificate. */
const BACKDATED_MS = 5 * 60_000;
const MAX_COMMON_NAME = 64;

/** Issues the requested leaf, and the signing authority first if a new one is requested. */
export async function issue({ now, authority: wanted, leaf }: IssueRequest): Promise<IssuedPair> {
  const authority =
    'cert' in wanted
      ? wanted
      : await issueAuthority(wanted.commonName, { now, lifetimeMs: wanted.lifetimeMs });
  if (leaf === undefined) return { authority };
  return { authority, leaf: await issueLeaf({ ...leaf, authority, now }) };
}

/** Makes a self-signed authority. */
export async function issueAuthority(commonName: string, validity: Validity): Promise<Issued> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName.slice(0, MAX_COMMON_NAME)] }],
    keys,
    signingAlgorithm: ECDSA,
    ...datesOf(validity),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pemOf(certificate), key: await exportKey(keys.privateKey) };
}

/** Makes a server certificate; it never outlives its authority. */
export async function issueLeaf({
  authority,
  dnsNames,
  ips,
  ...validity
}: LeafRequest): Promise<Issued> {
  const issuer = new X509Certificate(authority.cert);
  const keys = await generateKeys();
  const { notBefore, notAfter } = datesOf(validity);
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [(dnsNames[0] ?? ips[0] ?? 'server').slice(0, MAX_COMMON_NAME)] }],
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: ECDSA,
    notBefore: new Date(Math.max(notBefore.getTime(), issuer.notBefore.getTime())),
    notAfter: new Date(Math.min(notAfter.getTime(), issuer.notAfter.getTime())),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        ...dnsNames.map((value) => ({ type: 'dns', value }) as const),
        ...ips.map((value) => ({ type: 'ip', value }) as const),
      ]),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pemOf(certificate), key: await exportKey(keys.privateKey) };
}

const generateKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, ECDSA, false, ['sign']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n');
}

const datesOf = ({ now, lifetimeMs }: Validity): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(now - BACKDATED_MS),
  notAfter: new Date(now - BACKDATED_MS + lifetimeMs),
});

const pemOf = (certificate: X509Certificate): string => `${certificate.toString('pem').trim()}\n`;
