// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout } from '../support/checkout.ts';
import { commandLine } from '../support/command-line.ts';
import { kindNamed } from '../support/kinds.ts';

const policy = {
  release: { batches: [1, '100%'], soakSeconds: 5, approval: { before: 'Batch' } },
};
const BOB = { username: 'bob', groups: ['sre'] };

for (const [name, word] of [
  ['Deployment', 'deploy'],
  ['StatefulSet', 'sts'],
] as const) {
  test(`get ${word}/NAME shows the batches of a ${name} as a tree with their pods`, async () => {
    const kind = kindNamed(name);
    const checkout = await Checkout.start({ kind, policy, replicas: 3 });
    await checkout.apply('2', 30_000);
    await checkout.approve(1, {}, { user: BOB, ms: 60_000 });
    const { code, out, err } = await checkout.play(
      commandLine(checkout, `get ${word}/checkout`, { columns: 80 }),
      2000,
    );
    assert.equal(code, 0, err);
    const lines = out.split('\n');
    const [head = '', why = '', first = '', pod = '', second = '', stable = ''] = lines;
    assert.match(head, new RegExp(`^● ${word}/checkout #1 {2}Init {2}`));
    assert.match(why, /^ {4}AwaitingApproval: batch 2 of 2 needs 1 approval/);
    assert.match(first, /^ {2}├─ ✔ batch 1\/2 {2}1 pod {2}Pass {2}/);
    assert.match(pod, /^ {2}│ {2}└─ ✔ Ready {2}\w+ {2}checkout-/);
    assert.match(second, /^ {2}├─ · batch 2\/2 {2}not released {2}awaits approval$/);
    assert.match(stable, /^ {2}└─ ✔ stable {2}[23] pods, [23] ready$/);
    assert.equal(lines.filter((line) => /✔ Ready /.test(line)).length, lines.length - 5);
    assert.ok(lines.every((line) => line.length <= 80));
  });
}

test('get of a workload that failed shows its bad pods first', async () => {
  const release = { batches: ['50%', '100%'], soakSeconds: 5 };
  const checkout = await Checkout.start({ policy: { release, onFail: 'Suspend' }, replicas: 4 });
  await checkout.apply('bad-2', 60_000);
  const { out } = await checkout.play(commandLine(checkout, 'get deploy/checkout'), 2000);
  assert.match(out, /^▲ deploy\/checkout #1 {2}Suspend/);
  assert.match(out, /├─ ✖ batch 1\/2 {2}2 pods {2}Fail/);
  assert.match(out, /✖ (ErrImagePull|ImagePullBackOff) /);
});
