// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aPolicy, NOW, pods } from '@altershield/testing/builders';
import type { CheckInput } from './check.ts';
import { judgeBatch } from './checks.ts';
import type { Reading } from './request.ts';
import { parseWebhookAnswer, type WebhookAnswer } from './webhook-answer.ts';

const settings = aPolicy({
  checks: {
    webhooks: [
      {
        ...{ name: 'slo', url: 'http://slo/check', settings: { objective: 0.9 } },
        ...{ intervalSeconds: 10, deadlineSeconds: 60 },
      },
    ],
  },
}).spec.checks;

/** One updated pod, ready for this many seconds; the soak of the batch is over. */
const judge = (seconds: number, reading?: Partial<Reading>, target = 1) => {
  const readySince = NOW - 1000 * seconds;
  const input: CheckInput = {
    checked: {
      ...{ namespace: 'shop', kind: 'Deployment', workload: 'web', change: 'web-2' },
      ...{ batch: 1, total: 3, detectedAt: NOW - 100_000 },
    },
    settings,
    pods: {
      updated: pods('new', 1, { readySince, readySeenAt: readySince }),
      stable: pods('old', 2),
      ...{ target, settings: settings.podHealth, readyDeadlineSeconds: 600, soakSeconds: 0 },
      ...{ releasedAt: NOW - 90_000, mayReleaseMore: false, now: NOW, currentAsOf: NOW },
    },
    hasDefaultSource: false,
    readings: new Map(
      reading === undefined
        ? []
        : [['slo', { key: `1/${readySince}/0`, read: NOTHING, at: NOW, ...reading }]],
    ),
    isOverridden: false,
  };
  return judgeBatch(input);
};

const NOTHING = { type: 'Query', queries: {} } as const;

const said = (outcome: ReturnType<typeof judge>): string =>
  `${outcome.result.verdict} ${outcome.result.reason}`;

const answer = (verdict: WebhookAnswer['verdict'], more: Partial<WebhookAnswer> = {}) => ({
  answer: { type: 'Webhook', verdict, reason: 'BurnRate', ...more } as const,
});

test('a plug-in is asked once all pods of the batch are ready, with its settings', () => {
  assert.equal(judge(0, undefined, 2).requests, undefined);
  const [request] = judge(0).requests ?? [];
  assert.ok(request?.read.type === 'Webhook');
  const { settings: sent, deadline, batch } = request.read.question;
  assert.deepEqual(sent, { objective: 0.9 });
  assert.equal(deadline, new Date(NOW + 60_000).toISOString());
  assert.deepEqual(batch, { number: 1, total: 3, readyAt: new Date(NOW).toISOString() });
});

test('its verdict is that of the batch, and it is not asked again', () => {
  assert.equal(said(judge(5, answer('Fail'))), 'Fail BurnRate');
  assert.equal(said(judge(5, answer('Inconclusive'))), 'Inconclusive BurnRate');
  const good = judge(50, answer('Pass'));
  assert.equal(good.result.verdict, 'Pass');
  assert.equal(good.requests, undefined);
});

test('a pending plug-in is asked again after the interval, or as late as it wishes', () => {
  const early = judge(9, { ...answer('Pending'), at: NOW - 9000 });
  assert.deepEqual([early.requests, early.dueAt], [undefined, NOW + 1000]);
  const due = judge(10, { ...answer('Pending'), at: NOW - 10_000 });
  assert.equal(due.requests?.[0]?.key, `1/${NOW - 10_000}/${NOW - 10_000}`);
  const later = answer('Pending', { retryAfterSeconds: 30 });
  const patient = judge(10, { ...later, at: NOW - 10_000 });
  assert.deepEqual([patient.requests, patient.dueAt], [undefined, NOW + 20_000]);
});

test('a broken plug-in is asked again, and Inconclusive at the deadline with the reason', () => {
  const error = { reason: 'PluginUnavailable', message: 'connection refused' };
  assert.equal(said(judge(59, { error })), 'Pending PluginUnavailable');
  const over = judge(60, { error });
  assert.equal(said(over), 'Inconclusive PluginUnavailable');
  assert.match(over.result.message, /^connection refused; no verdict within 60 s$/);
  assert.equal(over.requests, undefined);
  assert.equal(said(judge(60)), 'Inconclusive PluginAsked', 'silence');
});

test('an answer about earlier pods, or after the deadline, does not count', () => {
  const old = judge(5, { ...answer('Pass'), key: `1/${NOW - 50_000}/0` });
  assert.equal(said(old), 'Pending PluginAsked');
  assert.equal(old.requests?.length, 1);
  assert.equal(said(judge(61, answer('Pass'))), 'Inconclusive PluginAsked');
});

test('an answer that is not valid says what is wrong, and is no verdict', () => {
  const cases: readonly [unknown, RegExp][] = [
    ['<html>', /not a JSON object/],
    [[], /not a JSON object/],
    [{ id: 'q', verdict: 'Maybe' }, /^verdict of its answer/],
    [{ verdict: 'Pass' }, /^id of its answer/],
    [{ id: 'other', verdict: 'Pass' }, /id of another question/],
    [{ id: 'q', verdict: 'Pass', reason: 'two words' }, /^reason of its answer: must be CamelCase/],
    [{ id: 'q', verdict: 'Pass', message: 'x'.repeat(1025) }, /^message of its answer/],
    [{ id: 'q', verdict: 'Pending', retryAfterSeconds: -1 }, /^retryAfterSeconds of its/],
  ];
  for (const [body, message] of cases) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const parsed = parseWebhookAnswer(text, 'q');
    assert.ok(typeof parsed === 'string', text);
    assert.match(parsed, message);
  }
  assert.deepEqual(parseWebhookAnswer('{"id":"q","verdict":"Pass","later":1}', 'q'), {
    ...{ type: 'Webhook', verdict: 'Pass' },
  });
});
