// SPDX-License-Identifier: Apache-2.0
import { joinBatches, mostUrgentFirst, targetName } from '../change.ts';
import { viewOf, withSession, type Cli, type Globals, type Session } from '../cli.ts';
import { listBatches, listChanges, listPolicies } from '../cluster/records.ts';
import { CliError, EXIT } from '../exit.ts';
import { renderChanges } from '../render/changes.ts';
import { renderPolicies } from '../render/policies.ts';
import { listOf, structured, type Format } from '../render/structured.ts';
import { printable } from '../render/style.ts';

export interface GetOptions extends Globals {
  readonly allNamespaces?: boolean;
  readonly output?: Format | 'wide' | 'name';
}

const CHANGES = new Set(['changes', 'change', 'changeworkloads', 'changeworkload', 'cw']);
const POLICIES = new Set(['policies', 'policy', 'changepolicies', 'changepolicy', 'chp']);

/** `altershield get [changes|policies]`. */
export async function get(cli: Cli, what: string, options: GetOptions): Promise<void> {
  const show = CHANGES.has(what) ? changes : POLICIES.has(what) ? policies : undefined;
  if (show === undefined) {
    throw new CliError(
      EXIT.usage,
      `cannot get "${what}"`,
      'use `get changes` or `get policies`; `why deploy/NAME` tells of one workload',
    );
  }
  await withSession(cli, options, async (session) => {
    const text = await show(cli, session, options);
    if (text !== '') cli.io.out(text);
  });
}

const namespaceOf = (session: Session, options: GetOptions): string | undefined =>
  options.allNamespaces === true ? undefined : (options.namespace ?? session.namespace);

const layout = ({ allNamespaces = false, output }: GetOptions) => ({
  allNamespaces,
  wide: output === 'wide',
});

async function changes(cli: Cli, session: Session, options: GetOptions): Promise<string> {
  const namespace = namespaceOf(session, options);
  const records = await listChanges(session.client, { namespace });
  const sorted = records.toSorted(mostUrgentFirst);
  if (options.output === 'name') {
    return [...new Set(sorted.map(({ spec }) => targetName(spec.target)))].join('\n');
  }
  const batches = await listBatches(session.client, { namespace });
  if (options.output === 'json' || options.output === 'yaml') {
    return structured(options.output, listOf([...sorted, ...batches]));
  }
  if (records.length === 0) return nothing(cli, 'changes', namespace);
  return renderChanges(printable(joinBatches(records, batches)), layout(options), viewOf(cli));
}

async function policies(cli: Cli, session: Session, options: GetOptions): Promise<string> {
  const namespace = namespaceOf(session, options);
  const found = await listPolicies(session.client, { namespace });
  if (options.output === 'name') return found.map(({ metadata }) => metadata.name).join('\n');
  if (options.output === 'json' || options.output === 'yaml') {
    return structured(options.output, listOf(found));
  }
  if (found.length === 0) return nothing(cli, 'policies', namespace);
  return renderPolicies(printable(found), layout(options), viewOf(cli));
}

function nothing({ io }: Cli, what: string, namespace: string | undefined): string {
  const where =
    namespace === undefined ? 'in this cluster' : `in namespace ${namespace} (-A: everywhere)`;
  io.err(`No ${what} ${where}.`);
  return '';
}
