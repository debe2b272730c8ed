// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, type CallInfo, type FaultPlan, type Random } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';
import { KINDS, type KindUnderTest } from '../support/kinds.ts';
import { Lawyer } from '../support/lawyer.ts';
import { isFull, seeds } from '../support/seeds.ts';

const ACTIONS = 10;
const QUIET_MS = 300_000;
/** Of the operator, for each action and for the end: a multiple of what any needs. */
const MOST_WRITES = 60;
const SCENARIOS = ['', '', '', 'slow', 'bad', 'crash', 'noready'] as const;

const policyFor = ({ readyDeadlineSeconds }: KindUnderTest) => ({
  release: { batches: [1, '50%', '100%'], soakSeconds: 5 },
  checks: { podHealth: { readyDeadlineSeconds } },
});

type Action = (schedule: Schedule) => Promise<unknown>;

/** What users do, and what befalls the operator; what is listed twice is as often. */
const USER: readonly (readonly [string, Action])[] = [
  ['push', (s) => s.push()],
  ['push', (s) => s.push()],
  ['push', (s) => s.push()],
  ['go back', (s) => s.goBack()],
  ['re-apply', (s) => s.again()],
  ['scale', (s) => s.scale()],
  ['scale', (s) => s.scale()],
  ['edit', (s) => s.edit()],
  ['edit', (s) => s.edit()],
  ['bounds', (s) => s.patchSpec(s.pick(s.kind.strategies))],
  ['restart', (s) => s.restart()],
  ['change the pods', (s) => s.changePods()],
  ['kill', (s) => s.kill()],
  ['kill', (s) => s.kill()],
];

/** Random actions of users, while the operator dies and comes back. */
class Schedule {
  readonly kind: KindUnderTest;
  readonly log: string[] = [];
  writes = 0;
  readonly #random: Random;
  #checkout: Checkout | undefined;
  #lawyer: Lawyer | undefined;
  #isAlive = true;
  #number = 1;
  readonly #images = ['1'];

  constructor(kind: KindUnderTest, seed: number) {
    this.kind = kind;
    this.#random = seededRandom(seed);
  }

