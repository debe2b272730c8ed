// SPDX-License-Identifier: Apache-2.0
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

interface Hmac {
  update(text: string): Hmac;
  digest(encoding: 'hex'): string;
}

interface NodeCrypto {
  hash(algorithm: 'sha256', text: string, encoding: 'hex'): string;
  createSecretKey(key: Uint8Array): object;
  createHmac(algorithm: 'sha256', key: object): Hmac;
}

declare const process:
  { readonly getBuiltinModule?: (id: 'node:crypto') => NodeCrypto } | undefined;

/**
 * Ten times as fast as the JavaScript implementation, which returns the same digits where Node is
 * not available.
 */
const native =
  typeof process === 'undefined' ? undefined : process.getBuiltinModule?.('node:crypto');

/** SHA-256 of the text's UTF-8, in hex. */
export const sha256Hex = (text: string): string =>
  native?.hash('sha256', text, 'hex') ?? portableSha256(text);

/** HMAC-SHA-256 of a text's UTF-8 under the key, in hex. */
export function hmacSha256Hex(key: Uint8Array): (text: string) => string {
  if (native === undefined) return portableHmac(key);
  const crypto = native;
  const secret = crypto.createSecretKey(key);
  return (text) => crypto.createHmac('sha256', secret).update(text).digest('hex');
}

export const portableSha256 = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)));

export const portableHmac =
  (key: Uint8Array) =>
  (text: string): string =>
    bytesToHex(hmac(sha256, key, utf8ToBytes(text)));

export const utf8Length = (text: string): number => utf8ToBytes(text).length;
