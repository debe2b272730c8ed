// SPDX-License-Identifier: Apache-2.0
/**
 * AlterShield's algorithm service, as a function from its request to its answer. With `ORIGINAL` it
 * answers as traas-stack/altershield-monitorCheck does, defects included; each defect that has a
 * switch is off in `CORRECTED`. Not copied: the background series (`longSeries`), which the original
 * reads without any effect on the verdict, and its kernel density, which never has enough samples.
 */
import { z } from 'zod';
import { familyOf, ruleFor } from './fields.ts';
import { backgroundOf, isAbnormal, type Sample } from './rules.ts';
import { mean } from '../statistics.ts';

const seriesSchema = z.object({
  dsId: z.string().default('default'),
  field: z.string().default('default'),
  tagStr: z.string().default('default'),
  series: z.record(z.string().regex(/^-?\d+$/), z.number()).default({}),
});

const requestSchema = z.object({
  app: z.string().default('default'),
  changeStart: z.number(),
  changeEnd: z.number(),
  period: z.number(),
  bizAlgKargs: z
    .object({
      detectRouterType: z.string().default('statisticMulti'),
      detect_windows: z.int().positive().default(4),
      anormal_windows: z.int().positive().default(1),
      fieldThresh: z.record(z.string(), z.number()).default({}),
    })
    .prefault({}),
  detectSeries: z.object({ keySeriesList: z.array(seriesSchema).default([]) }).prefault({}),
});

type Request = z.infer<typeof requestSchema>;
type KeySeries = z.infer<typeof seriesSchema>;

export interface MonitorCheckAnswer {
  readonly verdict: 'PASS' | 'FAIL';
  /** -1: the request could not be judged; the verdict then means nothing. */
  readonly resultCode: 0 | -1;
  readonly algorithmMessage: string;
  readonly rootCauseMsg: string;
}

/** The defects of the original that change verdicts; `true` keeps one. */
export interface MonitorCheckDefects {
  /**
   * A minute without a sample counts as 0 (100 for `successPercent`), on a grid through the start of
   * the change: samples off that grid are then diluted with zeros, and a dead pod looks healthy.
   */
  readonly fillsGaps: boolean;
  /** A loss of traffic (`total`) is harmless while more than ten requests are left. */
  readonly ignoresLostTraffic: boolean;
  /** One series of `cost` fails a change, although the original means to ask for two. */
  readonly failsOnOneCost: boolean;
}

export const ORIGINAL: MonitorCheckDefects = {
  ...{ fillsGaps: true, ignoresLostTraffic: true, failsOnOneCost: true },
};
export const CORRECTED: MonitorCheckDefects = {
  ...{ fillsGaps: false, ignoresLostTraffic: false, failsOnOneCost: false },
};

const ROUTER = 'statisticMultiByAtomic';

export function monitorCheck(
  request: unknown,
  defects: MonitorCheckDefects = ORIGINAL,
): MonitorCheckAnswer {
  const parsed = requestSchema.safeParse(request);
  if (!parsed.success) return unjudged('Parameter parsing failed');
  if (parsed.data.bizAlgKargs.detectRouterType !== ROUTER) {
    return answer([], ['No algorithm available']);
  }
  return judge(parsed.data, defects);
}

function judge(request: Request, defects: MonitorCheckDefects): MonitorCheckAnswer {
  const list = request.detectSeries.keySeriesList;
  const fields = new Set(list.map(({ field }) => field));
  const abnormal: Abnormal[] = [];
  for (const field of fields) {
    const ofField = list.filter((series) => series.field === field);
    const samples = samplesOf(field, ofField, { request, defects });
    if (samples === undefined) return unjudged('no samples before or after the change');
    abnormal.push(...samples.filter(({ sample }) => isAbnormalNow(sample, defects)));
  }
  const counted = isLoneCost(abnormal) && !defects.failsOnOneCost ? [] : abnormal;
  return answer(counted, messagesOf(counted));
}

const isAbnormalNow = (sample: Sample, { ignoresLostTraffic }: MonitorCheckDefects): boolean =>
  isAbnormal(sample) ||
  (!ignoresLostTraffic && sample.field === 'total' && isAbnormal(mirrored(sample)));

/** A fall as the rise that it is upside down, so that the same rules apply to lost traffic. */
function mirrored(sample: Sample): Sample {
  const top = 2 * mean(sample.before);
  const mirror = (values: Float64Array): Float64Array => values.map((value) => top - value);
  const before = mirror(sample.before);
  const rule = { threshold: 0, minShift: 0.1, harmless: 'Below' } as const;
  const background = backgroundOf(sample.field, [before]);
  return { ...sample, rule, before, after: mirror(sample.after), background };
}

