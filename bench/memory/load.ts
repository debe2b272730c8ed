// SPDX-License-Identifier: Apache-2.0
import type { Blocks } from '../support/block-meter.ts';
import type { Memory } from '../support/gc.ts';

/** What became of a process that took in a cluster. */
export interface Load {
  readonly idle: Memory;
  readonly full: Memory;
  /** From the start to the last list. */
  readonly syncedMs: number;
  readonly cpuMs: number;
  readonly blocks: Blocks;
  readonly objects: number;
}
