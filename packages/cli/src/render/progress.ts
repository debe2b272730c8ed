// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import { isOver, phaseOf } from '@altershield/core';
import { isRevertedBy, type WorkloadState } from '../change.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { finding, plural } from './text.ts';

/** One line about where a change stands: phase, batch, pods, verdict, and why. */
export function progress({ spec, status }: ChangeWorkload): string {
  if (status === undefined) return `change ${spec.sequence}  Init`;
  const { phase, batch, verdict } = status;
  const parts = [
    `change ${spec.sequence}`,
    phase,
    ...(batch === undefined
      ? []
      : [`batch ${batch.index} of ${batch.total}`, plural(batch.target, 'pod')]),
    ...(verdict === 'None' ? [] : [verdict]),
    finding(status),
  ];
  return parts.join('  ');
}

/**
 * The exit code of a change that ended or needs a decision; undefined while it moves. A rollback
 * because the user reverted is the success of that revert.
 */
export function outcomeOf(record: ChangeWorkload, state?: WorkloadState): ExitCode | undefined {
  const phase = phaseOf(record);
  // A slow pod may still become ready: the change then goes on by itself.
  const isSlow = record.status?.reason === 'SlowToBecomeReady';
  if (phase === 'Suspend') return isSlow ? undefined : EXIT.suspended;
  if (!isOver(phaseOf(record))) return undefined;
  if (phase === 'Success') return EXIT.ok;
  if (phase !== 'RolledBack') return EXIT.failed;
  return state !== undefined && isRevertedBy(record, state) ? EXIT.ok : EXIT.rolledBack;
}
