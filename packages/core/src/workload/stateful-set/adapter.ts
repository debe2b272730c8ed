// SPDX-License-Identifier: Apache-2.0
import type { WorkloadAdapter } from '../adapter.ts';
import { statefulSetAdmission } from './admission.ts';
import { STATEFUL_SET } from './descriptor.ts';
import type { StatefulSet } from './objects.ts';
import { REVISION_LABEL, viewStatefulSet, type StatefulSetView } from './observe.ts';
import { planStatefulSet } from './plan.ts';

/**
 * StatefulSet: held and released by its partition; a rollback deletes the pods that block its
 * controller.
 */
export const statefulSet: WorkloadAdapter<StatefulSet, StatefulSetView> = {
  descriptor: STATEFUL_SET,
  admission: statefulSetAdmission,
  observe: viewStatefulSet,
  revisionOfPod: ({ metadata }) => metadata.labels?.[REVISION_LABEL],
  plan: planStatefulSet,
};
