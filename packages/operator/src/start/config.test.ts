// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readConfig } from './config.ts';

test('outside a cluster it listens on the loopback address, logs as text and stops immediately', () => {
  const config = readConfig([], {});
  assert.equal(config.webhookUrlHost, '127.0.0.1');
  assert.equal(config.logFormat, 'text');
  assert.equal(config.shutdownDelaySeconds, 0);
});

test('in a cluster it is called by its Service, logs for machines and leaves when told', () => {
  const argv = ['run', '--shutdown-delay-seconds', '5', '--log-level', 'debug'];
  const config = readConfig(argv, { KUBERNETES_SERVICE_HOST: '10.0.0.1', POD_NAME: 'pod-1' });
  assert.equal(config.webhookUrlHost, undefined);
  assert.equal(config.identity, 'pod-1');
  assert.deepEqual([config.logFormat, config.logLevel], ['json', 'debug']);
  assert.equal(config.shutdownDelaySeconds, 5);
});

test('the limit of rollbacks in the cluster is a whole number, 100 by default', () => {
  const limit = (argv: readonly string[]) => readConfig(argv, {}).rollbacksPerHour;
  assert.equal(limit([]), 100);
  assert.equal(limit(['--rollbacks-per-hour', '0']), 0);
});

test('whom the operator acts as is chosen by itself, given, or switched off', () => {
  const as = (...argv: readonly string[]) => readConfig(argv, {}).as;
  assert.deepEqual([as(), as('--as', 'bot'), as('--no-as')], [undefined, 'bot', false]);
});

test('an unknown argument is rejected: npm may have taken the option before it', () => {
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  const args = ['--conditions=@altershield/source', main, '/home/alice/kubeconfig'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /'\/home\/alice\/kubeconfig' is invalid[^]*options need a `--`/);
});