  get checkout(): Checkout {
    assert.ok(this.#checkout);
    return this.#checkout;
  }

  get violations(): readonly string[] {
    return this.#lawyer?.violations ?? [];
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)] as T;
  }

  async start(seed: number): Promise<void> {
    const beforeCall: FaultPlan['beforeCall'] = (call) => {
      if (isWriteOfState(call)) this.writes += 1;
      return undefined;
    };
    this.#checkout = await Checkout.start({
      kind: this.kind,
      policy: policyFor(this.kind),
      seed,
      faults: { beforeCall },
    });
    this.#lawyer = new Lawyer(this.checkout);
    await this.patchSpec(this.pick(this.kind.strategies));
  }

  async step(): Promise<void> {
    const [name, action] = this.pick(USER);
    this.log.push(`${this.checkout.scheduler.now() % 10_000_000} ${name}`);
    await action(this);
    await this.checkout.scheduler.runFor(this.pick([50, 500, 3000, 10_000, 40_000]));
  }

  /** Every user wants the same in the end: all of a good version, and ten of it. */
  async settle(): Promise<void> {
    if (!this.#isAlive) await this.#revive();
    await this.#scaleTo(10);
    await this.patchSpec(this.kind.plain);
    await this.#setImage('final');
    await this.checkout.scheduler.runFor(1_200_000);
  }

  push(): Promise<unknown> {
    this.#number += 1;
    const version = `${this.pick(SCENARIOS)}${this.#number}`;
    this.#images.push(version);
    return this.#setImage(version);
  }

  goBack(): Promise<unknown> {
    return this.#setImage(this.pick(this.#images));
  }

  again(): Promise<unknown> {
    return this.#setImage(this.#images.at(-1) ?? '1');
  }

  scale(): Promise<unknown> {
    // From zero replicas, such a kind has no verified pods to go back to, only the newest ones.
    const mayBeZero = !Object.values(this.kind.leaks).includes('ScaleUpFromZero');
    return this.#scaleTo(this.pick([mayBeZero ? 0 : 1, 1, 2, 3, 5, 10, 15, 20]));
  }

  /** A node takes its pod with it. */
  #scaleTo(replicas: number): Promise<unknown> {
    if (this.kind.isPerNode) this.#lawyer?.excuse();
    this.log.push(`  ${replicas} replicas`);
    return this.checkout.scale(replicas, 50);
  }

  restart(): Promise<unknown> {
    const annotations = { 'kubectl.kubernetes.io/restartedAt': `${this.#random()}` };
    return this.patchSpec({ template: { metadata: { annotations } } });
  }

  edit(): Promise<unknown> {
    return this.patchSpec(this.pick(this.kind.edits));
  }

  /** By hand, behind the back of the workload: scales a ReplicaSet, or deletes a pod. */
  async changePods(): Promise<void> {
    const { sandbox } = this.checkout;
    const list = sandbox.server.store.list('replicasets.apps', 'shop');
    if (list.length === 0) return this.deletePod();
    const { name, labels = {} } = this.pick(list).metadata;
    const replicas = this.pick([0, 2, 5, 12]);
    this.log.push(`  ${name} to ${replicas}`);
    this.#lawyer?.excuse(labels['pod-template-hash'] ?? '');
    const path = `/apis/apps/v1/namespaces/shop/replicasets/${name}`;
    await this.#write(path, { spec: { replicas } });
  }

  async deletePod(): Promise<void> {
    const { sandbox } = this.checkout;
    const pods = sandbox.pods({ namespace: 'shop' });
    if (pods.length === 0) return;
    const { name } = this.pick(pods).metadata;
    this.log.push(`  delete ${name}`);
    this.#lawyer?.excuse();
    const path = `/api/v1/namespaces/shop/pods/${name}`;
    await this.checkout.play(sandbox.call('DELETE', { path }), 50);
  }

  async kill(): Promise<void> {
    if (!this.#isAlive) {
      await this.#revive();
      return;
    }
    this.#isAlive = false;
    this.#lawyer?.isAnsweredFor(false);
    this.checkout.killOperator();
    // Mostly it is back soon.
    if (this.#random() < 0.3) return;
    await this.checkout.scheduler.runFor(this.pick([100, 2000, 20_000]));
    await this.#revive();
  }

  patchSpec(spec: object): Promise<unknown> {
    this.log.push(`  ${JSON.stringify(spec)}`);
    return this.#write(this.checkout.path, { spec });
  }

  #setImage(version: string): Promise<unknown> {
    const containers = [{ name: 'app', image: `shop/checkout:${version}` }];
    return this.patchSpec({ template: { spec: { containers } } });
  }

  async #revive(): Promise<void> {
    this.log.push('  revive');
    this.#isAlive = true;
    await this.checkout.startOperator();
    this.#lawyer?.isAnsweredFor(true);
  }

  async #write(path: string, body: object): Promise<void> {
    const write = this.checkout.sandbox.call('PATCH', { path, body });
    await this.checkout.play(write, 50).catch((error: unknown) => {
      const isExpected = /denies this revision|failed calling webhook/.test(String(error));
      if (!isExpected) throw error;
      this.log.push('  denied');
    });
  }
}

const isWriteOfState = ({ write, path }: CallInfo): boolean =>
  write > 0 && !path.includes('/events');

for (const kind of KINDS) {
  const { kind: name } = kind.adapter.descriptor.resource;
  for (const seed of seeds(isFull ? 400 : 8)) {
    test(`${name}: no law is broken and every change ends, whatever users do while the operator crashes (SEED=${seed})`, () =>
      play(new Schedule(kind, seed), seed));
  }
}

async function play(schedule: Schedule, seed: number): Promise<void> {
  await schedule.start(seed);
  const log = (): string => `\n${schedule.log.join('\n')}\n`;
  for (let i = 0; i < ACTIONS; i += 1) {
    await schedule.step();
    assert.deepEqual(schedule.violations, [], log());
  }
  await schedule.settle();
  const { checkout } = schedule;
  assert.deepEqual(schedule.violations, [], log());
  assert.deepEqual(checkout.pods, { final: 10 }, log() + checkout.history.join('\n'));
  assert.equal(checkout.history.at(-1), 'final Success Verified', log());
  assert.equal(checkout.isHeld, false, log());
  const { writes } = schedule;
  assert.ok(writes < MOST_WRITES * ACTIONS, `${writes} writes ${log()}`);
  await checkout.scheduler.runFor(QUIET_MS);
  assert.equal(schedule.writes, writes, `writes at rest ${log()}`);
}
