// SPDX-License-Identifier: Apache-2.0
import type { IntOrPercent, ObjectMeta, Template } from '../../json/objects.ts';

/** Label of pods and ControllerRevisions of a DaemonSet with the hash of their template. */
export const REVISION_LABEL = 'controller-revision-hash';

export interface UpdateStrategy {
  readonly type?: string;
  readonly rollingUpdate?: {
    readonly maxUnavailable?: IntOrPercent;
    readonly maxSurge?: IntOrPercent;
  };
}

/** The fields of DaemonSets that decisions read. */
export interface DaemonSet {
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly minReadySeconds?: number;
    readonly updateStrategy?: UpdateStrategy;
    readonly template: Template;
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled?: number;
    readonly numberMisscheduled?: number;
    readonly updatedNumberScheduled?: number;
  };
}
