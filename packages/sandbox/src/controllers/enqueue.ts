// SPDX-License-Identifier: Apache-2.0
import { keyOf, keyString, type APIResource, type KubeObject } from '@altershield/kube';
import { typeKey } from '../api-server/definition.ts';
import { controllerOf, type Cluster } from './cluster.ts';
import type { WorkQueue } from './work-queue.ts';

/**
 * Enqueues every object of a resource now, and again when it or an object that it controls changes.
 * Returns the function that ends this.
 */
export function enqueueWithControlled(
  cluster: Cluster,
  queue: WorkQueue,
  resource: APIResource,
  controlled: APIResource,
): () => void {
  const unsubscribe = cluster.onEvent(({ type, object }) => {
    if (type === typeKey(resource)) queue.add(keyString(keyOf(object)));
    const owner = type === typeKey(controlled) ? controllerOf(object) : undefined;
    if (owner?.kind !== resource.kind) return;
    const namespace = object.metadata.namespace ?? '';
    queue.add(keyString({ namespace, name: owner.name }));
  });
  for (const object of cluster.list<KubeObject>(resource)) {
    queue.add(keyString(keyOf(object)));
  }
  return unsubscribe;
}
