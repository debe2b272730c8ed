// SPDX-License-Identifier: Apache-2.0
import type { Phase, Verdict } from '@altershield/api';
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

/** A change that has no status yet is at its beginning. */
export const phaseSign = (phase: Phase = 'Init'): Sign => PHASE_SIGNS[phase];

export const verdictSign = (verdict: Verdict = 'None'): Sign => VERDICT_SIGNS[verdict];
