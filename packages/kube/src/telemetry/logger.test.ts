// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger, type LoggerOptions } from './logger.ts';

function logged(
  write: (log: ReturnType<typeof createLogger>) => void,
  options: LoggerOptions = {},
): string[] {
  const lines: string[] = [];
  write(createLogger({ ...options, destination: { write: (line) => lines.push(line) } }));
  return lines;
}

test('a line is JSON with time, level, constant message and fields', () => {
  const [line = ''] = logged((log) => {
    log.child({ controller: 'change' }).info('reconciled', { key: 'shop/checkout' });
  });
  const { time, ...rest } = JSON.parse(line);
  assert.match(time, /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(rest, {
    level: 'info',
    msg: 'reconciled',
    controller: 'change',
    key: 'shop/checkout',
  });
  assert.ok(line.endsWith('\n'));
});

test('durations are logged to a tenth of a millisecond', () => {
  const [line = ''] = logged((log) => {
    log.info('reconciled', { durationMs: 10.967227000001003 });
  });
  assert.match(line, /"durationMs":11[,}]/);
});

test('levels below the chosen one are left out', () => {
  const all = (log: ReturnType<typeof createLogger>): void => {
    log.debug('d');
    log.info('i');
    log.warn('w');
    log.error('e');
  };
  assert.equal(logged(all).length, 3);
  assert.equal(logged(all, { level: 'debug' }).length, 4);
  assert.equal(logged(all, { level: 'silent' }).length, 0);
});

test('an error keeps its stack and its cause', () => {
  const err = new Error('outer', { cause: new TypeError('inner') });
  const [line = ''] = logged((log) => {
    log.error('failed', { err });
  });
  const parsed = JSON.parse(line);
  assert.equal(parsed.err.message, 'outer');
  assert.match(parsed.err.stack, /logger\.test/);
  assert.equal(parsed.err.cause.message, 'inner');
});

test('secrets are left out, in fields and in texts', () => {
  const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl';
  const text = logged((log) => {
    log.info('call', { headers: { authorization: 'Basic aGk6dGhlcmU=' }, token: 'hunter2' });
    log.info('call', { user: { credentials: { password: 'hunter2' } } });
    log.warn('bad', { err: new Error(`401 for Bearer abcdef0123456789`), note: jwt });
  }).join('');
  assert.doesNotMatch(text, /hunter2|aGk6dGhlcmU|abcdef0123456789|c2lnbmF0dXJl/);
  assert.equal(text.split('[redacted]').length, 7);
});

test('the pretty format is readable text', () => {
  const write = (log: ReturnType<typeof createLogger>): void => {
    log.warn('watch broke', { resource: 'pods', retryInMs: 500, err: new Error('reset') });
  };
  const [plain = ''] = logged(write, { pretty: true });
  assert.match(
    plain,
    /^\d\d:\d\d:\d\d\.\d{3} warn  watch broke resource=pods retryInMs=500\n {2}Error: reset\n {6}at /,
  );
  assert.match(logged(write, { pretty: true, colors: true })[0] ?? '', /\u001B\[33mwarn/);
});
