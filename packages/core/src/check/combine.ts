// SPDX-License-Identifier: Apache-2.0
import type { CheckOutcome } from './finding.ts';

export interface Evaluated {
  readonly outcome: CheckOutcome;
  /** False: recorded only. */
  readonly isRequired: boolean;
}

const ORDER = ['Fail', 'Pending', 'Inconclusive', 'Pass', 'None'] as const;

/**
 * The verdict of a batch: any required Fail; else any Pending; else any Inconclusive; else Pass. The
 * result that decides is that of the first check with this verdict; the others follow it in the
 * record.
 */
export function combine(evaluated: readonly Evaluated[]): CheckOutcome {
  const required = evaluated.filter(({ isRequired }) => isRequired);
  const verdict = ORDER.find((each) => required.some((e) => e.outcome.result.verdict === each));
  const deciding = required.find((e) => e.outcome.result.verdict === verdict)?.outcome;
  if (deciding === undefined) throw new TypeError('a batch has at least one required check');
  const outcomes = evaluated.map(({ outcome }) => outcome);
  const others = outcomes.filter((each) => each !== deciding).map(({ result }) => result);
  const requests = outcomes.flatMap((each) => each.requests ?? []);
  return {
    result: deciding.result,
    unhealthy: outcomes[0]?.unhealthy ?? 0,
    ...(others.length === 0 ? {} : { others: others.slice(0, MAX_OTHERS) }),
    ...(requests.length === 0 ? {} : { requests }),
    ...optional('dueAt', Math.min, outcomes),
    ...(verdict === 'Pending' ? optional('passesAt', Math.max, outcomes) : {}),
    ...(deciding.needsPodListing === undefined ? {} : { needsPodListing: true }),
  };
}

/** A ChangePod records 32 checks. */
const MAX_OTHERS = 31;

function optional<K extends 'dueAt' | 'passesAt'>(
  key: K,
  choose: (...times: number[]) => number,
  outcomes: readonly CheckOutcome[],
): Partial<Record<K, number>> {
  const times = outcomes.flatMap((each) => each[key] ?? []);
  return times.length === 0 ? {} : ({ [key]: choose(...times) } as Record<K, number>);
}
