// SPDX-License-Identifier: Apache-2.0
import { webcrypto } from 'node:crypto';
// Loaded late by what is tested, which takes real time, too.
import './issue.ts';

const ASYNC = ['generateKey', 'importKey', 'exportKey', 'sign', 'verify', 'digest'] as const;
type Method = (...args: readonly unknown[]) => Promise<unknown>;

let running = 0;
const subtle = webcrypto.subtle as unknown as Record<string, Method>;
for (const name of ASYNC) {
  const original = subtle[name]?.bind(webcrypto.subtle);
  if (original === undefined) throw new Error(`count calls of WebCrypto: there is no ${name}`);
  subtle[name] = async (...args) => {
    running += 1;
    try {
      return await original(...args);
    } finally {
      running -= 1;
    }
  };
}

/** Cryptography takes real time off the event loop, which a virtual clock does not wait for: true while some goes on. */
export const isCryptoRunning = (): boolean => running > 0;
