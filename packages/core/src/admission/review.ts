// SPDX-License-Identifier: Apache-2.0
import type { PatchOp } from '../json/patch.ts';

/** An admission request, reduced to what decisions need. */
export interface Request<T> {
  readonly id: string;
  readonly operation: 'CREATE' | 'UPDATE';
  readonly namespace: string;
  readonly user: {
    readonly name: string;
    readonly uid?: string;
    readonly groups?: readonly string[];
  };
  readonly fieldManager?: string;
  readonly object: T;
  readonly oldObject?: T;
}

export type Review =
  | {
      readonly allowed: true;
      readonly patch: readonly PatchOp[];
      readonly warnings: readonly string[];
    }
  | {
      readonly allowed: false;
      readonly reason: 'Forbidden' | 'Invalid';
      readonly message: string;
    };

export const allow = (
  patch: readonly PatchOp[] = [],
  warnings: readonly string[] = [],
): Review => ({
  allowed: true,
  patch,
  warnings,
});

export const deny = (reason: 'Forbidden' | 'Invalid', message: string): Review => ({
  allowed: false,
  reason,
  message,
});
