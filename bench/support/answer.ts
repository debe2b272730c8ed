// SPDX-License-Identifier: Apache-2.0

export type Methods = Readonly<Record<string, (argument: never) => unknown>>;

export interface Question {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Answers the parent process by calling these methods, until the parent goes. */
export function answerParent(methods: Methods): void {
  process.on('message', (question: Question) => {
    void answer(methods, question).then((reply) => process.send?.(reply));
  });
  process.on('disconnect', () => {
    process.exit(0);
  });
}

async function answer(methods: Methods, { id, method, argument }: Question): Promise<Answer> {
  try {
    // The parent is typed by the same methods.
    const call = methods[method] as ((argument: unknown) => unknown) | undefined;
    if (call === undefined) throw new Error(`there is no method ${method}`);
    return { id, value: await call(argument) };
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
