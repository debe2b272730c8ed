// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout } from '../support/checkout.ts';
import { startCommandLine } from '../support/command-line.ts';

test('`get -w` lists the changes, then prints each transition as it happens', async () => {
  const policy = { release: { batches: [1, '100%'], soakSeconds: 2 } };
  const checkout = await Checkout.start({ policy });
  await checkout.apply('2', 60_000);
  const { lines } = startCommandLine(checkout, 'get -w');
  await checkout.scheduler.runFor(2000);
  const listed = lines.length;
  assert.match(lines.join('\n'), /✔ deploy\/checkout #1 {2}Success/);
  await checkout.apply('bad-3', 60_000);
  const moves = lines.slice(listed).map((line) => line.replace(/^[\d:]{8} . /, ''));
  assert.ok(moves.length > 0);
  assert.deepEqual(
    moves
      .map((line) => /^deploy\/checkout #2 {2}(\w+)/.exec(line)?.[1])
      .filter((phase, i, all) => phase !== all[i - 1]),
    ['Init', 'Running', 'RollingBack', 'RolledBack'],
  );
});
