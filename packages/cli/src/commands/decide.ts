// SPDX-License-Identifier: Apache-2.0
import { type ChangeWorkload, type DecisionAction } from '@altershield/api';
import { keyOf } from '@altershield/kube';
import { isOver, isQuarantined, phaseOf, targetName } from '../change.ts';
import { viewOf, withSession, type Cli, type Globals, type Session } from '../cli.ts';
import { findChanges } from '../cluster/find.ts';
import { CHANGES } from '../cluster/resources.ts';
import { waitUntil } from '../cluster/wait.ts';
import { CliError, EXIT } from '../exit.ts';
import { headline } from '../render/headline.ts';
import { printable } from '../render/style.ts';
import { describeTarget, parseTarget } from '../target.ts';

export interface DecideOptions extends Globals {
  readonly reason?: string;
  /** How long to wait for the operator. Seconds. */
  readonly timeout: number;
}

interface Decision {
  readonly action: DecisionAction;
  /** Whether the decision makes sense for a change, and if not, why. */
  readonly refusal: (record: ChangeWorkload, now: number) => string | undefined;
}

const DECISIONS = {
  resume: {
    action: 'Resume',
    refusal: (record) =>
      phaseOf(record) === 'Suspend'
        ? undefined
        : `it is ${phaseOf(record)}; only a suspended change can be resumed`,
  },
  rollback: { action: 'RollBack', refusal: refuseRollback },
  lift: {
    action: 'Lift',
    refusal: (record, now) =>
      isQuarantined(record, now)
        ? undefined
        : 'its revision is not refused, so there is nothing to lift',
  },
} as const satisfies Record<string, Decision>;

export type Verb = keyof typeof DECISIONS;

function refuseRollback(record: ChangeWorkload): string | undefined {
  if (isOver(record))
    return `it ended (${phaseOf(record)}); to go back from it, apply the revision before`;
  if (phaseOf(record) === 'RollingBack') return 'it is being rolled back already';
  if (record.spec.from === undefined)
    return 'it created the workload; there is no revision to go back to';
  return undefined;
}

/** `altershield lift|resume|rollback TARGET`: writes a person's decision and tells what follows. */
export async function decide(
  cli: Cli,
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
    const record = found.find((change) => DECISIONS[verb].refusal(change, now) === undefined);
    if (record === undefined) {
      const why = DECISIONS[verb].refusal(newest, now) ?? '';
      const which = `change ${newest.spec.sequence} of ${targetName(newest.spec.target)}`;
      const hint = `\`altershield why ${describeTarget(target)} -n ${namespace}\` tells where it stands`;
      throw new CliError(EXIT.notFound, `cannot ${verb} ${which}: ${why}`, hint);
    }
    await confirm(cli, session, options, await write(cli, session, verb, { record, options }));
  });
}

/**
 * `by` and `at` are stamped at admission. `at` is sent all the same, and an older `by` taken away: so
 * a decision stands as a new one, by nobody known, when admission is down.
 */
async function write(
  { scheduler }: Cli,
  { client }: Session,
  verb: Verb,
  { record, options }: { record: ChangeWorkload; options: DecideOptions },
): Promise<ChangeWorkload> {
  const { action } = DECISIONS[verb];
  const at = new Date(scheduler.now()).toISOString();
  const decision = { action, reason: options.reason ?? null, by: null, at };
  const body = { metadata: { uid: record.metadata.uid }, spec: { decision } };
  return client.patch<ChangeWorkload>(CHANGES, keyOf(record), { type: 'merge', body });
}

async function confirm(
  cli: Cli,
  { client }: Session,
  { timeout }: DecideOptions,
  written: ChangeWorkload,
): Promise<void> {
  const { decision } = written.spec;
  const who = decision?.by === undefined ? '' : ` by ${decision.by}`;
  const what = `${targetName(written.spec.target)} change ${written.spec.sequence}`;
  cli.io.err(
    printable(`${decision?.action ?? ''} of ${what} recorded${who}; waiting for the operator`),
  );
  const { scheduler } = cli;
  const seen = await waitUntil(written, {
    client,
    scheduler,
    resource: CHANGES,
    until: ({ status }) =>
      status?.decisionSeen !== undefined && status.decisionSeen === decision?.at,
    timeoutMs: timeout * 1000,
  });
  if (seen !== undefined) {
    cli.io.out(headline(printable(seen), viewOf(cli)).join('\n'));
    return;
  }
  throw new CliError(
    EXIT.unconfirmed,
    `the decision is recorded, but the operator did not act on it within ${timeout} s`,
    'it will when it runs again: `altershield version` shows whether it does',
  );
}
