// SPDX-License-Identifier: Apache-2.0
import { shortHash } from '../json/canonical.ts';

const MAX_NAME = 240;

/**
 * `deployment-checkout-4` is the fourth change of Deployment checkout. Long names are truncated and
 * get a hash.
 */
export function changeName(kind: string, name: string, sequence: number): string {
  const prefix = `${kind.toLowerCase()}-${name}`;
  const fits = prefix.length <= MAX_NAME - 12;
  const base = fits ? prefix : `${prefix.slice(0, MAX_NAME - 40)}-${shortHash(prefix)}`;
  return `${base}-${sequence}`;
}

/** The name of the ChangePod of one batch of a change. */
export const batchName = (change: string, index: number): string => `${change}-b${index}`;
