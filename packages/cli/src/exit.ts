// SPDX-License-Identifier: Apache-2.0

/** Exit codes, part of the contract with scripts. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  unreachable: 4,
  unconfirmed: 5,
  rolledBack: 6,
  suspended: 7,
  noChange: 8,
  timedOut: 124,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Descriptions of the exit codes, for `--help` and the reference. */
export const EXIT_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT.ok, 'done'],
  [
    EXIT.failed,
    'denied or failed; see the message. `status --wait`: the change failed or was superseded',
  ],
  [EXIT.usage, 'invalid command line'],
  [EXIT.notFound, 'no such object, or no action applies to it; also when the CRDs are missing'],
  [EXIT.unreachable, 'the API server is unreachable or denies the call'],
  [EXIT.unconfirmed, 'the decision is recorded, but the operator did not act on it in time'],
  [EXIT.rolledBack, '`status --wait`: the change was rolled back'],
  [EXIT.suspended, '`status --wait`: the change is suspended and needs a decision'],
  [EXIT.noChange, '`status --wait`: no change to wait for, or no policy matches the workload'],
  [EXIT.timedOut, '`status --wait`: the change did not end in time'],
];

/** A failure with its exit code and, where there is one, a hint. */
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
