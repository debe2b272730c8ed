// SPDX-License-Identifier: Apache-2.0
import type { WorkloadAdapter } from '../adapter.ts';
import { daemonSetAdmission } from './admission.ts';
import { DAEMON_SET } from './descriptor.ts';
import { REVISION_LABEL, type DaemonSet } from './objects.ts';
import { viewDaemonSet, type DaemonSetView } from './observe.ts';
import { planDaemonSet } from './plan.ts';

/**
 * DaemonSet: held by the update strategy `OnDelete`, released by deleting pods of the stable
 * revision; its own controller does the last batch and the rollback.
 */
export const daemonSet: WorkloadAdapter<DaemonSet, DaemonSetView> = {
  descriptor: DAEMON_SET,
  admission: daemonSetAdmission,
  observe: viewDaemonSet,
  revisionOfPod: ({ metadata }) => metadata.labels?.[REVISION_LABEL],
  plan: planDaemonSet,
};
