// SPDX-License-Identifier: Apache-2.0
import { CHANGE_WORKLOADS, type ChangeWorkload, type Phase } from '@altershield/api';
import { adapterNamed } from '@altershield/core';
import {
  joinBatches,
  mostUrgentFirst,
  newestFirst,
  targetName,
  type Filter,
  isMatch,
} from '../change.ts';
import {
  viewOf,
  withSession,
  type CommandContext,
  type GlobalOptions,
  type Session,
} from '../cli.ts';
import { Follower } from '../cluster/follow.ts';
import { findChanges } from '../cluster/find.ts';
import { podsOf } from '../cluster/pods-of.ts';
import { operatorAbsence } from '../cluster/operator.ts';
import { listBatches, listBatchesOf, listChanges, listPolicies } from '../cluster/records.ts';
import { CliError, EXIT } from '../exit.ts';
import { changeLine, renderChanges } from '../render/changes.ts';
import { renderPolicies } from '../render/policies.ts';
import { listOf, structured, type Format } from '../render/structured.ts';
import { printable } from '../render/style.ts';
import { renderTree } from '../render/tree.ts';
import { parseTarget } from '../target.ts';

export interface GetOptions extends GlobalOptions {
  readonly allNamespaces?: boolean;
  readonly output?: Format | 'wide' | 'name';
  readonly phase?: readonly Phase[];
  /** Only changes that were detected within this many seconds. */
  readonly since?: number;
  readonly watch?: boolean;
  readonly operatorNamespace: string;
}

const CHANGES_WORDS = new Set(['changes', 'change', 'changeworkloads', 'changeworkload', 'cw']);
const POLICIES_WORDS = new Set(['policies', 'policy', 'changepolicies', 'changepolicy', 'chp']);

interface Query {
  readonly cli: CommandContext;
  readonly session: Session;
  readonly options: GetOptions;
  /** Absent: all namespaces. */
  readonly namespace: string | undefined;
  /** Absent: all names. */
  readonly name: string | undefined;
  /** Where each change stood when it was last shown, by uid. */
  readonly shown: Map<string, string>;
}

/** `altershield get [changes|policies] [NAME]`, or `get deploy/NAME`: its newest change as a tree. */
export async function get(
  cli: CommandContext,
  [what = 'changes', name]: readonly string[],
  options: GetOptions,
): Promise<void> {
  if (isWorkload(what, name))
    return getTree(cli, name === undefined ? [what] : [what, name], options);
  const show = CHANGES_WORDS.has(what) ? changes : POLICIES_WORDS.has(what) ? policies : undefined;
  if (show === undefined) {
    throw new CliError(
      EXIT.usage,
      `cannot get "${what}"`,
      'use `get changes [NAME]`, `get policies [NAME]` or `get deploy/NAME`',
    );
  }
  await withSession(cli, options, async (session) => {
    const namespace =
      options.allNamespaces === true ? undefined : (options.namespace ?? session.namespace);
    const query = { cli, session, options, namespace, name, shown: new Map<string, string>() };
    const text = await show(query);
    if (text !== '') cli.io.out(text);
    if (options.watch === true && show === changes) await watchChanges(query);
  });
}

/** `deploy/checkout`, or `deploy checkout`. */
const isWorkload = (what: string, name: string | undefined): boolean =>
  what.includes('/') || (name !== undefined && adapterNamed(what) !== undefined);

/** The newest change of a workload, or the change that was named, with its batches and pods. */
async function getTree(
  cli: CommandContext,
  words: readonly string[],
  options: GetOptions,
): Promise<void> {
  const target = parseTarget(words);
  await withSession(cli, options, async ({ client, namespace: home }) => {
    const { namespace = home, output, operatorNamespace } = options;
    const [record] = await findChanges(client, namespace, target, operatorNamespace);
    const [change] = joinBatches([record], await listBatchesOf(client, record));
    if (change === undefined) return;
    if (output === 'json' || output === 'yaml') {
      cli.io.out(structured(output, listOf([change.record, ...change.batches])));
      return;
    }
    const pods = await podsOf(client, record);
    cli.io.out(renderTree(printable(change), printable(pods), viewOf(cli)));
  });
}

const layout = ({ allNamespaces = false, output }: GetOptions) => ({
  allNamespaces,
  wide: output === 'wide',
});

const filterOf = ({ cli, options, name }: Query): Filter => ({
  name,
  phases: options.phase,
  since: options.since === undefined ? undefined : cli.scheduler.now() - options.since * 1000,
});

async function changes(query: Query): Promise<string> {
  const { cli, session, options, namespace } = query;
  const { output } = options;
  const filter = filterOf(query);
  const found = await listChanges(session.client, { namespace });
  for (const record of found) query.shown.set(record.metadata.uid, stateOf(record));
  const records = found.filter((record) => isMatch(record, filter));
  if (output === 'name') {
    const urgent = records.toSorted(mostUrgentFirst);
    return [...new Set(urgent.map(({ spec }) => targetName(spec.target)))].join('\n');
  }
  const batches = await listBatches(session.client, { namespace });
  const joined = joinBatches(
    records.toSorted((a, b) => newestFirst(b, a)),
    batches,
  );
  if (output === 'json' || output === 'yaml') {
    const items = joined.flatMap((change) => [change.record, ...change.batches]);
    return structured(output, listOf(items));
  }
  await warnOfAbsence(query);
  if (records.length === 0) return nothing(query, 'changes');
  return renderChanges(printable(joined), layout(options), viewOf(cli));
}

async function warnOfAbsence({ cli, session, options }: Query): Promise<void> {
  const { operatorNamespace } = options;
  const absence = await operatorAbsence(session.client, operatorNamespace, cli.scheduler.now());
  if (absence !== undefined) cli.io.err(`Warning: ${absence}`);
}

/** A line for each move of a change, until the reader ends it. */
async function watchChanges(query: Query): Promise<void> {
  const { cli, session, namespace } = query;
  const follower = new Follower<ChangeWorkload>(cli, session, CHANGE_WORKLOADS, { namespace });
  try {
    await follower.until((records) => {
      for (const record of records) showMove(query, record);
      return undefined;
    }, Infinity);
  } finally {
    await follower.close();
  }
}

function showMove(query: Query, record: ChangeWorkload): void {
  const { cli, options, shown } = query;
  const state = stateOf(record);
  if (shown.get(record.metadata.uid) === state) return;
  shown.set(record.metadata.uid, state);
  if (!isMatch(record, filterOf(query))) return;
  cli.io.out(changeLine(printable(record), layout(options), viewOf(cli)));
}

const stateOf = ({ status }: ChangeWorkload): string =>
  [status?.phase, status?.reason, status?.batch?.index].join(' ');

async function policies(query: Query): Promise<string> {
  const { cli, session, options, namespace, name } = query;
  const all = await listPolicies(session.client, { namespace });
  const found = all.filter(({ metadata }) => name === undefined || metadata.name === name);
  if (options.output === 'name') return found.map(({ metadata }) => metadata.name).join('\n');
  if (options.output === 'json' || options.output === 'yaml') {
    return structured(options.output, listOf(found));
  }
  if (found.length === 0) return nothing(query, 'policies');
  return renderPolicies(printable(found), layout(options), viewOf(cli));
}

function nothing({ cli: { io }, namespace, name, options }: Query, what: string): string {
  const where =
    namespace === undefined ? 'in this cluster' : `in namespace ${namespace} (-A: everywhere)`;
  const isFiltered =
    name !== undefined || options.phase !== undefined || options.since !== undefined;
  io.err(`No ${isFiltered ? 'such ' : ''}${what} ${where}.`);
  return '';
}
