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

/** Fields that decisions branch on, each with its known values. */
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
 * Whether a change in progress has a value that only another version of AlterShield knows. Guessing
 * its meaning could release pods, so the workload stays as that version left it.
 */
export const isOfUnknownVersion = (change: ChangeWorkload): boolean =>
  !isOver(statusOf(change).phase) &&
  branchesOf(change).some(([value, known]) => value !== undefined && !known.includes(value));
