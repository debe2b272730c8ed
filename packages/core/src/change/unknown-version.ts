// SPDX-License-Identifier: Apache-2.0
import {
  MODES,
  ON_FAIL,
  ON_INCONCLUSIVE,
  OPERATIONS,
  PHASES,
  STRATEGIES,
  type ChangeWorkload,
} from '@altershield/api';
import { isOver, statusOf } from './status.ts';

/** Values by which decisions branch, and what each may be. */
const branchesOf = (
  change: ChangeWorkload,
): readonly (readonly [string | undefined, readonly string[]])[] => {
  const { operation, policy, release: recorded } = change.spec;
  const { mode, release, onFail, onInconclusive } = policy.spec;
  return [
    [statusOf(change).phase, PHASES],
    [operation, OPERATIONS],
    [mode, MODES],
    [release.strategy, STRATEGIES],
    [recorded?.strategy, STRATEGIES],
    [onFail, ON_FAIL],
    [onInconclusive, ON_INCONCLUSIVE],
  ];
};

/**
 * Whether a change in flight is of another version of AlterShield, by a value that this one does not
 * know. To guess what it means could release pods: the workload stays as that version left it.
 */
export const isOfUnknownVersion = (change: ChangeWorkload): boolean =>
  !isOver(statusOf(change).phase) &&
  branchesOf(change).some(([value, known]) => value !== undefined && !known.includes(value));
