// SPDX-License-Identifier: Apache-2.0
import type { ClusterAccess } from '../../test/cluster/access.ts';
import type { AuditEntry, AuditFilter } from '../../test/cluster/audit.ts';

const OPERATOR_USER = 'system:serviceaccount:altershield-system:altershield';

/** What the operator wrote, as the API server's audit log has it. */
export interface Writes {
  /** To Deployments and ReplicaSets. */
  readonly workload: number;
  /** To the records of changes and batches. */
  readonly records: number;
  readonly events: number;
  /** Of all these, those that the API server did not accept, such as conflicts. */
  readonly denied: number;
}

/** The operator's writes in a namespace since a moment. */
export async function writesOf(
  cluster: ClusterAccess,
  filter: Pick<AuditFilter, 'namespace' | 'since'>,
): Promise<Writes> {
  const entries = await cluster.auditWrites({ ...filter, user: OPERATOR_USER });
  const count = (is: (entry: AuditEntry) => boolean): number => entries.filter(is).length;
  return {
    workload: count(({ group }) => group === 'apps'),
    // What a policy governs is counted in its own time, whatever changes.
    records: count(
      ({ group, resource }) => group === 'altershield.io' && resource !== 'changepolicies',
    ),
    events: count(({ resource }) => resource === 'events'),
    denied: count(({ status }) => status >= 400),
  };
}
