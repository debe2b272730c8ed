// SPDX-License-Identifier: Apache-2.0
import type { ChangePod, ChangeWorkload, Phase, Verdict } from '@altershield/api';
import { isOver, phaseOf } from '@altershield/core';
import type { Tone } from './style.ts';

export interface Sign {
  readonly symbol: string;
  readonly tone: Tone;
}

const PHASE_SIGNS: Readonly<Record<Phase, Sign>> = {
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

const VERDICT_SIGNS: Readonly<Record<Verdict, Sign>> = {
  None: { symbol: '·', tone: 'dim' },
  Pending: { symbol: '●', tone: 'busy' },
  Pass: { symbol: '✔', tone: 'good' },
  Fail: { symbol: '✖', tone: 'bad' },
  Inconclusive: { symbol: '?', tone: 'warn' },
};

/** A newer operator may know more phases than this program. */
const UNKNOWN: Sign = { symbol: '?', tone: 'warn' };

/** A change that has no status yet is at its beginning. */
export const phaseSign = (phase: Phase = 'Init'): Sign =>
  Object.hasOwn(PHASE_SIGNS, phase) ? PHASE_SIGNS[phase] : UNKNOWN;

export const verdictSign = (verdict: Verdict = 'None'): Sign => VERDICT_SIGNS[verdict];

/** How a batch stands, as a word. A change that ended judges no batch any more. */
export function standing(
  { status }: ChangePod,
  change: ChangeWorkload,
): Sign & { readonly text: string } {
  const verdict = status?.verdict ?? 'Pending';
  if (verdict === 'Pending' && isOver(phaseOf(change)))
    return { ...verdictSign(), text: 'not judged' };
  return { ...verdictSign(status?.verdict), text: status?.verdict ?? 'Init' };
}
