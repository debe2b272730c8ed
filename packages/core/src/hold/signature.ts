// SPDX-License-Identifier: Apache-2.0
import { canonicalJson } from '../json/canonical.ts';
import { hmacSha256Hex } from '../json/sha256.ts';

/** Proves that we wrote a value: HMAC-SHA-256 under a key that only the operator's replicas have. */
export type Signer = (value: unknown) => string;

/** @param key at least 32 random bytes, shared by all replicas */
export function signWith(key: Uint8Array): Signer {
  const mac = hmacSha256Hex(key);
  return (value) => mac(canonicalJson(value)).slice(0, 32);
}

/** Sealed text: JSON of the value with its signature over the value and what it belongs to. */
export function sign(value: object, owner: string, signer: Signer): string {
  return JSON.stringify({ ...value, sig: signer({ owner, value }) });
}

/** The value of a sealed text, or the sentence that says why it can't be trusted. */
export function verify(
  text: string,
  owner: string,
  signer: Signer,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly why: string } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { ok: false, why: 'it is not JSON' };
  }
  if (typeof parsed !== 'object' || parsed === null || !('sig' in parsed)) {
    return { ok: false, why: 'it has no signature' };
  }
  const { sig, ...value } = parsed;
  if (sig !== signer({ owner, value })) return { ok: false, why: 'its signature does not match' };
  return { ok: true, value };
}
