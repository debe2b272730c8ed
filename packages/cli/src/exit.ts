// SPDX-License-Identifier: Apache-2.0

/** Exit codes, part of the contract with scripts. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  unreachable: 4,
  unconfirmed: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each code means, for `--help` and the reference. */
export const EXIT_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT.ok, 'done'],
  [EXIT.failed, 'refused or failed; the message says why'],
  [EXIT.usage, 'the command line is wrong'],
  [EXIT.notFound, 'no such object, or nothing to do to it; also when the CRDs are missing'],
  [EXIT.unreachable, 'the API server cannot be reached, or forbids the call'],
  [EXIT.unconfirmed, 'written, but what should follow was not seen in time'],
];

/** A failure with its exit code and, where there is one, the cure. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: ExitCode;
  readonly hint: string | undefined;

  constructor(code: ExitCode, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
