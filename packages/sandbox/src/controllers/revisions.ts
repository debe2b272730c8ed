// SPDX-License-Identifier: Apache-2.0
import { keyOf, RESOURCES, type KubeObject } from '@altershield/kube';
import { same } from '../json.ts';
import { isFailure, ownerReference, type Cluster } from './cluster.ts';
import { templateHash } from './deployment/template.ts';
import type { ControllerRevision, PodTemplate } from './types.ts';

const { controllerRevision } = RESOURCES;

/** A workload whose templates are kept as ControllerRevisions. */
export interface Revisioned extends KubeObject {
  readonly spec: { readonly revisionHistoryLimit: number; readonly template: PodTemplate };
  readonly status?: { readonly collisionCount?: number };
}

/** The revisions that one pass works with. */
export interface History {
  /** What stood before the pass, the oldest first. */
  readonly known: readonly ControllerRevision[];
  /** The one of the present template. */
  readonly update: ControllerRevision;
  readonly collisionCount: number;
}

/** Finds, renumbers or creates the revision of the present template, with its hash under this label. */
export async function resolveHistory(
  cluster: Cluster,
  owner: Revisioned,
  hashLabel: string,
): Promise<History> {
  const known = cluster
    .controlledBy<ControllerRevision>(controllerRevision, owner)
    .sort((a, b) => a.revision - b.revision || (a.metadata.name < b.metadata.name ? -1 : 1));
  const newest = known.at(-1);
  const equal = known.findLast(({ data }) => same(data, dataOf(owner)));
  const revision = (newest?.revision ?? 0) + 1;
  if (equal === undefined) {
    return { known, ...(await create(cluster, owner, newRevision(owner, revision, hashLabel))) };
  }
  const collisionCount = owner.status?.collisionCount ?? 0;
  if (equal === newest) return { known, update: equal, collisionCount };
  const renumbered = { ...equal, revision };
  return { known, update: await cluster.update(controllerRevision, renumbered), collisionCount };
}

const dataOf = ({ spec }: Revisioned) => ({
  spec: { template: { ...spec.template, $patch: 'replace' } },
});

/**
 * A name that another content has taken already counts as a collision, and the next is tried; the
 * label stays what it was.
 */
async function create(
  cluster: Cluster,
  owner: Revisioned,
  body: ReturnType<typeof newRevision>,
): Promise<Omit<History, 'known'>> {
  for (let collisionCount = owner.status?.collisionCount ?? 0; ; collisionCount += 1) {
    const name = nameFor(owner, collisionCount);
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

const nameFor = ({ metadata, spec }: Revisioned, collisionCount: number): string =>
  `${metadata.name}-${templateHash(spec.template, collisionCount)}`;

function newRevision(owner: Revisioned, revision: number, hashLabel: string) {
  const { namespace = '', annotations = {} } = owner.metadata;
  const { template } = owner.spec;
  const collisionCount = owner.status?.collisionCount ?? 0;
  const labels = {
    ...template.metadata.labels,
    [hashLabel]: templateHash(template, collisionCount),
  };
  const ownerReferences = [ownerReference(owner)];
  const name = nameFor(owner, collisionCount);
  const metadata = { name, namespace, annotations, labels, ownerReferences };
  return { metadata, data: dataOf(owner), revision };
}

/** Deletes the oldest revisions that are not in use, down to the history limit. */
export async function truncateHistory(
  cluster: Cluster,
  owner: Revisioned,
  { known, used }: { known: readonly ControllerRevision[]; used: ReadonlySet<string> },
): Promise<void> {
  const unused = known.filter(({ metadata }) => !used.has(metadata.name));
  const { revisionHistoryLimit } = owner.spec;
  if (revisionHistoryLimit < 0 || unused.length <= revisionHistoryLimit) return;
  for (const revision of unused.slice(0, unused.length - revisionHistoryLimit)) {
    await cluster.delete(controllerRevision, keyOf(revision));
  }
}
