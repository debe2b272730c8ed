// SPDX-License-Identifier: Apache-2.0
import { keyOf, RESOURCES } from '@altershield/kube';
import { same } from '../../json.ts';
import { isFailure, type Cluster } from '../cluster.ts';
import { templateHash } from '../deployment/template.ts';
import type { ControllerRevision, StatefulSet } from '../types.ts';
import { ownerReference } from './replicas.ts';

const { controllerRevision } = RESOURCES;
const HASH_LABEL = 'controller.kubernetes.io/hash';

/** The revisions that one pass works with. */
export interface Revisions {
  /** What stood before the pass, the oldest first. */
  readonly known: readonly ControllerRevision[];
  readonly current: ControllerRevision;
  readonly update: ControllerRevision;
  readonly collisionCount: number;
}

/** Finds the current revision, and finds, renumbers or creates the one of the present template. */
export async function resolveRevisions(cluster: Cluster, set: StatefulSet): Promise<Revisions> {
  const known = cluster
    .controlledBy<ControllerRevision>(controllerRevision, set)
    .sort((a, b) => a.revision - b.revision || (a.metadata.name < b.metadata.name ? -1 : 1));
  const { update, collisionCount } = await updateRevision(cluster, set, known);
  const current = known.find(({ metadata }) => metadata.name === set.status?.currentRevision);
  return { known, current: current ?? update, update, collisionCount };
}

interface Found {
  readonly update: ControllerRevision;
  readonly collisionCount: number;
}

async function updateRevision(
  cluster: Cluster,
  set: StatefulSet,
  known: readonly ControllerRevision[],
): Promise<Found> {
  const newest = known.at(-1);
  const equal = known.findLast(({ data }) => same(data, dataOf(set)));
  const revision = (newest?.revision ?? 0) + 1;
  if (equal === undefined) return create(cluster, set, revision);
  const collisionCount = set.status?.collisionCount ?? 0;
  if (equal === newest) return { update: equal, collisionCount };
  const renumbered = { ...equal, revision };
  return { update: await cluster.update(controllerRevision, renumbered), collisionCount };
}

const dataOf = ({ spec }: StatefulSet) => ({
  spec: { template: { ...spec.template, $patch: 'replace' } },
});

/**
 * A name that another content has taken already counts as a collision, and the next is tried; the
 * label stays what it was.
 */
async function create(cluster: Cluster, set: StatefulSet, revision: number): Promise<Found> {
  const first = set.status?.collisionCount ?? 0;
  const body = newRevision(set, revision, first);
  for (let collisionCount = first; ; collisionCount += 1) {
    const name = nameFor(set, collisionCount);
    const named = { ...body, metadata: { ...body.metadata, name } };
    const update = await createOrFind(cluster, named);
    if (update !== undefined) return { update, collisionCount };
  }
}

/** Undefined when the name belongs to another content. */
async function createOrFind(
  cluster: Cluster,
  body: ReturnType<typeof newRevision>,
): Promise<ControllerRevision | undefined> {
  try {
    return await cluster.create<ControllerRevision>(controllerRevision, body);
  } catch (error) {
    if (!isFailure(error, 409)) throw error;
    const existing = cluster.get<ControllerRevision>(controllerRevision, body.metadata);
    return same(existing?.data, body.data) ? existing : undefined;
  }
}

const nameFor = ({ metadata, spec }: StatefulSet, collisionCount: number): string =>
  `${metadata.name}-${templateHash(spec.template, collisionCount)}`;

function newRevision(set: StatefulSet, revision: number, collisionCount: number) {
  const { namespace = '', annotations = {} } = set.metadata;
  const { template } = set.spec;
  const hash = templateHash(template, collisionCount);
  const labels = { ...template.metadata.labels, [HASH_LABEL]: hash };
  const ownerReferences = [ownerReference(set)];
  const name = nameFor(set, collisionCount);
  const metadata = { name, namespace, annotations, labels, ownerReferences };
  return { metadata, data: dataOf(set), revision };
}

/** Deletes the oldest revisions that are not in use, down to the history limit. */
export async function truncateHistory(
  cluster: Cluster,
  set: StatefulSet,
  { known, used }: { known: readonly ControllerRevision[]; used: ReadonlySet<string> },
): Promise<void> {
  const unused = known.filter(({ metadata }) => !used.has(metadata.name));
  const { revisionHistoryLimit } = set.spec;
  if (revisionHistoryLimit < 0 || unused.length <= revisionHistoryLimit) return;
  for (const revision of unused.slice(0, unused.length - revisionHistoryLimit)) {
    await cluster.delete(controllerRevision, keyOf(revision));
  }
}
