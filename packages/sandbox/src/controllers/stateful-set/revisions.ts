// SPDX-License-Identifier: Apache-2.0
import type { Cluster } from '../cluster.ts';
import { resolveHistory, type History } from '../revisions.ts';
import type { ControllerRevision, StatefulSet } from '../types.ts';

/** The revisions of a StatefulSet: with its partition, it creates pods of two of them. */
export interface Revisions extends History {
  readonly current: ControllerRevision;
}

export async function resolveRevisions(cluster: Cluster, set: StatefulSet): Promise<Revisions> {
  const history = await resolveHistory(cluster, set, 'controller.kubernetes.io/hash');
  const { known, update } = history;
  const current = known.find(({ metadata }) => metadata.name === set.status?.currentRevision);
  return { ...history, current: current ?? update };
}
