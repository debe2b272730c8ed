// SPDX-License-Identifier: Apache-2.0
import { CHANGE_WORKLOADS, type ChangeWorkload, type DecisionAction } from '@altershield/api';
import { keyOf } from '@altershield/kube';
import { isOver, phaseOf } from '@altershield/core';
import { isBeingDeleted, isQuarantined, targetName } from '../change.ts';
import {
  viewOf,
  withSession,
  type CommandContext,
  type GlobalOptions,
  type Session,
} from '../cli.ts';
import { findChanges } from '../cluster/find.ts';
import { waitUntil } from '../cluster/wait.ts';
import { CliError, EXIT } from '../exit.ts';
import { headline } from '../render/headline.ts';
import { printable } from '../render/style.ts';
import { describeTarget, parseTarget } from '../target.ts';

export interface DecideOptions extends GlobalOptions {
  readonly reason?: string;
  /** How long to wait for the operator. Seconds. */
  readonly timeout: number;
}

interface DecisionCommand {
  readonly action: DecisionAction;
  /** The reason why the decision does not apply to a change; undefined if it does. */
  readonly rejection: (record: ChangeWorkload, now: number) => string | undefined;
  /** Whether the operator carried it out. */
  readonly isDone: (record: ChangeWorkload) => boolean;
}

const DECISION_COMMANDS = {
  resume: {
    action: 'Resume',
    rejection: (record) =>
      phaseOf(record) === 'Suspend'
        ? undefined
        : `it is ${phaseOf(record)}; only a suspended change can be resumed`,
    isDone: (record) => phaseOf(record) !== 'Suspend',
  },
  rollback: {
    action: 'RollBack',
    rejection: rejectRollback,
    isDone: (record) => ['RollingBack', 'RolledBack'].includes(phaseOf(record)),
  },
  lift: {
    action: 'Lift',
    rejection: (record, now) =>
      isQuarantined(record, now)
        ? undefined
        : 'its revision is not quarantined, so there is nothing to lift',
    isDone: ({ status }) => status?.quarantine?.lifted !== undefined,
  },
} as const satisfies Record<string, DecisionCommand>;

export type Verb = keyof typeof DECISION_COMMANDS;

const VERB_PHRASE: Readonly<Record<Verb, string>> = {
  resume: 'resume',
  rollback: 'roll back',
  lift: 'lift',
};

/** A finished change can also be rolled back, as long as its revision runs. */
function rejectRollback(record: ChangeWorkload): string | undefined {
  const phase = phaseOf(record);
  if (phase === 'RolledBack' || phase === 'Superseded') return `it ended (${phase})`;
  if (phase === 'RollingBack') return 'it is already being rolled back';
  const { from } = record.spec;
  if (from === undefined) return 'it created the workload; there is no revision to roll back to';
  return from.verified ? undefined : 'the revision before it was never verified; apply a good one';
}

const rejectionOf = (verb: Verb, record: ChangeWorkload, now: number): string | undefined =>
  isBeingDeleted(record) ? 'it is being deleted' : DECISION_COMMANDS[verb].rejection(record, now);

/** The matching change: of finished ones, only the newest can be running. */
function pick(
  verb: Verb,
  found: readonly ChangeWorkload[],
  now: number,
): ChangeWorkload | undefined {
  return found.find(
    (record, index) =>
      rejectionOf(verb, record, now) === undefined &&
      (verb !== 'rollback' || index === 0 || !isOver(phaseOf(record))),
  );
}

/** `altershield lift|resume|rollback TARGET`: writes a user's decision and prints the result. */
export async function decide(
  cli: CommandContext,
  verb: Verb,
  words: readonly string[],
  options: DecideOptions,
): Promise<void> {
  const target = parseTarget(words);
  await withSession(cli, options, async (session) => {
    const namespace = options.namespace ?? session.namespace;
    const found = await findChanges(session.client, namespace, target);
    const now = cli.scheduler.now();
    const [newest] = found;
    const record = pick(verb, found, now);
    if (record === undefined) {
      const why = rejectionOf(verb, newest, now) ?? '';
      const which = `change ${newest.spec.sequence} of ${targetName(newest.spec.target)}`;
      const hint = `\`altershield why ${describeTarget(target)} -n ${namespace}\` shows its status`;
      throw new CliError(EXIT.notFound, `cannot ${VERB_PHRASE[verb]} ${which}: ${why}`, hint);
    }
    const written = await write(cli, session, verb, { record, options });
    report(cli, verb, await confirm(cli, session, options, written));
  });
}

/**
 * Admission sets `by` and `at`. The client sends `at` and removes an older `by`, so that without
 * admission the decision counts as a new one of an unknown user.
 */
async function write(
  { scheduler }: CommandContext,
  { client }: Session,
  verb: Verb,
  { record, options }: { record: ChangeWorkload; options: DecideOptions },
): Promise<ChangeWorkload> {
  const { action } = DECISION_COMMANDS[verb];
  const at = new Date(scheduler.now()).toISOString();
  const decision = { action, reason: options.reason ?? null, by: null, at };
  const body = { metadata: { uid: record.metadata.uid }, spec: { decision } };
  return client.patch<ChangeWorkload>(CHANGE_WORKLOADS, keyOf(record), { type: 'merge', body });
}

/** The record after the operator processed the decision. Throws after the timeout. */
async function confirm(
  { io, scheduler }: CommandContext,
  { client }: Session,
  { timeout }: DecideOptions,
  written: ChangeWorkload,
): Promise<ChangeWorkload> {
  const { action = '', by, at = '' } = written.spec.decision ?? {};
  const who = by === undefined ? '' : ` by ${by}`;
  const what = `${targetName(written.spec.target)} change ${written.spec.sequence}`;
  io.err(printable(`${action} of ${what} recorded${who}; waiting for the operator`));
  const seen = await waitUntil(written, {
    client,
    scheduler,
    resource: CHANGE_WORKLOADS,
    until: ({ status }) => status?.observedDecision === `${action} ${at}`,
    timeoutMs: timeout * 1000,
  });
  if (seen !== undefined) return seen;
  throw new CliError(
    EXIT.unconfirmed,
    `the decision is recorded, but the operator did not act on it within ${timeout} s`,
    'it acts when it runs again; check with `altershield version`',
  );
}

const LIFTED = 'Its revision is allowed again: apply it when you are ready.';

function report(cli: CommandContext, verb: Verb, seen: ChangeWorkload): void {
  const lines = headline(printable(seen), viewOf(cli)).join('\n');
  if (DECISION_COMMANDS[verb].isDone(seen))
    cli.io.out(verb === 'lift' ? `${lines}\n  ${LIFTED}` : lines);
  else throw new CliError(EXIT.failed, `the operator did not carry it out:\n${lines}`);
}
