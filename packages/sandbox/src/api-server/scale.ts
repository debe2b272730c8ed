// SPDX-License-Identifier: Apache-2.0
import { dig, integer, asJsonObject, type Json, type StoredObject } from '../json.ts';
import type { ResourceDefinition } from './definition.ts';
import { noSuchPath } from './failure.ts';

/** The autoscaling/v1 view of a scalable object. */
export function scaleOf({ scale }: ResourceDefinition, object: StoredObject): Json {
  if (scale === undefined) throw noSuchPath();
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: integer(dig(object, 'spec', 'replicas')) },
    status: {
      replicas: integer(dig(object, 'status', 'replicas')),
      selector: scale.selector(object),
    },
  };
}

/** The object with the replicas that a written scale asks for. */
export function withScale(object: StoredObject, scale: Json): StoredObject {
  const replicas = integer(dig(scale, 'spec', 'replicas'));
  return { ...object, spec: { ...asJsonObject(object['spec']), replicas } };
}
