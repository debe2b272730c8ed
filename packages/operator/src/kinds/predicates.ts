// SPDX-License-Identifier: Apache-2.0
import type { InformerEvent, KubeObject } from '@altershield/kube';

/** True when the object was added or deleted, or its spec changed. */
export const specChanged = ({ old, object, type }: InformerEvent<KubeObject>): boolean =>
  type !== 'Updated' || old?.metadata.generation !== object.metadata.generation;

/** True when the object was added or deleted, or its labels changed: other policies may match. */
export const labelsChanged = ({ old, object, type }: InformerEvent<KubeObject>): boolean =>
  type !== 'Updated' || textOf(old) !== textOf(object);

const textOf = (object: KubeObject | undefined): string =>
  JSON.stringify(object?.metadata.labels ?? {});
