// SPDX-License-Identifier: Apache-2.0
import { CHANGE_WORKLOADS, LABELS, type ChangeWorkload } from '@altershield/api';
import { fingerprint, templateOf } from '@altershield/core';
import { newestFirst, recordOf, targetName, type WorkloadState } from '../change.ts';
import {
  viewOf,
  withSession,
  type CommandContext,
  type GlobalOptions,
  type Session,
} from '../cli.ts';
import { coverageOf, getWorkload, type Workload } from '../cluster/coverage.ts';
import { findChanges } from '../cluster/find.ts';
import { Follower } from '../cluster/follow.ts';
import { operatorAbsence } from '../cluster/operator.ts';
import { listChanges } from '../cluster/records.ts';
import { CliError, EXIT } from '../exit.ts';
import { duration } from '../render/age.ts';
import { headline } from '../render/headline.ts';
import { outcomeOf, progress } from '../render/progress.ts';
import { structured, type Format } from '../render/structured.ts';
import { printable } from '../render/style.ts';
import { describeTarget, parseTarget, type Target } from '../target.ts';

export interface StatusOptions extends GlobalOptions {
  readonly wait?: true;
  /** Only a change seen since then is waited for; milliseconds since the epoch. */
  readonly sinceTime?: number;
  /** How long to wait for the end. Seconds. */
  readonly timeout: number;
  readonly output?: Format;
  readonly operatorNamespace: string;
}

/** The subject: a workload in its current state, or one record. */
type Subject = WorkloadState & { readonly workload: Workload };

interface StatusContext {
  readonly cli: CommandContext;
  readonly session: Session;
  readonly namespace: string;
  readonly options: StatusOptions;
}

/** `altershield status TARGET [--wait]`: where the newest change stands, or how it ends. */
export async function status(
  cli: CommandContext,
  words: readonly string[],
  options: StatusOptions,
): Promise<void> {
  const target = parseTarget(words);
  await withSession(cli, options, async (session) => {
    const namespace = options.namespace ?? session.namespace;
    const context = { cli, session, namespace, options };
    const find = await finderOf(context, target);
    if (options.wait === true) await waitIfChanged(context, find);
    else await showNow(context, find);
  });
}

interface Finder {
  /** As users type it. */
  readonly what: string;
  readonly labelSelector: string;
  readonly pick: (records: readonly ChangeWorkload[]) => ChangeWorkload | undefined;
  readonly subject: Subject | undefined;
}

async function finderOf(context: StatusContext, target: Target): Promise<Finder> {
  const { session, namespace } = context;
  if (target.type === 'workload') return workloadFinder(context, target);
  const [{ metadata, spec }] = await findChanges(session.client, namespace, target);
  return {
    what: targetName(spec.target),
    labelSelector: `${LABELS.targetUid}=${spec.target.uid}`,
    pick: (records) => records.find((record) => record.metadata.uid === metadata.uid),
    subject: undefined,
  };
}

async function workloadFinder(
  { session, namespace }: StatusContext,
  target: Extract<Target, { readonly type: 'workload' }>,
): Promise<Finder> {
  const { adapter, name } = target;
  const what = describeTarget(target);
  const workload = await getWorkload(session.client, adapter, { namespace, name });
  if (workload === undefined) {
    throw new CliError(EXIT.notFound, `${what} not found in namespace ${namespace}`);
  }
  const { uid } = workload.object.metadata;
  const subject = {
    ...{ workload, uid },
    fingerprint: fingerprint(templateOf(adapter, workload.object)),
  };
  return {
    what,
    labelSelector: `${LABELS.targetUid}=${uid}`,
    pick: (records) => recordOf(records, subject),
    subject,
  };
}

async function showNow(context: StatusContext, finder: Finder): Promise<void> {
  const { cli, session, namespace, options } = context;
  const { labelSelector, pick, what } = finder;
  const records = await listChanges(session.client, { namespace, labelSelector });
  const record = pick(records);
  if (record === undefined && records.length === 0) throw await noChange(context, finder);
  const shown = record ?? records.toSorted(newestFirst)[0];
  if (options.output !== undefined) {
    cli.io.out(structured(options.output, shown));
    return;
  }
  if (record === undefined) cli.io.err(`The newest template of ${what} has no record yet.`);
  if (shown !== undefined) cli.io.out(headline(printable(shown), viewOf(cli)).join('\n'));
}

/** A governed template without any record gets one within seconds, or none at all. */
const FIRST_RECORD_MS = 15_000;

/** With `--since-time`, a write without a change returns at once. */
async function waitIfChanged(context: StatusContext, finder: Finder): Promise<void> {
  const isOptional = context.options.sinceTime !== undefined;
  try {
    await waitForEnd(context, finder);
  } catch (error) {
    if (!isOptional || !(error instanceof CliError) || error.code !== EXIT.noChange) throw error;
    context.cli.io.out(`nothing to wait for: ${error.message}`);
  }
}

