// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import {
  adapterOfTarget,
  fingerprint,
  isTerminating,
  viewPod,
  type Pod,
  type PodView,
  type RelatedObject,
  type WorkloadAdapter,
  type WorkloadObject,
} from '@altershield/core';
import { KubeError, type KubeObject } from '@altershield/kube';
import { listAll, type ReadClient } from './records.ts';

/** The pods of a workload, oldest first. */
export interface PodsOf {
  /** Those of the revision that the change releases. */
  readonly updated: readonly PodView[];
  readonly stable: readonly PodView[];
}

/** The signatures of the operator cannot be verified here, and the revisions of pods need none. */
const SIGNING = { sign: () => '', fingerprintOf: fingerprint };

/** Reads the pods by their revisions; undefined when they cannot be read: they are then left out. */
export async function podsOf(
  client: ReadClient,
  change: ChangeWorkload,
): Promise<PodsOf | undefined> {
  const { target, to } = change.spec;
  const adapter = adapterOfTarget(target);
  if (adapter === undefined) return undefined;
  try {
    const snapshot = await snapshotOf(client, adapter, change);
    if (snapshot.object.metadata.uid !== target.uid) return undefined;
    const { revisions } = adapter.observe(snapshot, SIGNING);
    const released = new Set(
      revisions
        .filter((revision) => revision.fingerprint === to.fingerprint)
        .flatMap(({ uid, name }) => [uid, name]),
    );
    const pods = (snapshot.related['pods'] ?? []) as readonly (RelatedObject & Pod)[];
    const seen = pods
      .filter((pod) => !isTerminating(pod))
      .map((pod) => ({
        view: viewPod(pod, 0),
        isUpdated: released.has(adapter.revisionOfPod(pod) ?? ''),
      }))
      .toSorted((a, b) => a.view.createdAt - b.view.createdAt);
    const viewsOf = (isWanted: boolean): PodView[] =>
      seen.filter(({ isUpdated }) => isUpdated === isWanted).map(({ view }) => view);
    return { updated: viewsOf(true), stable: viewsOf(false) };
  } catch (error) {
    if (error instanceof KubeError) return undefined;
    throw error;
  }
}

/** The workload with its related objects, as the operator gathers them from its caches. */
async function snapshotOf(
  client: ReadClient,
  { descriptor }: WorkloadAdapter,
  { metadata: { namespace = 'default' }, spec: { target } }: ChangeWorkload,
) {
  const key = { namespace, name: target.name };
  const object = await client.get<KubeObject & WorkloadObject>(descriptor.resource, key);
  const related: Record<string, readonly KubeObject[]> = {};
  for (const [name, { resource, ownedBy }] of Object.entries(descriptor.relatedResources)) {
    // They belong to no workload, and a user may not be allowed to list the nodes.
    if (ownedBy === 'namespace' || ownedBy === 'cluster') continue;
    const owners = ownedBy === 'object' ? [object] : (related[ownedBy] ?? []);
    const uids = new Set(owners.map(({ metadata }) => metadata.uid));
    const all = await listAll<KubeObject>(client, resource, { namespace });
    related[name] = all.filter(({ metadata }) =>
      metadata.ownerReferences?.some(({ uid }) => uids.has(uid)),
    );
  }
  return { object, related: related as Record<string, readonly RelatedObject[]> };
}
