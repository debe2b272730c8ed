// SPDX-License-Identifier: Apache-2.0
/** What a signal usually is at this time of the day. */
import { isSample, medianOfFew } from './statistics.ts';

const DAY_SECONDS = 86_400;
/** More days would mix in other weekdays and older releases. */
const MAX_DAYS = 3;
/** The daily profile is smoothed over five minutes to either side. */
const SMOOTHING_SECONDS = 300;

/**
 * The residuals of `values` from sample `from` on against the median of the same time on up to three
 * earlier days; undefined with less than one day before `from`.
 */
export function withoutSeason(
  values: Float64Array,
  stepSeconds: number,
  from: number,
): Float64Array | undefined {
  const day = Math.round(DAY_SECONDS / stepSeconds);
  const half = Math.max(1, Math.round(SMOOTHING_SECONDS / stepSeconds));
  if (from < day + half || day * stepSeconds !== DAY_SECONDS) return undefined;
  const residuals = new Float64Array(values.length - from);
  const buffer = new Float64Array(MAX_DAYS * (2 * half + 1));
  for (let i = from; i < values.length; i++) {
    const usual = usualAt(values, { day, half, at: i, known: from }, buffer);
    residuals[i - from] = (values[i] ?? NaN) - usual;
  }
  return residuals;
}

interface Place {
  readonly day: number;
  readonly half: number;
  readonly at: number;
  /** Samples from here on are those being judged: they say nothing about what is usual. */
  readonly known: number;
}

/** The median over the days of the median around the same time. */
function usualAt(values: Float64Array, place: Place, buffer: Float64Array): number {
  const days = new Float64Array(MAX_DAYS);
  let count = 0;
  for (let d = 1; d <= MAX_DAYS; d++) {
    const center = place.at - d * place.day;
    const usual = medianAround(values, center, place, buffer);
    if (isSample(usual)) days[count++] = usual;
  }
  return medianOfFew(days, count);
}

function medianAround(
  values: Float64Array,
  center: number,
  { half, known }: Place,
  buffer: Float64Array,
): number {
  let count = 0;
  const last = Math.min(known - 1, center + half);
  for (let i = Math.max(0, center - half); i <= last; i++) {
    const value = values[i] ?? NaN;
    if (isSample(value)) buffer[count++] = value;
  }
  return medianOfFew(buffer, count);
}
