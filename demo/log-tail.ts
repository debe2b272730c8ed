// SPDX-License-Identifier: Apache-2.0
import type { LogDestination } from '@altershield/kube';

const KEPT = 15;

/** Keeps the last lines that are written to it. */
export function lastLines(): LogDestination & { readonly lines: () => readonly string[] } {
  const kept: string[] = [];
  return {
    write: (line) => {
      kept.push(line.trimEnd());
      if (kept.length > KEPT) kept.shift();
    },
    lines: () => kept,
  };
}
