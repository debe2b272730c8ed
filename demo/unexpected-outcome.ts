// SPDX-License-Identifier: Apache-2.0

/** The story took another turn: the sentence that was not true, and what was seen instead. */
export class UnexpectedOutcome extends Error {
  override readonly name = 'UnexpectedOutcome';
  readonly sentence: string;
  readonly seen: string;

  constructor(sentence: string, seen: string) {
    super(`not true: "${sentence}"; seen: ${seen}`);
    this.sentence = sentence;
    this.seen = seen;
  }
}
