// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import { isOver, phaseOf } from '@altershield/core';
import { isQuarantined, noRollback, targetName, type Story } from '../change.ts';

/** Commands for the user, the safest first. */
export function nextSteps(story: Story, now: number): string[] {
  const { record } = story;
  if (record.status?.reason === 'AwaitingApproval') return whenAwaiting(record);
  if (phaseOf(record) === 'Suspend') return whenSuspended(record);
  if (isQuarantined(record, now)) return [command(record, 'lift', 'allow the revision again')];
  if (!isOver(phaseOf(record)) && canRollBack(record) && phaseOf(record) !== 'RollingBack') {
    return [command(record, 'rollback', 'stop the change and roll it back')];
  }
  return isRunningAndBad(story) ? [command(record, 'rollback', 'roll it back')] : [];
}

const whenAwaiting = (record: ChangeWorkload): string[] => [
  command(record, 'approve', `${releaseText(record)} (not as the user who made the change)`),
  command(record, 'reject', noRollback(record) === undefined ? 'roll it back' : 'keep it held'),
];

/** The first batch is the beginning of the change. */
const releaseText = ({ status }: ChangeWorkload): string =>
  (status?.batch?.index ?? 1) === 1
    ? 'release it'
    : `release batch ${status?.batch?.index} of ${status?.batch?.total}`;

/** Never offers only `resume` for a suspended change: its revision may be broken. */
function whenSuspended(record: ChangeWorkload): string[] {
  const { status } = record;
  const isDenied = status?.reason === 'WriteDenied';
  const isRollback = status?.rolledBackAt !== undefined;
  const back =
    canRollBack(record) && !isRollback
      ? [command(record, 'rollback', 'return to the verified revision')]
      : [];
  const fix = isDenied
    ? `  Change what the API server denied (see above), then resume.`
    : fixText(record);
  return [...back, fix, command(record, 'resume', resumeText(record, isRollback, isDenied))];
}

function fixText(record: ChangeWorkload): string {
  const { kind, name } = record.spec.target;
  if (noRollback(record) !== undefined) {
    return `  Create another ${kind} with a fixed template, and delete ${name}: its own cannot be changed.`;
  }
  const target = targetName(record.spec.target);
  const why = canRollBack(record) ? '' : '; there is no verified revision to roll back to';
  return `  Apply a fixed template to ${target}: it replaces this change${why}.`;
}

function resumeText(record: ChangeWorkload, isRollback: boolean, isDenied: boolean): string {
  const { status } = record;
  if (isRollback) return 'continue the rollback';
  if (status?.reason === 'RequestedByUser') return 'end the pause';
  if (isDenied) return 'try again';
  if (status?.verdict === 'Fail') return afterFailure(record);
  if (status?.verdict === 'None') return 'release it without a check';
  return 'release it despite the verdict';
}

const afterFailure = (record: ChangeWorkload): string =>
  noRollback(record) === undefined
    ? 'release more pods of the failing revision'
    : 'let it try again';

const command = ({ metadata }: ChangeWorkload, verb: string, effect: string): string =>
  `  altershield ${verb} change/${metadata.name} -n ${metadata.namespace ?? 'default'} --reason '…'   ${effect}`;

const canRollBack = ({ spec, status }: ChangeWorkload): boolean =>
  spec.from?.verified === true && status?.reason !== 'NoVerifiedRevision';

/** It was only observed, failed, and is still the newest change. */
const isRunningAndBad = ({ record: { spec, status }, others }: Story): boolean =>
  ['CheckFailed', 'CheckInconclusive'].includes(status?.reason ?? '') &&
  status?.phase === 'Failed' &&
  spec.from?.verified === true &&
  others.every((other) => other.spec.sequence < spec.sequence);
