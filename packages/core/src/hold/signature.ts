// SPDX-License-Identifier: Apache-2.0
import { canonicalJson } from '../json/canonical.ts';
import { hmacSha256Hex } from '../json/sha256.ts';

/** Signs a value of the operator: HMAC-SHA-256 with a key that only its replicas have. */
export type Signer = (value: unknown) => string;

/** @param key at least 32 random bytes, shared by all replicas */
export function signWith(key: Uint8Array): Signer {
  const mac = hmacSha256Hex(key);
  return (value) => mac(canonicalJson(value)).slice(0, 32);
}

/** JSON of the value with a signature over the value and the object it belongs to. */
export function sign(value: object, owner: string, signer: Signer): string {
  return JSON.stringify({ ...value, sig: signer({ owner, value }) });
}

/** The value of a signed text, or a sentence that says why the text cannot be trusted. */
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
