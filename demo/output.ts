// SPDX-License-Identifier: Apache-2.0
import { UnexpectedOutcome } from './unexpected-outcome.ts';

/** What the audience gets to read. */
export interface Output {
  chapter(title: string): void;
  /** What is about to happen. */
  announce(text: string): void;
  /** What was seen to be true. */
  fact(text: string): void;
  /** Something to apply, indented. */
  quote(text: string): void;
  /** What a program printed, as it is. */
  show(text: string): void;
}

/** Tells a sentence only if it is true. */
export function assertFact(output: Output, sentence: string, isTrue: boolean, seen: string): void {
  if (!isTrue) throw new UnexpectedOutcome(sentence, seen);
  output.fact(sentence);
}
