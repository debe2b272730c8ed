// SPDX-License-Identifier: Apache-2.0
import type { Table } from './table.ts';

export interface Result {
  readonly tables: readonly Table[];
  /** What a reader must know to read the tables; one paragraph each. */
  readonly notes: readonly string[];
}

/** One group of measurements. */
export interface Section {
  readonly name: string;
  readonly title: string;
  /** Measures; says on the way what it does. Leaves no process behind, whether it succeeds or throws. */
  readonly run: (say: (line: string) => void) => Promise<Result>;
}
