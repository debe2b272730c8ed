// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangePolicySpec } from '@altershield/api';
import fc from 'fast-check';
import { aDeployment, aPolicy, aTemplate } from '../testing/builders.ts';
import { checkDecision, watchPods, type Watch } from '../testing/laws.ts';
import { World } from '../testing/world.ts';
import { fingerprint } from '../revision/fingerprint.ts';
import { userBounds, batchTargets } from '../workload/batches.ts';
import { ownFieldsOf } from '../workload/hold.ts';
import type { Deployment } from '../workload/types.ts';
import { isOver, statusOf } from './status.ts';

const count = fc.nat({ max: 20 });
const step = fc.oneof(
  fc.integer({ min: 1, max: 20 }),
  fc.integer({ min: 1, max: 100 }).map((n) => `${n}%`),
);
const bound = fc.oneof(fc.constantFrom(0, 1, '0%', '1%', '25%', '100%'), fc.nat({ max: 20 }));
const bounds = fc
  .record({ maxSurge: bound, maxUnavailable: bound })
  .filter(
    ({ maxSurge, maxUnavailable }) =>
      ![maxSurge, maxUnavailable].every((b) => b === 0 || b === '0%'),
  );
const steps = fc.array(step, { minLength: 1, maxLength: 6 });

const setting = fc.record({ replicas: count, bounds, steps });
type Setting = typeof setting extends fc.Arbitrary<infer T> ? T : never;

const rolling = ({ replicas, bounds: rollingUpdate }: Setting): Deployment =>
  aDeployment({ spec: { replicas, strategy: { type: 'RollingUpdate', rollingUpdate } } });

/** What may happen between two instants. */
const command = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('operator'), n: fc.constant(99) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('operator'), n: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('stale operator'), n: fc.nat({ max: 3 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('deployment controller'), n: fc.constant(0) }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('set controller'), n: fc.constant(0) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('kubelet'), n: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('time'), n: fc.integer({ min: 1, max: 20 }) }),
  },
);
type Command = { readonly do: string; readonly n: number };

const userCommand = (kinds: readonly string[]): fc.Arbitrary<Command> =>
  fc.record({ do: fc.constantFrom(...kinds), n: fc.nat({ max: 20 }) });

const story = (kinds: readonly string[]): fc.Arbitrary<Command[]> =>
  fc.array(
    kinds.length === 0 ? command : fc.oneof({ weight: 6, arbitrary: command }, userCommand(kinds)),
    {
      maxLength: 80,
    },
  );

class Run {
  readonly world: World;
  readonly watch: Watch = { isExact: true };
  #tags = 0;

  constructor(deployment: Deployment, policy: ChangePolicySpec) {
    this.world = new World(deployment, { ...aPolicy(), spec: policy });
    this.world.onDecision = checkDecision;
    watchPods(this.world, ownFieldsOf(deployment), this.watch);
  }

  readonly apply = (tag: string): void => {
    this.world.userWrites((d) => ({ ...d, spec: { ...d.spec, template: aTemplate(tag) } }));
  };

  readonly edit = (spec: Partial<Deployment['spec']>): void => {
    this.world.userWrites((d) => ({ ...d, spec: { ...d.spec, ...spec } }));
  };

  readonly play = (commands: readonly Command[]): void => {
    let sight = this.world.sight();
    for (const { do: what, n } of commands) {
      if (what === 'stale operator') this.world.operator(99, sight);
      sight = this.world.sight();
      this.#one(what, n);
      this.world.onMove();
    }
  };

  readonly #acts: Readonly<Record<string, (n: number) => unknown>> = {
    operator: (n) => this.world.operator(n),
    'deployment controller': () => this.world.cluster.syncDeployment(),
    'set controller': () => this.world.cluster.syncSets(),
    kubelet: (n) => this.world.cluster.becomeReady(n),
    time: (n) => (this.world.cluster.now += n * 1000),
    revert: () => {
      this.apply('a');
    },
    again: () => {
      this.apply('b');
    },
    good: () => {
      this.apply(`c${(this.#tags += 1)}`);
    },
    bad: () => {
      this.apply(`bad${(this.#tags += 1)}`);
    },
    pause: () => {
      this.edit({ paused: true });
    },
    resume: () => {
      this.edit({ paused: false });
    },
    delete: () => (this.world.cluster.deployment = undefined),
    ask: (n) => {
      this.world.decides(n % 2 === 0 ? 'Resume' : 'RollBack');
    },
    webhook: () => {
      this.world.isWebhookUp = !this.world.isWebhookUp;
      this.watch.isExact = false;
    },
    scale: (n) => {
      this.watch.isExact = false;
      this.edit({ replicas: n });
    },
    flap: () => {
      this.world.cluster.loseReadiness();
      this.watch.isExact = false;
    },
  };

  #one(what: string, n: number): void {
    this.#acts[what]?.(n);
  }
}

const policyOf = ({ steps: batches }: Setting, more: object = {}): ChangePolicySpec =>
  aPolicy({ release: { batches, soakSeconds: 5 }, limits: { rollbacksPerHour: 100 }, ...more })
    .spec;

/** Nothing is left that we hold, and nothing goes on. */
function assertAtPeace({ world }: Run): void {
  const over = world.changes.filter((c) => !isOver(statusOf(c).phase));
  const open = over.map((c) => statusOf(c));
  const isWaiting = open.every((s) => s.phase === 'Suspend' || s.reason === 'PausedByOwner');
  assert.ok(isWaiting, `left open: ${JSON.stringify(open)}`);
  if (open.length > 0) return;
  assert.equal(world.isHeld(), false, 'left held');
  assert.ok((world.cluster.deployment?.spec.minReadySeconds ?? 0) < 1000, 'left with our fields');
}

const { SEED, LAWS_RUNS = 1 } = process.env;

/** A new search each time; a failure tells the `SEED` that repeats it. `LAWS_RUNS` multiplies its length. */
const runs = (numRuns: number) => ({
  ...(SEED === undefined ? {} : { seed: Number(SEED) }),
  numRuns: numRuns * Number(LAWS_RUNS),
});

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
