// SPDX-License-Identifier: Apache-2.0
import type { ChangePod, ChangeWorkload, Phase, Verdict } from '@altershield/api';
import { isOver, phaseOf } from '@altershield/core';
import type { Tone } from './style.ts';

export interface StatusSymbol {
  readonly symbol: string;
  readonly tone: Tone;
}

const PHASE_SYMBOLS: Readonly<Record<Phase, StatusSymbol>> = {
  Init: { symbol: '●', tone: 'busy' },
  Running: { symbol: '●', tone: 'busy' },
  TimeOutPreThreshold: { symbol: '●', tone: 'warn' },
  Suspend: { symbol: '▲', tone: 'warn' },
  RollingBack: { symbol: '↺', tone: 'warn' },
  Success: { symbol: '✔', tone: 'good' },
  Failed: { symbol: '✖', tone: 'bad' },
  RolledBack: { symbol: '↺', tone: 'bad' },
  Superseded: { symbol: '→', tone: 'dim' },
};

const VERDICT_SYMBOLS: Readonly<Record<Verdict, StatusSymbol>> = {
  None: { symbol: '·', tone: 'dim' },
  Pending: { symbol: '●', tone: 'busy' },
  Pass: { symbol: '✔', tone: 'good' },
  Fail: { symbol: '✖', tone: 'bad' },
  Inconclusive: { symbol: '?', tone: 'warn' },
};

/** A newer operator may know more phases than this program. */
const UNKNOWN: StatusSymbol = { symbol: '?', tone: 'warn' };

/** A change that has no status yet is at its beginning. */
export const phaseSymbol = (phase: Phase = 'Init'): StatusSymbol =>
  Object.hasOwn(PHASE_SYMBOLS, phase) ? PHASE_SYMBOLS[phase] : UNKNOWN;

export const verdictSymbol = (verdict: Verdict = 'None'): StatusSymbol => VERDICT_SYMBOLS[verdict];

/** The status of a batch as a word. A finished change no longer checks its batches. */
export function batchStatus(
  { status }: ChangePod,
  change: ChangeWorkload,
): StatusSymbol & { readonly text: string } {
  const verdict = status?.verdict ?? 'Pending';
  if (verdict === 'Pending' && isOver(phaseOf(change)))
    return { ...verdictSymbol(), text: 'not checked' };
  return { ...verdictSymbol(status?.verdict), text: status?.verdict ?? 'Init' };
}
