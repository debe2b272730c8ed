// SPDX-License-Identifier: Apache-2.0
import { NotAsTold } from './not-as-told.ts';

/** What the audience gets to read. */
export interface Audience {
  chapter(title: string): void;
  /** What is about to happen. */
  say(text: string): void;
  /** What was seen to be true. */
  fact(text: string): void;
  /** Something to apply, indented. */
  quote(text: string): void;
  /** What a program printed, as it is. */
  show(text: string): void;
}

/** Tells a sentence only if it is true. */
export function tell(audience: Audience, sentence: string, isTrue: boolean, seen: string): void {
  if (!isTrue) throw new NotAsTold(sentence, seen);
  audience.fact(sentence);
}
