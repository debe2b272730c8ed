// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { aDeployment, aTemplate } from '../testing/builders.ts';
import { assertRested } from '../testing/laws.ts';
import {
  assertAtPeace,
  command,
  policyOf,
  rolling,
  Run,
  runs,
  setting,
  story,
} from '../testing/stories.ts';
import { fingerprint } from '../revision/fingerprint.ts';
import { userBounds, batchTargets } from '../workload/batches.ts';
import { ownFieldsOf } from '../workload/hold.ts';

test('a good change ends in Success with the owner’s fields, whatever the pace', () => {
  fc.assert(
    fc.property(setting, story([]), (s, commands) => {
      const run = new Run(rolling(s), policyOf(s));
      run.apply('b');
      run.play(commands);
      run.world.drain();
      const [change] = run.world.changes;
      assert.equal(run.world.changes.length, 1);
      assert.equal(change?.status?.phase, 'Success', JSON.stringify(change?.status));
      assert.equal(change.status.verdict, s.replicas === 0 ? 'None' : 'Pass');
      assert.deepEqual(
        ownFieldsOf(run.world.cluster.deployment ?? aDeployment()),
        ownFieldsOf(rolling(s)),
      );
      assertAtPeace(run);
    }),
    runs(100),
  );
});

test('a good change without disturbance takes at most 6 + 4 × batches + waves writes', () => {
  fc.assert(
    fc.property(setting, (s) => {
      const run = new Run(rolling(s), policyOf(s));
      run.apply('b');
      run.world.drain();
      const targets = [...new Set(batchTargets(s.steps, s.replicas))];
      const user = userBounds(s.bounds, s.replicas);
      const waves = targets
        .map((t, i) => Math.ceil((t - (targets[i - 1] ?? 0)) / (user.surge + user.unavailable)))
        .reduce((a, b) => a + b, 0);
      const allowed = 6 + 4 * targets.length + waves;
      assert.ok(
        run.world.writes <= allowed,
        `${run.world.writes} writes, ${allowed} allowed, ${String(run.world.actions)}`,
      );
    }),
    runs(100),
  );
});

test('a bad change never gets past its first batch and ends rolled back', () => {
  fc.assert(
    fc.property(
      setting.filter((s) => s.replicas > 0),
      story([]),
      (s, commands) => {
        const run = new Run(rolling(s), policyOf(s));
        run.apply('bad');
        run.play(commands);
        run.world.drain();
        const [change] = run.world.changes;
        assert.equal(change?.status?.phase, 'RolledBack', JSON.stringify(change?.status));
        assert.equal(run.world.cluster.podsOf(fingerprint(aTemplate('a'))), s.replicas);
        assertAtPeace(run);
      },
    ),
    runs(100),
  );
});

const USERS: readonly (readonly [string, readonly string[]])[] = [
  ['revert and apply again', ['revert', 'again']],
  ['apply other templates, good and bad', ['good', 'bad', 'again']],
  ['pause and resume', ['pause', 'resume']],
  ['scale', ['scale']],
  ['delete the workload', ['delete']],
  ['decide', ['ask']],
  ['lose the webhook', ['webhook', 'good', 'revert']],
  ['see pods flap', ['flap']],
  [
    'do all of it',
    ['revert', 'again', 'good', 'bad', 'pause', 'resume', 'scale', 'ask', 'webhook', 'flap'],
  ],
];

for (const [what, kinds] of USERS) {
  test(`the laws hold and every change ends while users ${what}`, () => {
    fc.assert(
      fc.property(setting, story(kinds), (s, commands) => {
        const run = new Run(rolling(s), policyOf(s));
        run.apply('b');
        run.play(commands);
        run.world.isWebhookUp = true;
        run.world.drain();
        assertAtPeace(run);
      }),
      runs(100),
    );
  });
}

test('a Recreate workload is held, let out at once, and ends as its pods say', () => {
  fc.assert(
    fc.property(
      setting,
      story(['scale', 'revert', 'pause', 'resume']),
      fc.boolean(),
      (s, commands, isBad) => {
        const spec = { replicas: s.replicas, strategy: { type: 'Recreate' } };
        const run = new Run(aDeployment({ spec }), policyOf(s));
        run.apply(isBad ? 'bad' : 'b');
        run.play(commands);
        run.world.drain();
        assertAtPeace(run);
      },
    ),
    runs(100),
  );
});

test('deciding again on what was just done plans no further write', () => {
  fc.assert(
    fc.property(setting, story(['good', 'bad', 'revert', 'pause', 'resume']), (s, commands) => {
      const run = new Run(rolling(s), policyOf(s));
      run.apply('b');
      run.play(commands);
      run.world.operator();
      run.world.operator();
      const { generation } = run.world.cluster.deployment?.metadata ?? {};
      run.world.operator();
      assert.equal(run.world.cluster.deployment?.metadata.generation, generation);
    }),
    runs(100),
  );
});

const AT_REST: readonly (readonly string[])[] = [
  ['scale'],
  ['scale', 'strategy'],
  ['scale', 'flap', 'heal'],
  ['scale', 'strategy', 'good', 'revert', 'ask', 'pause', 'resume', 'flap', 'webhook'],
];

for (const kinds of AT_REST) {
  test(`at each rest there are no more pods than allowed, whoever does: ${kinds.join(', ')}`, () => {
    const stories = fc.array(story(kinds), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(setting, stories, (s, parts) => {
        const run = new Run(rolling(s), policyOf(s));
        run.apply('b');
        for (const commands of parts) {
          run.play(commands);
          run.world.isWebhookUp = true;
          run.world.settle();
          assertRested(run.world);
          run.world.cluster.now += 1500;
        }
        const before = run.world.writes;
        run.world.drain();
        assert.ok(run.world.writes - before < 80, `${run.world.writes - before} more writes`);
        assertAtPeace(run);
      }),
      runs(100),
    );
  });
}

for (const kinds of [[], ['pause', 'resume', 'ask']]) {
  test(`the laws hold while each watch lags on its own${kinds.map((k) => `, ${k}`).join('')}`, () => {
    const mixed = fc.record({ do: fc.constant('mixed operator'), n: fc.nat({ max: 15 }) });
    const users = kinds.map((kind) => fc.record({ do: fc.constant(kind), n: fc.nat({ max: 20 }) }));
    const any = fc.oneof(
      { weight: 6, arbitrary: command },
      { weight: 2, arbitrary: mixed },
      ...users,
    );
    fc.assert(
      fc.property(setting, fc.array(any, { maxLength: 80 }), (s, commands) => {
        const run = new Run(rolling(s), policyOf(s));
        run.apply('b');
        run.play(commands);
        run.world.drain();
        assertAtPeace(run);
      }),
      runs(100),
    );
  });
}
