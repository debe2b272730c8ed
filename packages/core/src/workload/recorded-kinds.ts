// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadSpec } from '@altershield/api';
import { POD, apps, type APIResource } from './adapter.ts';

const WHY =
  'its changes are recorded, and nothing can hold or roll back what no controller replaces';

const recordedOnly = (resource: APIResource) => ({
  resource,
  isOptIn: true as const,
  strategies: { Rolling: true as const, Batch: WHY, Canary: WHY, BlueGreen: WHY },
  byTopology: WHY,
  noRollback: WHY,
});

/**
 * Kinds whose objects without a controller are recorded where a policy names the kind, and never
 * held. They have no adapter: there is no revision to observe, and no controller to lead.
 */
export const RECORDED_KINDS = [recordedOnly(POD), recordedOnly(apps('ReplicaSet', 'replicasets'))];

/** Whether a change is recorded and neither judged nor held. */
export const isRecordedOnly = ({ target: { kind } }: Pick<ChangeWorkloadSpec, 'target'>): boolean =>
  RECORDED_KINDS.some(({ resource }) => resource.kind === kind);
