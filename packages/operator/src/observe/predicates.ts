// SPDX-License-Identifier: Apache-2.0
import type { InformerEvent, KubeObject } from '@altershield/kube';

/** Came, went, or says something else than before; status alone is no news. */
export const specChanged = ({ old, object, type }: InformerEvent<KubeObject>): boolean =>
  type !== 'Updated' || old?.metadata.generation !== object.metadata.generation;

/** Came, went, or has other labels: other policies may govern it, or what is in it. */
export const labelsChanged = ({ old, object, type }: InformerEvent<KubeObject>): boolean =>
  type !== 'Updated' || textOf(old) !== textOf(object);

const textOf = (object: KubeObject | undefined): string =>
  JSON.stringify(object?.metadata.labels ?? {});
