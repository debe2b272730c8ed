// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadSpec } from '@altershield/api';
import { usesSteps, type Strategy } from '../policy/strategy.ts';

type Recorded = Pick<ChangeWorkloadSpec, 'operation' | 'policy' | 'release'>;

/** Whether AlterShield acts on the change; otherwise it is observed only. */
export const isEnforced = ({ operation, policy, release }: Recorded): boolean =>
  release?.enforced ?? (policy.spec.mode === 'Enforce' && operation === 'Update');

/** How the change is released. Records of earlier versions have this only in the policy. */
export const strategyOf = ({ policy, release }: Recorded): Strategy =>
  release?.strategy ?? policy.spec.release.strategy ?? 'Batch';

/** Whether the change is held at admission and released by the operator. */
export const isHeld = (spec: Recorded): boolean => isEnforced(spec) && usesSteps(strategyOf(spec));
