// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CORRECTED, monitorCheck, type MonitorCheckAnswer } from './monitor-check.ts';

interface Recorded {
  readonly name: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly response: MonitorCheckAnswer & { readonly costTime: number };
}

const recorded: readonly Recorded[] = JSON.parse(
  readFileSync(new URL('monitor-check.recorded.json', import.meta.url), 'utf8'),
);

for (const { name, request, response } of recorded) {
  test(`monitorCheck answers ${name} as the original did`, () => {
    const { costTime: _, ...expected } = response;
    assert.deepEqual(monitorCheck(request), expected);
  });
}

const verdictsThatDiffer = (): string[] =>
  recorded
    .filter(
      ({ request, response }) => monitorCheck(request, CORRECTED).verdict !== response.verdict,
    )
    .map(({ name }) => name);

test('without its defects it sees lost traffic and samples beside the minute, and one cost passes', () => {
  assert.deepEqual(verdictsThatDiffer(), [
    ...['total_1000_to_0', 'total_1000_to_300', 'total_100_to_5'],
    ...['cost_100_to_180', 'cost_20_to_80', 'off_grid_7s'],
  ]);
});

const MINUTE = 60_000;
const START = 1_675_255_200_000;

/** A request of one series a minute: sixty samples before the change, eight after. */
const aRequest = (
  field: string,
  after: (i: number) => number,
  before: (i: number) => number = () => 100,
) => ({
  ...{ changeStart: START, changeEnd: START, period: START + 7 * MINUTE },
  bizAlgKargs: { detectRouterType: 'statisticMultiByAtomic' },
  detectSeries: {
    keySeriesList: [
      {
        ...{ dsId: 'systemPod', tagStr: 'app$=$shop', field },
        series: Object.fromEntries(
          Array.from({ length: 68 }, (_, i) => [
            String(START + (i - 60) * MINUTE),
            i < 60 ? before(i) : after(i - 60),
          ]),
        ),
      },
    ],
  },
});

test('a pod that sends nothing after the change passes only in the original', () => {
  const request = aRequest('cpu_util', () => 100);
  const [series] = request.detectSeries.keySeriesList;
  const until = Object.entries(series?.series ?? {}).filter(([ms]) => Number(ms) < START);
  const silent = { keySeriesList: [{ ...series, series: Object.fromEntries(until) }] };
  const verdict = ({ verdict, resultCode }: MonitorCheckAnswer): string =>
    `${verdict} ${resultCode}`;
  assert.equal(verdict(monitorCheck({ ...request, detectSeries: silent })), 'PASS 0');
  assert.equal(verdict(monitorCheck({ ...request, detectSeries: silent }, CORRECTED)), 'FAIL -1');
});

test('a request that cannot be read has result code -1 and no verdict of its own', () => {
  for (const request of [undefined, {}, { ...aRequest('cost', () => 1), period: 'now' }]) {
    const { resultCode, algorithmMessage } = monitorCheck(request);
    assert.deepEqual([resultCode, algorithmMessage], [-1, 'Parameter parsing failed']);
  }
});

test('a series without samples after the change cannot be judged', () => {
  const early = { ...aRequest('cost', () => 1), changeEnd: START + 60 * MINUTE };
  assert.equal(monitorCheck(early).resultCode, -1);
});

test('an unknown algorithm passes with a message', () => {
  const { verdict, algorithmMessage } = monitorCheck({
    ...aRequest('cost', () => 1),
    bizAlgKargs: {},
  });
  assert.deepEqual([verdict, algorithmMessage], ['PASS', '1、No algorithm available; \n']);
});

test('the request may set the threshold of a field', () => {
  const bizAlgKargs = {
    ...{ detectRouterType: 'statisticMultiByAtomic', fieldThresh: { cpu_util: 500 } },
  };
  const rise = aRequest('cpu_util', () => 400);
  assert.equal(monitorCheck(rise).verdict, 'FAIL');
  assert.equal(monitorCheck({ ...rise, bizAlgKargs }).verdict, 'PASS');
});
