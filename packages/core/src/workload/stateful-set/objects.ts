// SPDX-License-Identifier: Apache-2.0
import { asJsonObject } from '../../json/json.ts';
import type { IntOrPercent, ObjectMeta, Template } from '../../json/objects.ts';

export interface UpdateStrategy {
  readonly type?: string;
  readonly rollingUpdate?: {
    readonly partition?: number;
    readonly maxUnavailable?: IntOrPercent;
  };
}

/** The fields of StatefulSets and their ControllerRevisions that decisions read. */
export interface StatefulSet {
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly replicas?: number;
    readonly minReadySeconds?: number;
    readonly ordinals?: { readonly start?: number };
    readonly updateStrategy?: UpdateStrategy;
    readonly template: Template;
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly currentRevision?: string;
    readonly updateRevision?: string;
    readonly updatedReplicas?: number;
  };
}

export interface ControllerRevision {
  readonly metadata: ObjectMeta;
  readonly data?: unknown;
}

const templates = new WeakMap<object, Template>();

/** The pod template in a ControllerRevision, without the `$patch` directive used to restore it. */
export function templateOf({ data }: ControllerRevision): Template | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const known = templates.get(data);
  if (known !== undefined) return known;
  const template = asJsonObject(asJsonObject(data)['spec'])['template'];
  if (template === undefined) return undefined;
  const { $patch: _, ...kept } = asJsonObject(template);
  templates.set(data, kept);
  return kept;
}
