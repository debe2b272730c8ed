// SPDX-License-Identifier: Apache-2.0
import { RESOURCES, type KubeObject, type APIResource } from '@altershield/kube';
import { compileLabelSelector } from '../../api-server/selectors.ts';
import { controllerOf, ownerReference, type Cluster } from '../cluster.ts';
import type { StatefulSet } from '../types.ts';
import { ordinalOf } from './replicas.ts';

/** Adopts matching pods and revisions without a controller, such as those that a deleted StatefulSet left. */
export async function adoptOrphans(cluster: Cluster, set: StatefulSet): Promise<void> {
  if (set.metadata.deletionTimestamp !== undefined) return;
  const adoptAll = async (resource: APIResource): Promise<void> => {
    const objects = cluster.list<KubeObject>(resource, set.metadata.namespace);
    for (const orphan of objects.filter((one) => isOrphanOf(set, one))) {
      const { ownerReferences = [] } = orphan.metadata;
      const owners = [...ownerReferences, ownerReference(set)];
      const metadata = { ...orphan.metadata, ownerReferences: owners };
      await cluster.update(resource, { ...orphan, metadata });
    }
  };
  await adoptAll(RESOURCES.controllerRevision);
  await adoptAll(RESOURCES.pod);
}

/** Whether the StatefulSet would adopt it: pods also have to be named after it. */
export function isOrphanOf(set: StatefulSet, object: KubeObject): boolean {
  const { deletionTimestamp, labels = {}, name } = object.metadata;
  if (controllerOf(object) !== undefined || deletionTimestamp !== undefined) return false;
  const isNamed = object.kind !== RESOURCES.pod.kind || ordinalOf(set, name) !== undefined;
  return isNamed && compileLabelSelector(set.spec.selector)(labels);
}
