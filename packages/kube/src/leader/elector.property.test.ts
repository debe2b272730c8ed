// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';
import { Candidate } from '@altershield/testing/kube/candidate';
import { FakeLeaseServer } from '@altershield/testing/kube/fake-lease-server';

const step = fc.record({
  waitMs: fc.integer({ min: 0, max: 20_000 }),
  who: fc.nat(2),
  what: fc.oneof(
    fc.constantFrom('start', 'stop', 'crash', 'cut', 'heal', 'touch' as const),
    fc.record({
      maxDelayMs: fc.constantFrom(0, 50, 3_000, 9_000, 20_000),
      loss: fc.constantFrom(0, 0.1, 0.5),
      windDownMs: fc.constantFrom(0, 5_000, 30_000),
    }),
  ),
});

class World {
  readonly clock: VirtualScheduler;
  readonly server = new FakeLeaseServer();
  readonly candidates: Candidate[] = [];
  clashes = 0;
  #born = 0;

  constructor(seed: number) {
    this.clock = new VirtualScheduler(seed);
    for (let i = 0; i < 3; i += 1) this.candidates.push(this.#newCandidate());
  }

  apply(who: number, what: (typeof step extends fc.Arbitrary<infer T> ? T : never)['what']): void {
    const candidate = this.candidates[who];
    if (candidate === undefined) return;
    if (typeof what === 'object') {
      Object.assign(candidate.line.weather, { maxDelayMs: what.maxDelayMs, loss: what.loss });
      candidate.windDownMs = what.windDownMs;
    } else this.#act(candidate, who, what);
  }

  #act(candidate: Candidate, who: number, what: string): void {
    if (what === 'cut') candidate.line.weather.cut = true;
    if (what === 'heal') candidate.line.weather.cut = candidate.crashed;
    if (what === 'stop') candidate.stop();
    if (what === 'crash') candidate.crash();
    if (what === 'touch' && this.server.lease !== undefined) this.server.touch();
    if (what === 'start' && (candidate.crashed || candidate.ended)) {
      this.candidates[who] = this.#newCandidate();
    }
  }

  calm(): void {
    for (const { line, crashed } of this.candidates) {
      Object.assign(line.weather, { maxDelayMs: 20, loss: 0, cut: crashed });
    }
  }

  #newCandidate(): Candidate {
    this.#born += 1;
    return new Candidate(`pod-${this.#born}`, this.server, this.clock, (leader) => {
      const others = this.candidates.filter((other) => other !== leader && other.writes);
      this.clashes += others.length;
    }).start();
  }
}

test('at most one candidate leads at any time, and after all faults exactly one does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(step, { maxLength: 25 }), async (seed, steps) => {
      const world = new World(seed);
      for (const { waitMs, who, what } of steps) {
        await world.clock.advance(waitMs);
        world.apply(who, what);
        assert.ok(world.candidates.filter(({ writes }) => writes).length <= 1, 'two leaders');
      }
      world.calm();
      world.apply(0, 'crash');
      world.apply(0, 'start');
      await world.clock.advance(120_000);
      assert.equal(world.clashes, 0, 'two leaders');
      assert.equal(world.candidates.filter(({ writes }) => writes).length, 1, 'no leader');
    }),
    { numRuns: 150 },
  );
});
