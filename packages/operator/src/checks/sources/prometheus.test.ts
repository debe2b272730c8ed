// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpRequest } from '@altershield/kube';
import { realScheduler } from '@altershield/kube';
import { HoloInsightClient } from './holoinsight.ts';
import { SourceHttp } from './http.ts';
import { PrometheusClient } from './prometheus.ts';
import type { SourceError } from './source-client.ts';

const LIVE = new AbortController().signal;
const QUERY = { expression: 'up # now', start: 60_000, end: 180_000, step: 60_000 };

/** HTTP that always answers the same, and remembers what it was asked. */
function answering(json: unknown, status = 200) {
  const asked: HttpRequest[] = [];
  async function* body(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from(JSON.stringify(json)));
  }
  const transport = {
    close: () => Promise.resolve(),
    request: (request: HttpRequest) => {
      asked.push(request);
      return Promise.resolve({ status, headers: {}, body: body() });
    },
  };
  const options = { scheduler: realScheduler, timeoutSeconds: 10, maxConcurrent: 6, name: 'main' };
  return { asked, http: new SourceHttp({ ...options, transport }) };
}

const matrix = (values: readonly unknown[], more: object = {}): object => ({
  status: 'success',
  data: { resultType: 'matrix', result: [{ metric: { pod: 'a' }, values }] },
  ...more,
});

const rangeOf = (json: unknown, status?: number) =>
  new PrometheusClient(answering(json, status).http).range(QUERY, LIVE);

const failsWith =
  (failure: SourceError['failure'], message: RegExp) =>
  (error: SourceError): boolean => {
    assert.equal(error.failure, failure);
    assert.match(error.message, message);
    return true;
  };

test('a range query is sent as a form, with times in seconds', async () => {
  const { asked, http } = answering(matrix([]));
  await new PrometheusClient(http).range(QUERY, LIVE);
  assert.deepEqual(
    [asked[0]?.method, asked[0]?.path, asked[0]?.body],
    ['POST', '/api/v1/query_range', 'query=up+%23+now&start=60&end=180&step=60&timeout=10s'],
  );
});

test('values that are no numbers, twice there, or of another time are left out', async () => {
  const values = [
    [0, '1'],
    [60, 'NaN'],
    [60, '2'],
    [60, '3'],
    [120, '+Inf'],
    [120, ''],
    [120, null],
    [120, '4.5'],
    [90, '9'],
    [180.0004, '5'],
    [240, '6'],
    'x',
  ];
  assert.deepEqual(await rangeOf(matrix(values)), [
    { labels: { pod: 'a' }, times: [60_000, 120_000, 180_000], values: [2, 4.5, 5] },
  ]);
});

test('a partial answer is an error', async () => {
  await assert.rejects(
    rangeOf(matrix([[60, '1']], { warnings: ['store gateway timed out'] })),
    failsWith('Unavailable', /values may be missing: store gateway timed out/),
  );
});

test('a note on the query is not a warning', async () => {
  const warnings = ['PromQL info: metric might not be a counter, name does not end in _total'];
  assert.equal((await rangeOf(matrix([[60, '1']], { warnings, infos: ['x'] }))).length, 1);
});

test('a query that is not accepted is told with the text of the server', async () => {
  await assert.rejects(
    rangeOf({ status: 'error', errorType: 'bad_data', error: 'parse error: unexpected ")"' }, 400),
    failsWith(
      'InvalidQuery',
      /^the query up # now to main: 400 parse error: unexpected "\)"; corr/,
    ),
  );
});

test('an answer of another API is told as a wrong url', async () => {
  await assert.rejects(rangeOf({}, 404), failsWith('Unavailable', /answered 404; check that its/));
});

test('histograms are told with the function that makes values of them', async () => {
  const result = [{ metric: {}, histograms: [[60, { count: '1' }]] }];
  await assert.rejects(
    rangeOf({ status: 'success', data: { resultType: 'matrix', result } }),
    failsWith('InvalidQuery', /histogram_quantile\(\)/),
  );
});

test('an answer without series is an answer', async () => {
  const nothing = { status: 'success', data: { resultType: 'matrix', result: [] } };
  assert.deepEqual(await rangeOf(nothing), []);
});

const holo = (json: unknown, api: 'PQL' | 'Query' = 'PQL') => {
  const { asked, http } = answering(json);
  const client = new HoloInsightClient(http, { tenant: 'shop', api });
  const body = (): Record<string, unknown> =>
    JSON.parse(asked[0]?.body ?? '') as Record<string, unknown>;
  return { client, asked, body };
};
const PROBED = { tags: { altershield_probe: '1' }, values: [[60_000, '1']] };

test('HoloInsight is asked with a probe, which is not part of the answer', async () => {
  const data = [{ metric: 'up', tags: { pod: 'a' }, values: [[120_000, '2']] }, PROBED];
  const { client, asked, body } = holo({ success: true, data });
  assert.deepEqual(await client.range(QUERY, LIVE), [
    { labels: { pod: 'a' }, times: [120_000], values: [2] },
  ]);
  assert.equal(asked[0]?.path, '/webapi/v1/query/pql/range');
  assert.deepEqual(body(), {
    tenant: 'shop',
    query: '(up # now\n) or on() label_replace(vector(1), "altershield_probe", "1", "", "")',
    ...{ start: 60_000, end: 180_000, step: 60_000, timeout: '10s' },
  });
});

test('HoloInsight that has no values answers with the probe alone; nothing at all is an error', async () => {
  assert.deepEqual(await holo({ success: true, data: [PROBED] }).client.range(QUERY, LIVE), []);
  await assert.rejects(
    holo({ success: true, data: [] }).client.range(QUERY, LIVE),
    failsWith('Unavailable', /with nothing at all, as it does after an error/),
  );
});

test('an error of HoloInsight comes with the status 200', async () => {
  await assert.rejects(
    holo({ success: false, message: 'tenant is illegal' }).client.range(QUERY, LIVE),
    failsWith('InvalidQuery', /200 tenant is illegal/),
  );
});

test('the model of HoloInsight gets times, and names of pods without escapes', async () => {
  const model = {
    query: 'a/b',
    datasources: [
      {
        ...{ name: 'a', metric: 'errors' },
        filters: [
          { type: 'literal_or', name: 'pod', value: 'web\\.1|web\\.2' },
          { type: 'regexp', name: 'pod', value: 'web\\.1' },
        ],
      },
    ],
  };
  const { client, body } = holo(
    { success: true, data: { results: [{ tags: {}, values: [[60_000, 1.5]] }] } },
    'Query',
  );
  const query = { ...QUERY, expression: JSON.stringify(model) };
  assert.deepEqual(await client.range(query, LIVE), [
    { labels: {}, times: [60_000], values: [1.5] },
  ]);
  assert.deepEqual(body()['datasources'], [
    {
      ...{ name: 'a', metric: 'errors', start: 60_000, end: 180_000 },
      filters: [
        { type: 'literal_or', name: 'pod', value: 'web.1|web.2' },
        { type: 'regexp', name: 'pod', value: 'web\\.1' },
      ],
    },
  ]);
  await assert.rejects(
    holo({}, 'Query').client.range(QUERY, LIVE),
    failsWith('InvalidQuery', /is not JSON with datasources/),
  );
});
