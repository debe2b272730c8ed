// SPDX-License-Identifier: Apache-2.0
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
