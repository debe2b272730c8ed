// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import { isBeingDeleted, newestFirst } from '../change.ts';
import { CliError, EXIT } from '../exit.ts';
import { describeTarget, type Target } from '../target.ts';
import { getChange, listChanges, type ReadClient } from './records.ts';

/** Changes that a person may mean by a target, newest first. Throws when there is none. */
export async function findChanges(
  client: ReadClient,
  namespace: string,
  target: Target,
): Promise<readonly [ChangeWorkload, ...ChangeWorkload[]]> {
  const [first, ...rest] = await candidates(client, namespace, target);
  if (first !== undefined) return [first, ...rest];
  const where = `${describeTarget(target)} in namespace ${namespace}`;
  if (target.type === 'change') {
    const cure = `\`altershield get changes -n ${namespace}\` lists those that there are; a workload is named as deploy/${target.name}`;
    throw new CliError(EXIT.notFound, `there is no ${where}`, cure);
  }
  throw new CliError(
    EXIT.notFound,
    `no change of ${where} is recorded`,
    `either its template did not change since the operator watches, or no policy selects it: \`altershield get policies -A\``,
  );
}

async function candidates(
  client: ReadClient,
  namespace: string,
  target: Target,
): Promise<ChangeWorkload[]> {
  if (target.type === 'change') {
    const change = await getChange(client, namespace, target.name);
    return change === undefined ? [] : [change];
  }
  const all = await listChanges(client, { namespace });
  return all
    .filter(({ spec }) => spec.target.kind === target.kind && spec.target.name === target.name)
    .filter((change) => !isBeingDeleted(change))
    .toSorted(newestFirst);
}