const isLoneCost = (abnormal: readonly Abnormal[]): boolean =>
  abnormal.length === 1 && abnormal[0]?.sample.field === 'cost';

// --- Samples ---------------------------------------------------------------------------------

const MINUTE_MS = 60_000;
/** The newest samples that are looked at, those before the change included. */
const NEWEST = 50;

interface Abnormal {
  readonly series: KeySeries;
  readonly sample: Sample;
}

interface Context {
  readonly request: Request;
  readonly defects: MonitorCheckDefects;
}

interface Points {
  readonly times: readonly number[];
  readonly values: Float64Array;
}

/** Undefined if a series has nothing on one side of the change. */
function samplesOf(
  field: string,
  list: readonly KeySeries[],
  { request, defects }: Context,
): Abnormal[] | undefined {
  const { detect_windows: window, anormal_windows: needed, fieldThresh } = request.bizAlgKargs;
  const points = list.map((series) => pointsOf(series, { request, defects }));
  // The original takes the times of the first series for all of them.
  const sides = points.map(({ times, values }) =>
    split((defects.fillsGaps ? points[0]?.times : undefined) ?? times, values, request),
  );
  if (sides.some(({ before, after }) => before.length === 0 || after.length === 0)) {
    return undefined;
  }
  const background = backgroundOf(
    field,
    sides.map(({ before }) => before),
  );
  const rule = ruleFor(field, fieldThresh);
  return list.map((series, i) => ({
    series,
    sample: {
      ...{ field, rule, background, window, needed },
      before: sides[i]?.before ?? new Float64Array(),
      after: sides[i]?.after ?? new Float64Array(),
    },
  }));
}

/** The newest samples in the order of time, with the gaps filled as the original does. */
function pointsOf({ field, series }: KeySeries, { request, defects }: Context): Points {
  const points = new Map(Object.entries(series).map(([ms, value]) => [Number(ms), value]));
  if (defects.fillsGaps) fill(points, request, field === 'successPercent' ? 100 : 0);
  const newest = [...points].sort(([a], [b]) => a - b).slice(-NEWEST);
  return {
    times: newest.map(([ms]) => ms),
    values: Float64Array.from(newest, ([, value]) => value),
  };
}

/** Only the newest minutes of the grid can be among the newest samples. */
function fill(points: Map<number, number>, { changeStart, period }: Request, value: number): void {
  const last = changeStart + Math.floor((period - changeStart) / MINUTE_MS) * MINUTE_MS;
  for (let i = 0; i < NEWEST; i++) {
    const ms = last - i * MINUTE_MS;
    if (!points.has(ms)) points.set(ms, value);
  }
}

const split = (
  times: readonly number[],
  values: Float64Array,
  { changeStart, changeEnd }: Request,
): { before: Float64Array; after: Float64Array } => ({
  before: values.filter((_, i) => (times[i] ?? NaN) < changeStart),
  after: values.filter((_, i) => (times[i] ?? NaN) >= changeEnd),
});

// --- Answers ---------------------------------------------------------------------------------

const unjudged = (message: string): MonitorCheckAnswer => ({
  ...{ verdict: 'FAIL', resultCode: -1 },
  ...{ algorithmMessage: message, rootCauseMsg: message },
});

const answer = (
  abnormal: readonly Abnormal[],
  messages: readonly string[],
): MonitorCheckAnswer => ({
  ...{ verdict: abnormal.length === 0 ? 'PASS' : 'FAIL', resultCode: 0 },
  algorithmMessage: messages.map((text, i) => `${i + 1}、${text}; \n`).join(''),
  rootCauseMsg: '',
});

/** The original names the application and the family of the last abnormal series in all messages. */
function messagesOf(abnormal: readonly Abnormal[]): string[] {
  const last = abnormal.at(-1)?.series;
  const app = last === undefined ? 'null' : appOf(last);
  const family = familyOf(last?.dsId ?? 'null');
  return abnormal.map(({ series, sample }) => {
    const [before, after] = [mean(sample.before), mean(sample.after.subarray(-5))];
    const trend = after >= before ? '上涨' : '下跌';
    const tags = series.tagStr.replaceAll('$=$', '=').split('$&$').join('; ');
    return (
      `${app} 应用的指标 ${family}-${series.field} 从变更前 ${before.toFixed(2)} ` +
      `${trend}到变更后 ${after.toFixed(2)} - [详细信息：${tags}]`
    );
  });
}

/** The value of the last tag that begins with `app`. */
const appOf = ({ tagStr }: KeySeries): string =>
  tagStr
    .split('$&$')
    .findLast((tag) => tag.startsWith('app'))
    ?.split('$=$')[1] ?? 'null';
