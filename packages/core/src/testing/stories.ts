// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import type { ChangePolicySpec } from '@altershield/api';
import fc from 'fast-check';
import { isOver, statusOf } from '../change/status.ts';
import { ownFieldsOf } from '../workload/hold.ts';
import type { Deployment } from '../workload/types.ts';
import { aDeployment, aPolicy, aTemplate } from './builders.ts';
import { checkDecision, watchPods, type Watch } from './laws.ts';
import { World, type Sight } from './world.ts';

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

export const setting = fc.record({ replicas: count, bounds, steps });
type Setting = typeof setting extends fc.Arbitrary<infer T> ? T : never;

export const rolling = ({ replicas, bounds: rollingUpdate }: Setting): Deployment =>
  aDeployment({ spec: { replicas, strategy: { type: 'RollingUpdate', rollingUpdate } } });

/** What may happen between two instants. */
export const command = fc.oneof(
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

export const story = (kinds: readonly string[]): fc.Arbitrary<Command[]> =>
  fc.array(
    kinds.length === 0 ? command : fc.oneof({ weight: 6, arbitrary: command }, userCommand(kinds)),
    {
      maxLength: 80,
    },
  );

const STRATEGIES = [
  [0, 1],
  [1, 0],
  [2, 1],
  ['25%', '25%'],
  ['100%', 0],
  [0, '50%'],
  ['10%', '10%'],
] as const;

/** Each watch lags on its own: bit by bit, the Deployment, its sets and their pods are old or new. */
function mixed(n: number, old: Sight, now: Sight): Sight {
  const from = (bit: number): Sight => ((n >> bit) & 1 ? old : now);
  return { deployment: from(0).deployment, sets: from(1).sets, pods: from(2).pods };
}

export class Run {
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
    let old = sight;
    for (const { do: what, n } of commands) {
      if (what === 'stale operator') this.world.operator(99, sight);
      if (what === 'mixed operator')
        this.world.operator(
          99,
          mixed(n, { ...old, deployment: sight.deployment }, this.world.sight()),
        );
      sight = this.world.sight();
      if (n % 3 !== 0) old = sight;
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
    strategy: (n) => {
      this.watch.isExact = false;
      const [maxSurge, maxUnavailable] = STRATEGIES[n % STRATEGIES.length] ?? [0, 1];
      this.edit({
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
      });
    },
    heal: () => {
      while (this.world.cluster.becomeReady(50));
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

export const policyOf = ({ steps: batches }: Setting, more: object = {}): ChangePolicySpec =>
  aPolicy({ release: { batches, soakSeconds: 5 }, limits: { rollbacksPerHour: 100 }, ...more })
    .spec;

/** Nothing is left that we hold, and nothing goes on. */
export function assertAtPeace({ world }: Run): void {
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
export const runs = (numRuns: number) => ({
  ...(SEED === undefined ? {} : { seed: Number(SEED) }),
  numRuns: numRuns * Number(LAWS_RUNS),
});
