// SPDX-License-Identifier: Apache-2.0

/** Ends an evaluation that does more than its limit allows. */
export class TooExpensive extends Error {
  constructor() {
    super('the evaluation costs too much');
  }
}

/**
 * Counts what an evaluation costs. CEL has no endless loops, but nested ones over long lists can
 * run for hours, and `&&` and `exists` go on after an error: once spent, everything fails.
 */
export class Meter {
  #left = 0;
  readonly #error = new TooExpensive();

  start(limit: number): void {
    this.#left = limit;
  }

  get isSpent(): boolean {
    return this.#left < 0;
  }

  /** Throws when the limit is exceeded. */
  charge(cost: number): void {
    this.#left -= cost;
    // One error for all: a stack trace for each step would cost more than the step.
    if (this.#left < 0) throw this.#error;
  }
}