async function waitForEnd(context: StatusContext, finder: Finder): Promise<void> {
  const { cli, session, namespace, options } = context;
  const { labelSelector } = finder;
  // Reports missing kinds and permissions once; the watch would retry without end.
  const known = await listChanges(session.client, { namespace, labelSelector });
  rejectEarlier(finder, known, options);
  if (finder.pick(known) === undefined) await rejectUnmatched(context, finder);
  await warnOfAbsence(context);
  const follower = new Follower<ChangeWorkload>(cli, session, CHANGE_WORKLOADS, {
    namespace,
    labelSelector,
  });
  const left = timeLeft(cli, options.timeout * 1000);
  try {
    const limit = known.length === 0 ? Math.min(FIRST_RECORD_MS, left()) : left();
    const record = await follower.until(finder.pick, limit);
    if (record === undefined) {
      throw known.length === 0 && left() > 0
        ? await noChange(context, finder)
        : noRecord(context, finder, follower.problem);
    }
    const last = await follow(context, follower, record, left());
    report(context, finder, last);
  } finally {
    await follower.close();
  }
}

function timeLeft({ scheduler }: CommandContext, timeoutMs: number): () => number {
  const end = scheduler.elapsed() + timeoutMs;
  return () => Math.max(0, end - scheduler.elapsed());
}

/** Prints each step; the record as it ended, was deleted, or stood when time was over. */
async function follow(
  { cli, options }: StatusContext,
  follower: Follower<ChangeWorkload>,
  picked: ChangeWorkload,
  timeoutMs: number,
): Promise<Last> {
  const say = options.output === undefined ? cli.io.out : cli.io.err;
  let record = picked;
  let said = '';
  const end = await follower.until((records) => {
    const now = records.find(({ metadata }) => metadata.uid === picked.metadata.uid);
    if (now === undefined) return 'Deleted';
    record = now;
    const line = progress(printable(now));
    if (line !== said) say(`${clockOf(cli)} ${line}`);
    said = line;
    return outcomeOf(now) === undefined ? undefined : 'Ended';
  }, timeoutMs);
  return { record, end: end ?? 'TimedOut' };
}

const clockOf = ({ scheduler }: CommandContext): string =>
  new Date(scheduler.now()).toISOString().slice(11, 19);

interface Last {
  readonly record: ChangeWorkload;
  readonly end: 'Ended' | 'Deleted' | 'TimedOut';
}

function report(
  { cli, namespace, options }: StatusContext,
  finder: Finder,
  { record, end }: Last,
): void {
  const { output, timeout } = options;
  const { name } = record.metadata;
  if (output !== undefined) cli.io.out(structured(output, record));
  const text = headline(printable(record), viewOf(cli)).join('\n');
  const hint = `see \`altershield why change/${name} -n ${namespace}\``;
  if (end === 'Deleted') throw new CliError(EXIT.failed, `the record ${name} was deleted`);
  if (end === 'TimedOut') {
    const within = duration(timeout * 1000);
    throw new CliError(
      EXIT.timedOut,
      `${finder.what} did not end within ${within}:\n${text}`,
      hint,
    );
  }
  const outcome = outcomeOf(record, finder.subject) ?? EXIT.failed;
  if (outcome !== EXIT.ok) throw new CliError(outcome, text, hint);
  if (output === undefined) cli.io.out(text);
}

/** The newest change may be one that ended before the write that the user waits for. */
function rejectEarlier(
  { pick, what }: Finder,
  known: readonly ChangeWorkload[],
  { sinceTime = 0 }: StatusOptions,
): void {
  const newest = pick(known);
  if (newest === undefined || Date.parse(newest.spec.detectedAt) >= sinceTime) return;
  const since = new Date(sinceTime).toISOString();
  throw new CliError(EXIT.noChange, `the pod template of ${what} has not changed since ${since}`);
}

/** Fails at once for a workload that no policy matches: no record will appear. */
async function rejectUnmatched(
  { session, namespace, options }: StatusContext,
  { subject, what }: Finder,
): Promise<void> {
  if (subject === undefined) return;
  const { name } = subject.workload.object.metadata;
  const place = { namespace, name, operatorNamespace: options.operatorNamespace };
  const coverage = await coverageOf(session.client, subject.workload, place);
  if (coverage.policy !== undefined || !coverage.isCertain) return;
  throw new CliError(
    EXIT.noChange,
    `no policy matches ${what} in namespace ${namespace}: ${coverage.why}`,
    `AlterShield does not manage it; use \`kubectl rollout status ${what} -n ${namespace}\``,
  );
}

async function noChange(
  { cli, session, namespace, options }: StatusContext,
  { what }: Finder,
): Promise<CliError> {
  const absence = await operatorAbsence(
    session.client,
    options.operatorNamespace,
    cli.scheduler.now(),
  );
  return new CliError(
    EXIT.noChange,
    `no change of ${what} in namespace ${namespace} is recorded`,
    absence ?? 'its pod template has not changed since the operator started watching it',
  );
}

const noRecord = (
  { namespace, options }: StatusContext,
  { what }: Finder,
  problem?: string,
): CliError =>
  new CliError(
    EXIT.timedOut,
    `the newest template of ${what} in namespace ${namespace} has no record after ${duration(options.timeout * 1000)}${problem === undefined ? '' : `: ${problem}`}`,
    '`altershield version` shows whether an operator is alive',
  );

async function warnOfAbsence({ cli, session, options }: StatusContext): Promise<void> {
  const { operatorNamespace } = options;
  const absence = await operatorAbsence(session.client, operatorNamespace, cli.scheduler.now());
  if (absence !== undefined) cli.io.err(`Warning: ${absence}`);
}
