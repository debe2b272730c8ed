// SPDX-License-Identifier: Apache-2.0
import {
  API_VERSION,
  CHANGE_APPROVALS,
  CHANGE_WORKLOADS,
  type ChangeApproval,
  type ChangeWorkload,
  type DecisionAction,
} from '@altershield/api';
import { keyOf, type KubeObject } from '@altershield/kube';
import { isOver, phaseOf } from '@altershield/core';
import { isBeingDeleted, isQuarantined, noRollback, targetName } from '../change.ts';
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
  /** Only for `approve`: the batch, where it is not the one that waits. */
  readonly batch?: number;
  /** Only for `approve`: how long the approval counts. Seconds. */
  readonly expires?: number;
  /** How long to wait for the operator. Seconds. */
  readonly timeout: number;
}

interface DecisionCommand {
  readonly action: DecisionAction;
  /** The verb in a sentence. */
  readonly phrase: string;
  /** The reason why the decision does not apply to a change; undefined if it does. */
  readonly rejection: (record: ChangeWorkload, now: number) => string | undefined;
}

const DECISION_COMMANDS = {
  approve: { action: 'Approve', phrase: 'approve', rejection: rejectEnded },
  reject: { action: 'Reject', phrase: 'reject', rejection: rejectEnded },
  pause: {
    action: 'Pause',
    phrase: 'pause',
    rejection: (record) =>
      phaseOf(record) === 'Suspend' ? 'it is suspended already' : rejectEnded(record),
  },
  resume: {
    action: 'Resume',
    phrase: 'resume',
    rejection: (record) =>
      phaseOf(record) === 'Suspend'
        ? undefined
        : `it is ${phaseOf(record)}; only a suspended change can be resumed`,
  },
  skip: {
    action: 'Skip',
    phrase: 'skip the batch of',
    rejection: (record) =>
      ['Running', 'TimeOutPreThreshold'].includes(phaseOf(record))
        ? undefined
        : `it is ${phaseOf(record)}; only a batch in progress can be skipped`,
  },
  rollback: { action: 'RollBack', phrase: 'roll back', rejection: rejectRollback },
  lift: {
    action: 'Lift',
    phrase: 'lift',
    rejection: (record, now) =>
      isQuarantined(record, now)
        ? undefined
        : 'its revision is not quarantined, so there is nothing to lift',
  },
} as const satisfies Record<string, DecisionCommand>;

export type Verb = keyof typeof DECISION_COMMANDS;

function rejectEnded(record: ChangeWorkload): string | undefined {
  const phase = phaseOf(record);
  if (isOver(phase)) return `it ended (${phase})`;
  return phase === 'RollingBack' ? 'it is being rolled back' : undefined;
}

/** A finished change can also be rolled back, as long as its revision runs. */
function rejectRollback(record: ChangeWorkload): string | undefined {
  const phase = phaseOf(record);
  if (phase === 'RolledBack' || phase === 'Superseded') return `it ended (${phase})`;
  if (phase === 'RollingBack') return 'it is already being rolled back';
  const { from, target } = record.spec;
  const never = noRollback(record);
  if (never !== undefined) return `a ${target.kind} has no rollback: ${never}`;
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

/** `altershield approve|reject|… TARGET`: writes a user's decision and prints the result. */
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
      throw new CliError(
        EXIT.notFound,
        `cannot ${DECISION_COMMANDS[verb].phrase} ${which}: ${why}`,
        hint,
      );
    }
    const written = await write(cli, session, verb, { record, options });
    const answered = await confirm(cli, session, options, { written, record });
    await report(cli, session, verb, { answered, record });
  });
}

/** Admission sets author and time, and denies a decision that cannot have an effect. */
function write(
  { scheduler }: CommandContext,
  { client }: Session,
  verb: Verb,
  { record, options }: { record: ChangeWorkload; options: DecideOptions },
): Promise<Decided> {
  const { name, uid, namespace = '' } = record.metadata;
  const { reason, batch, expires } = options;
  const owner = { apiVersion: API_VERSION, kind: CHANGE_WORKLOADS.kind, name, uid };
  return client.create<Decided>(CHANGE_APPROVALS, namespace, {
    apiVersion: API_VERSION,
    kind: CHANGE_APPROVALS.kind,
    metadata: { generateName: `${name.slice(0, 200)}-`, namespace, ownerReferences: [owner] },
    spec: {
      change: { name, uid },
      decision: DECISION_COMMANDS[verb].action,
      ...(reason === undefined ? {} : { reason }),
      ...(batch === undefined ? {} : { batch }),
      ...(expires === undefined
        ? {}
        : { expiresAt: new Date(scheduler.now() + expires * 1000).toISOString() }),
    },
  });
}

type Decided = KubeObject & ChangeApproval;

const effectOf = ({ status }: ChangeApproval) =>
  status?.conditions?.find(({ type }) => type === 'Effective');

/** The decision once the operator answered it. Throws after the timeout. */
async function confirm(
  { io, scheduler }: CommandContext,
  { client }: Session,
  { timeout }: DecideOptions,
  { written, record }: { written: Decided; record: ChangeWorkload },
): Promise<Decided> {
  const { author, decision, batch } = written.spec;
  const who = author === undefined ? '' : ` by ${author.user}`;
  const { total } = record.status?.batch ?? {};
  const part =
    batch === undefined ? '' : `batch ${batch}${total === undefined ? '' : ` of ${total}`} of `;
  const what = `${part}${targetName(record.spec.target)} change ${record.spec.sequence}`;
  io.err(printable(`${decision} of ${what} recorded${who}; waiting for the operator`));
  const seen = await waitUntil<Decided>(written, {
    client,
    scheduler,
    resource: CHANGE_APPROVALS,
    until: (each) => effectOf(each) !== undefined,
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

async function report(
  cli: CommandContext,
  { client }: Session,
  verb: Verb,
  { answered, record }: { answered: Decided; record: ChangeWorkload },
): Promise<void> {
  const now = await client.get<KubeObject & ChangeWorkload>(CHANGE_WORKLOADS, keyOf(record));
  const lines = headline(printable(now), viewOf(cli));
  const { status, message = '' } = effectOf(answered) ?? {};
  if (status !== 'True') {
    const why = [`the decision had no effect: ${printable(message)}`, ...lines].join('\n');
    throw new CliError(EXIT.failed, why);
  }
  const more =
    verb === 'lift' ? LIFTED : verb === 'approve' ? `Approved: ${printable(message)}.` : '';
  cli.io.out([...lines, ...(more === '' ? [] : [`  ${more}`])].join('\n'));
}
