// SPDX-License-Identifier: Apache-2.0
/**
 * Whether a signal that worsened is the fault of this change. What else worsened, and when, decides:
 * a cause that all share worsens all, and a fault begins when its pods begin.
 */

export interface Worsening {
  /** The workload, or the change, as a user knows it. */
  readonly name: string;
  readonly worsened: boolean;
  /** When the first sample that worsened was taken; milliseconds since the epoch. */
  readonly since?: number;
}

/** Another change in flight while the signal worsened. */
export interface OtherChange extends Worsening {
  /** When its first updated pod became ready. */
  readonly startedAt: number;
}

export interface BlameInput {
  /** The updated pods of this change. */
  readonly updated: Worsening;
  /** When the first of them became ready. */
  readonly startedAt: number;
  /** The stable pods of the same workload; `worsened` as far as the updated ones. */
  readonly stable: Worsening;
  /** Workloads of the same namespace or dependency that nobody is changing. */
  readonly unchanged: readonly Worsening[];
  /** Other changes in flight, with the state of their updated pods. */
  readonly others: readonly OtherChange[];
  /** The time between two samples: nothing is known to be earlier by less. */
  readonly stepMs: number;
}

export const BLAME_REASONS = [
  'NotWorsened',
  'OnlyUpdated',
  'BeganBefore',
  'AlsoInStable',
  'AlsoInUnchanged',
  'OtherChange',
] as const;
export type BlameReason = (typeof BLAME_REASONS)[number];

export interface Blame {
  /** `Fail`: this change is to blame. `Inconclusive`: it may be something else. */
  readonly verdict: 'Pass' | 'Fail' | 'Inconclusive';
  readonly reason: BlameReason;
  /** A sentence that names what else worsened, or what else was in flight. */
  readonly message: string;
}

/** How many names a message shows. */
const MAX_NAMES = 3;

export function blame(input: BlameInput): Blame {
  if (!input.updated.worsened) {
    return { verdict: 'Pass', reason: 'NotWorsened', message: 'the updated pods did not worsen' };
  }
  const excuse = EXCUSES.map((rule) => rule(input)).find((found) => found !== undefined);
  if (excuse === undefined) {
    return {
      ...{ verdict: 'Fail', reason: 'OnlyUpdated' },
      message: 'only the updated pods of this change worsened',
    };
  }
  const inFlight = inFlightText(input.others);
  return { verdict: 'Inconclusive', reason: excuse.reason, message: excuse.text + inFlight };
}

interface Excuse {
  readonly reason: BlameReason;
  readonly text: string;
}

type Rule = (input: BlameInput) => Excuse | undefined;

/** A fault cannot begin before the pods that cause it. */
const beganBefore: Rule = ({ updated, startedAt, stepMs }) =>
  updated.since !== undefined && updated.since < startedAt - stepMs
    ? { reason: 'BeganBefore', text: 'the signal worsened before the first updated pod was ready' }
    : undefined;

const alsoInStable: Rule = ({ stable }) =>
  stable.worsened
    ? { reason: 'AlsoInStable', text: 'the stable pods worsened as well' }
    : undefined;

const alsoInUnchanged: Rule = ({ unchanged }) => {
  const worse = unchanged.filter(({ worsened }) => worsened);
  return worse.length === 0
    ? undefined
    : {
        reason: 'AlsoInUnchanged',
        text: `workloads without a change worsened as well: ${namesOf(worse)}`,
      };
};

/**
 * Of two changes whose pods worsened, the one whose pods began first is suspected, if the signals
 * worsened in that order, too.
 */
const otherChange: Rule = (input) => {
  const suspects = input.others.filter((other) => mayHaveCaused(other, input));
  return suspects.length === 0
    ? undefined
    : {
        reason: 'OtherChange',
        text: `another change worsened no later and may be the cause: ${namesOf(suspects)}`,
      };
};

function mayHaveCaused(other: OtherChange, { updated, startedAt, stepMs }: BlameInput): boolean {
  if (!other.worsened) return false;
  const isLaterStart = other.startedAt > startedAt + stepMs;
  const isLaterEffect = (other.since ?? -Infinity) > (updated.since ?? Infinity) + stepMs;
  return !isLaterStart && !isLaterEffect;
}

const EXCUSES: readonly Rule[] = [beganBefore, alsoInStable, alsoInUnchanged, otherChange];

function inFlightText(others: readonly OtherChange[]): string {
  return others.length === 0
    ? '; no other change was in flight'
    : `; also in flight: ${namesOf(others)}`;
}

function namesOf(list: readonly Worsening[]): string {
  const names = list.slice(0, MAX_NAMES).map(({ name }) => name);
  const rest = list.length - names.length;
  return names.join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
