// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import { adapterOfTarget } from '@altershield/core';
import { isBeingDeleted, newestFirst } from '../change.ts';
import { CliError, EXIT } from '../exit.ts';
import { DEFAULT_OPTIONS } from '../manifests/manifest.ts';
import { describeTarget, type Target } from '../target.ts';
import { coverageOf, getWorkload, type WorkloadPlace } from './coverage.ts';
import { getChange, listChanges, type ReadClient } from './records.ts';

/** Changes that match a target, newest first. Throws when none does. */
export async function findChanges(
  client: ReadClient,
  namespace: string,
  target: Target,
  operatorNamespace = DEFAULT_OPTIONS.namespace,
): Promise<readonly [ChangeWorkload, ...ChangeWorkload[]]> {
  const [first, ...rest] = await candidates(client, namespace, target);
  if (first !== undefined) return [first, ...rest];
  if (target.type === 'workload') {
    throw await explainAbsence(client, target, { namespace, name: target.name, operatorNamespace });
  }
  throw new CliError(
    EXIT.notFound,
    `${describeTarget(target)} not found in namespace ${namespace}`,
    `\`altershield get changes -n ${namespace}\` lists the changes; name a workload as deploy/${target.name}`,
  );
}

/** Why a workload has no change: it does not exist, no policy matches it, or it did not change. */
async function explainAbsence(
  client: ReadClient,
  target: Extract<Target, { readonly type: 'workload' }>,
  place: WorkloadPlace,
): Promise<CliError> {
  const where = `${describeTarget(target)} in namespace ${place.namespace}`;
  const workload = await getWorkload(client, target.adapter, place);
  if (workload === undefined)
    return new CliError(
      EXIT.notFound,
      `${describeTarget(target)} not found in namespace ${place.namespace}`,
    );
  const coverage = await coverageOf(client, workload, place);
  const unrecorded = `no change of ${where} is recorded`;
  if (coverage.policy !== undefined) {
    const hint = `policy ${coverage.policy} matches it; its pod template has not changed since the operator started watching it`;
    return new CliError(EXIT.notFound, unrecorded, hint);
  }
  const subject = coverage.isCertain ? `no policy matches ${where}` : unrecorded;
  const hint = '`altershield get policies -A` lists the policies';
  return new CliError(EXIT.notFound, `${subject}: ${coverage.why}`, hint);
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
    .filter(
      ({ spec }) =>
        adapterOfTarget(spec.target) === target.adapter && spec.target.name === target.name,
    )
    .filter((change) => !isBeingDeleted(change))
    .toSorted(newestFirst);
}
