// SPDX-License-Identifier: Apache-2.0

/** One suite for every adapter: what the state machine relies on, over the kind's own controllers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import { revisionOf, type Goal, type Snapshot, type Write } from '@altershield/core';
import type { CallInfo } from '@altershield/sandbox';
import fc from 'fast-check';
import { KINDS, type KindUnderTest, type Leak } from '../support/kinds.ts';
import { isFull } from '../support/seeds.ts';
import { Rig, type RigOptions } from './rig.ts';

const BAD = ['bad2', 'noready2', 'crash2'] as const;
const GOOD = ['v2', 'slow2'] as const;

type Shape = Omit<RigOptions, 'kind'> & { readonly good: string; readonly bad: string };

const shape = ({ strategies }: KindUnderTest, least: number): fc.Arbitrary<Shape> =>
  fc.record({
    seed: fc.nat(1_000_000),
    replicas: fc.integer({ min: least, max: 6 }),
    strategy: fc.nat(strategies.length - 1),
    kubernetes: fc.constantFrom('1.36', '1.37'),
    good: fc.constantFrom(...GOOD),
    bad: fc.constantFrom(...BAD),
  });

interface Runs {
  /** Fewest replicas. Default 1. */
  readonly least?: number;
  readonly runs?: number;
}

/** Of each adapter, under as many schedules. `SEED=7` begins with other ones. */
function conforms(
  name: string,
  play: (rig: Rig, shape: Shape) => Promise<void>,
  { least = 1, runs = 6 }: Runs = {},
): void {
  for (const kind of KINDS) {
    test(`${kind.adapter.descriptor.resource.kind}: ${name}`, async () => {
      const property = fc.asyncProperty(shape(kind, least), async (options) => {
        const rig = await Rig.start({ ...options, kind });
        await play(rig, options);
        assert.deepEqual(rig.violations, []);
      });
      const seed = Number(process.env['SEED'] ?? 1);
      // A run is small as it is: looking for a smaller one would take minutes.
      await fc.assert(property, { seed, numRuns: isFull ? 200 : runs, endOnFailure: true });
    });
  }
}

const hasLeak = ({ kind }: Rig, leak: Leak): boolean => Object.values(kind.leaks).includes(leak);

/** Pods at the end of each batch. */
const batchesOf = (replicas: number): number[] => [
  ...new Set([1, Math.ceil(replicas / 2), replicas]),
];

/** Whatever users and controllers do to a workload whose change is held. */
async function disturb(rig: Rig): Promise<void> {
  const strategies = rig.kind.strategies;
  const all = hasLeak(rig, 'ScaleUpFromZero') ? [1, 2, 4, 7] : [0, 1, 2, 4, 7];
  const sizes = hasLeak(rig, 'ScaleUp') ? all.filter((size) => size <= rig.size) : all;
  const actions: (() => Promise<void>)[] = [
    () => rig.scale(rig.pick(sizes) ?? 1),
    () => rig.scale(rig.pick(sizes) ?? 1),
    () => rig.edit(rig.pick(strategies) ?? {}),
    () => rig.patch({ metadata: { labels: { touched: `${rig.scheduler.now()}` } } }),
    () => (hasLeak(rig, 'PodReplaced') ? rig.lag() : rig.evict()),
    () => rig.lag(),
  ];
  await rig.pick(actions)?.();
  await rig.step();
}

describe('an adapter', () => {
  for (const kind of KINDS) {
    const { kind: name } = kind.adapter.descriptor.resource;

    test(`${name}: a crash between any two writes of a release changes nothing of its end`, () =>
      assertSurvivesCrashes(kind, async (rig) => {
        for (const target of [1, 2, 3]) await rig.release('v2', target, target === 3);
        await rig.rest();
      }));

    test(`${name}: a crash between any two writes of a rollback changes nothing of its end`, () =>
      assertSurvivesCrashes(kind, async (rig) => {
        await rig.release('v2', 1);
        await rig.rollBack('v2');
        await rig.rest();
      }));

    test(`${name}: the descriptor declares exactly the leaks that occur`, async () => {
      const { leaks } = kind.adapter.descriptor;
      assert.deepEqual([...leaks].sort(), Object.keys(kind.leaks).sort());
      for (const leak of Object.values(kind.leaks)) await assertLeaks(kind, leak);
    });

    if (kind.adapter.descriptor.deletes.length > 0) {
      test(`${name}: deletes the pod that it saw, and no other one of its name`, () =>
        assertDeletesByUid(kind));
    }

    const { unsupported } = kind;
    if (unsupported !== undefined) {
      test(`${name}: restores a strategy that was edited to another type and back`, async () => {
        const rig = await Rig.start({ kind, seed: 1, replicas: 3 });
        await rig.apply('v2');
        await rig.edit(unsupported);
        for (const strategy of kind.strategies) await rig.edit(strategy);
        await rig.release('v2', 3, true);
        await rig.rest();
        assert.deepEqual(rig.spec, rig.userSpec());
      });

      test(`${name}: writes nothing to an object that it cannot release, and says why`, async () => {
        const rig = await Rig.start({ kind, seed: 1, replicas: 3 });
        await rig.edit(unsupported);
        await rig.apply('v2');
        assert.equal(typeof rig.view().unsupported, 'string');
        assert.deepEqual(rig.spec, rig.userSpec());
        assert.deepEqual(rig.marks, [ANNOTATIONS.actor]);
        const goals = [rig.holdOf('v2'), rig.releaseOf('v2', 1), rig.releaseOf('v2', 3, true)];
        assert.deepEqual(
          goals.flatMap((goal) => rig.plan(goal)),
          [],
        );
      });
    }
  }

  conforms('holds a change in the write that makes it, whatever happens then', async (rig, s) => {
    await rig.apply(s.good);
    rig.excuse();
    for (let i = 0; i < 6; i += 1) await disturb(rig);
    await rig.step(20_000);
    assert.equal(rig.most(s.good), 0);
  });

  conforms('holds a change that bypassed admission where it stands', async (rig, s) => {
    rig.isGuarded = false;
    await rig.apply(s.good);
    await rig.step();
    rig.isGuarded = true;
    await rig.reach(rig.holdOf(s.good));
    await rig.step(2000);
    const { replicas } = rig.view();
    const held = rig.count(s.good);
    await rig.step(30_000);
    assert.ok(rig.count(s.good) <= held, `${rig.count(s.good)} of ${replicas}, ${held} were held`);
  });

  conforms('borrows no field that it does not declare', async (rig, s) => {
    const { borrowedFields } = rig.kind.adapter.descriptor;
    await rig.apply(s.good);
    const check = (): void => {
      assert.deepEqual(without(rig.spec, borrowedFields), without(rig.userSpec(), borrowedFields));
    };
    check();
    for (const target of batchesOf(s.replicas).slice(0, -1)) {
      await rig.release(s.good, target);
      check();
    }
    await rig.reach(rig.holdOf(s.good));
    check();
  });

  conforms(
    'releases no pod beyond the target, and takes no ready pod away that the user wants',
    async (rig, s) => {
      await rig.apply(s.good);
      for (const target of batchesOf(s.replicas)) {
        const isLast = target === s.replicas;
        const goal = { ...rig.releaseOf(s.good, target, isLast), needsRoom: rig.chance(0.5) };
        const isDone = (): boolean => rig.count(s.good) >= target;
        for (let i = 0; i < 400 && !isDone(); i += 1) {
          await rig.pursue(goal);
          if (rig.chance(0.2)) await rig.lag();
          await rig.step();
          assert.ok(rig.most(s.good) <= target, `${rig.most(s.good)} pods, target ${target}`);
        }
        await rig.release(s.good, target, target === s.replicas);
        await rig.step(10_000);
        assert.ok(rig.most(s.good) <= target, `${rig.most(s.good)} pods, target ${target}`);
      }
    },
  );

  conforms(
    'releases no pod by a scale-up between batches',
    async (rig, s) => {
      await rig.apply(s.good);
      const [target = 1] = batchesOf(s.replicas);
      await rig.release(s.good, target);
      await rig.scale(s.replicas + 2);
      await rig.step(30_000);
      const leaked = hasLeak(rig, 'ScaleUp') ? 2 : 0;
      assert.equal(rig.count(s.good), target + leaked);
      await rig.release(s.good, target);
      await rig.until('it is scaled', () => rig.pods().length >= s.replicas + 2);
      assert.equal(rig.most(s.good), target + leaked);
    },
    { least: 2 },
  );

  conforms(
    'reaches the target from wherever the workload stands, and stays there',
    async (rig, s) => {
      await rig.apply(s.good);
      rig.excuse();
      rig.isGuarded = rig.chance(0.5);
      for (let i = 0; i < 3; i += 1) await disturb(rig);
      rig.isGuarded = true;
      await rig.scale(s.replicas);
      await rig.step();
      const target = rig.pick(batchesOf(s.replicas)) ?? 1;
      const goal = rig.releaseOf(s.good, target, target === s.replicas);
      await rig.release(s.good, target, target === s.replicas);
      await rig.step(30_000);
      const before = rig.count(s.good);
      const calls = rig.calls.length;
      await rig.reach(goal);
      await rig.step(30_000);
      assert.equal(rig.count(s.good), before);
      assert.equal(rig.calls.length, calls, 'writes at the target');
    },
  );

  conforms('plans nothing that has taken effect already', async (rig, s) => {
    const tag = rig.chance(0.5) ? s.good : s.bad;
    await rig.apply(tag);
    await rig.release(tag, 0);
    const target = rig.pick(batchesOf(s.replicas)) ?? 1;
    for (let i = 0; i < 3; i += 1) {
      await rig.pursue(rig.releaseOf(tag, target));
      await rig.step();
    }
    await rig.step();
    rig.stopControllers();
    await rig.step(3000);
    const goals: Goal[] = [
      rig.holdOf(tag),
      rig.releaseOf(tag, s.replicas, true),
      rig.rollBackOf(tag),
      { type: 'Rest', keepsHold: false, forgetsActor: true },
      { type: 'Restore' },
    ];
    for (const goal of goals) {
      await rig.pursue(goal);
      assert.deepEqual(rig.plan(goal), [], goal.type);
    }
  });

  conforms('does no harm by a write that comes late', async (rig, s) => {
    const tag = rig.chance(0.7) ? s.good : s.bad;
    await rig.apply(tag);
    for (let i = 0; i < 2; i += 1) {
      await rig.pursue(rig.releaseOf(tag, 1));
      await rig.step();
    }
    const goals = [
      rig.releaseOf(tag, s.replicas, true),
      rig.releaseOf(tag, s.replicas),
      rig.holdOf(tag),
      rig.rollBackOf(tag),
      { type: 'Rest', keepsHold: false, forgetsActor: true } as const,
      { type: 'Restore' } as const,
    ];
    const planned = rig.snapshot();
    const plans = goals.map((goal) => rig.plan(goal));
    rig.excuse();
    if (rig.chance(0.3)) {
      await rig.replace();
      await rig.step(2000);
    }
    if (hasLeak(rig, 'PodReplaced')) await rig.until('each pod is there', () => rig.missing === 0);
    await rig.apply('v3');
    await rig.step();
    for (const writes of plans) {
      await rig.write(writes, planned);
      await rig.step();
    }
    await rig.step(20_000);
    assert.equal(rig.most('v3'), 0, 'pods of a change that is held');
    assert.equal(rig.view().fingerprint, rig.fingerprint('v3'), 'what the user applied last');
  });

  conforms('gives all fields back to the user, with what was edited meanwhile', async (rig, s) => {
    await rig.apply(s.good);
    rig.excuse();
    for (const target of batchesOf(s.replicas)) {
      if (rig.chance(0.6)) await rig.edit(rig.pick(rig.kind.strategies) ?? {});
      await rig.release(s.good, target, target === s.replicas);
      const from = target === s.replicas ? undefined : rig.fingerprint('v1');
      assert.equal(rig.view().hold?.from, from, 'what the hold protects');
    }
    if (rig.chance(0.5)) await rig.edit(rig.pick(rig.kind.strategies) ?? {});
    await rig.rest();
    await rig.step(10_000);
    assert.deepEqual(rig.spec, rig.userSpec());
    assert.ok(rig.isHealthy(s.good));
    await rig.reach({ type: 'Restore' });
    assert.deepEqual(rig.marks, []);
    const { release, hold } = ANNOTATIONS;
    const { relatedResources } = rig.kind.adapter.descriptor;
    const marked = Object.entries(rig.snapshot().related)
      .filter(([key]) => relatedResources[key]?.verbs.includes('patch'))
      .flatMap(([, related]) => related)
      .filter(({ metadata: { annotations = {} } }) =>
        [release, hold].some((name) => annotations[name] !== undefined),
      );
    assert.deepEqual(marked, []);
  });

  conforms(
    'rolls back until no pod of the failed revision is left, stuck ones included',
    async (rig, s) => {
      await rig.apply(s.bad);
      await releaseBadly(rig, s);
      const released = rig.count(s.bad) + rig.missing;
      await rig.pursue(rig.rollBackOf(s.bad));
      if (rig.chance(0.7)) await rig.lag();
      await rig.rollBack(s.bad);
      const deletes = rig.calls.filter(({ method }) => method === 'DELETE');
      assert.ok(deletes.length <= released, `${deletes.length} deletes, ${released} bad pods`);
      await rig.apply('v1');
      assert.deepEqual(rig.spec, rig.userSpec());
      assert.equal(rig.count(s.bad), 0);
      await rig.step(30_000);
      assert.ok(rig.isHealthy('v1'));
    },
  );

  conforms(
    'rolls pods back that are ready within the bounds of the user',
    async (rig, s) => {
      await rig.apply(s.good);
      await rig.release(s.good, rig.pick([1, s.replicas - 1]) ?? 1);
      // Some are ready, others not yet.
      const before = rig.count(s.good);
      for (let i = 0; i < 40 && rig.count(s.good) === before; i += 1) {
        await rig.pursue(rig.releaseOf(s.good, s.replicas, true));
        await rig.step(100);
      }
      await rig.rollBack(s.good);
    },
    { least: 4 },
  );

  conforms('ends alike, however rollback and restore follow each other', async (rig, s) => {
    await rig.apply(s.bad);
    await releaseBadly(rig, s);
    await rig.rollBack(s.bad);
    await rig.rest();
    const once = rig.end();
    await rig.rollBack(s.bad);
    assert.deepEqual(rig.end(), once, 'rolled back twice');
    await rig.rest();
    await rig.rollBack(s.bad);
    await rig.rest();
    assert.deepEqual(rig.end(), once, 'restored twice');
  });

  conforms('sees what is there, with no replicas, one, and more', async (rig, s) => {
    await rig.apply(s.good);
    await rig.pursue(rig.releaseOf(s.good, 1));
    rig.excuse();
    for (const replicas of [s.replicas, 1, 3, 0, 2]) {
      await rig.scale(replicas);
      await rig.step(40_000);
      const view = rig.view();
      assert.equal(view.replicas, replicas);
      assert.equal(view.size, replicas);
      assert.ok(view.minReady <= replicas && view.minReady >= Math.min(0, replicas - 1));
      assert.equal(view.fingerprint, rig.fingerprint(s.good));
      assert.ok(view.isObserved);
      assertAttributed(rig);
    }
  });

  conforms('holds nothing at rest', async (rig, s) => {
    await rig.apply(s.good);
    await rig.release(s.good, s.replicas, true);
    await rig.rest();
    rig.isGuarded = false;
    await rig.apply('v3');
    await rig.until('it is released', () => rig.isHealthy('v3'));
  });

  conforms('counts no pod that leaves', async (rig, s) => {
    rig.excuse();
    rig.sandbox.controllers.kubelet.stop();
    await rig.evict();
    await rig.step(10_000);
    const ready = rig.view().revisions.reduce((sum, one) => sum + one.ready, 0);
    assert.equal(ready, s.replicas - 1);
  });

  conforms('deletes no pod that comes back as it was', async (rig, s) => {
    rig.isGuarded = false;
    await rig.apply('slow3');
    await rig.until('it is released', () => rig.isHealthy('slow3'));
    await rig.step(2000);
    rig.isGuarded = true;
    rig.excuse();
    await rig.apply(s.good);
    await rig.scale(s.replicas + 3);
    for (let i = 0; i < 40; i += 1) {
      await rig.pursue(rig.releaseOf(s.good, 1));
      await rig.step(50);
    }
    const deletes = rig.calls.filter(({ method }) => method === 'DELETE');
    assert.ok(deletes.length <= 1, `${deletes.length} deletes`);
  });

  conforms('writes no more than the budget of a change', async (rig, s) => {
    await rig.apply(s.good);
    const batches = batchesOf(s.replicas);
    for (const target of batches) await rig.release(s.good, target, target === s.replicas);
    await rig.rest();
    await rig.step(10_000);
    const budget = 6 + 4 * batches.length;
    assert.ok(rig.calls.length <= budget, `${rig.calls.length} writes, ${budget} allowed`);
  });

  conforms('writes only what its descriptor has permissions for', async (rig, s) => {
    await rig.apply(s.bad);
    await releaseBadly(rig, s);
    await rig.rollBack(s.bad);
    await rig.rest();
    await rig.reach({ type: 'Restore' });
    const { resource, verbs, relatedResources, deletes } = rig.kind.adapter.descriptor;
    const granted = new Set([
      ...Object.entries(verbs).flatMap(([sub, list]) =>
        list.map((verb) => `${verb} ${resource.plural}${sub === '' ? '' : `/${sub}`}`),
      ),
      ...Object.values(relatedResources).flatMap((related) =>
        related.verbs.map((verb) => `${verb} ${related.resource.plural}`),
      ),
    ]);
    const used = rig.calls.map(({ method, path }) => {
      const [, plural = '', sub] = /\/namespaces\/shop\/(\w+)\/[^/?]+(\/\w+)?/.exec(path) ?? [];
      return `${method.toLowerCase()} ${plural}${sub ?? ''}`;
    });
    assert.deepEqual(
      [...new Set(used)].filter((call) => !granted.has(call)),
      [],
    );
    assert.ok(deletes.length > 0 || used.every((call) => !call.startsWith('delete')));
  });

  conforms(
    'gives a copy, an export and an undo of a held object the fields of its user',
    async (rig, s) => {
      await rig.apply(s.good);
      const { metadata, spec } = rig.object;
      const { annotations, labels } = metadata;
      // An export, applied again in mid-release.
      await rig.release(s.good, 1);
      const fields = {
        ...rig.manifest(),
        metadata: { name: 'checkout', namespace: 'shop', labels, annotations },
        spec,
      };
      await rig.scheduler.complete(rig.sandbox.apply(fields, undefined, 'backup'));
      await rig.release(s.good, s.replicas, true);
      await rig.rest();
      assert.deepEqual(rig.spec, rig.userSpec());
      // A copy under another name.
      const copied = {
        ...rig.manifest('copy'),
        metadata: { name: 'copy', namespace: 'shop', annotations },
        spec,
      };
      await rig.scheduler.complete(rig.sandbox.apply(copied));
      const copy = rig.get('copy') ?? assert.fail('the copy was created');
      assert.deepEqual(copy.spec, rig.userSpec());
      const marks = Object.keys(copy.metadata.annotations ?? {});
      assert.deepEqual(
        marks.filter((name) => name.startsWith('altershield.io/')),
        [ANNOTATIONS.actor],
      );
    },
  );

  conforms('frees the workload when its user undoes the change', async (rig, s) => {
    await rig.apply(s.bad);
    if (rig.chance(0.5)) await rig.release(s.bad, 0);
    await rig.apply('v1');
    assert.deepEqual(rig.spec, rig.userSpec());
    await rig.reach({ type: 'Rest', keepsHold: false, forgetsActor: true });
    await rig.until('it is healthy', () => rig.isHealthy('v1'));
  });
});

/** Whether it ends as without a crash, if the operator dies before or after each of its writes. */
async function assertSurvivesCrashes(
  kind: KindUnderTest,
  play: (rig: Rig) => Promise<void>,
): Promise<void> {
  const run = async (faults?: RigOptions['faults']): Promise<Rig> => {
    const rig = await Rig.start({ kind, seed: 1, replicas: 3, ...(faults && { faults }) });
    await rig.apply('v2');
    await play(rig);
    await rig.step(10_000);
    assert.deepEqual(rig.violations, []);
    return rig;
  };
  const undisturbed = await run();
  const writes = undisturbed.calls.map(({ write }) => write);
  assert.ok(writes.length > 2);
  for (const at of ['beforeCall', 'afterCall'] as const) {
    for (const write of writes) {
      const rig = await run((kill) => ({
        [at]: (call: CallInfo) => {
          if (call.write !== write) return undefined;
          kill();
          return { kind: 'reset' };
        },
      }));
      assert.equal(rig.lives, 2, `${at} ${write}`);
      assert.deepEqual(rig.end(), undisturbed.end(), `${at} ${write}`);
    }
  }
}

/** Whether what is declared as a leak is one: a sentence that is no longer true must go. */
async function assertLeaks(kind: KindUnderTest, leak: Leak): Promise<void> {
  const rig = await Rig.start({ kind, seed: 1, replicas: 3 });
  await rig.apply('v2');
  await rig.step(1000);
  // Pods of this version beyond so many are not released.
  const [version, released] = await LEAKS[leak](rig);
  await rig.step(30_000);
  assert.ok(rig.most(version) > released, `${leak}: ${rig.most(version)} pods of ${version}`);
}

const LEAKS: Readonly<Record<Leak, (rig: Rig) => Promise<readonly [string, number]>>> = {
  ScaleUpInBatch: async (rig) => {
    await rig.pursue(rig.releaseOf('v2', 1));
    await rig.scale(6);
    return ['v2', 1];
  },
  RevisionInBatch: async (rig) => {
    await rig.pursue(rig.releaseOf('v2', 1));
    rig.isGuarded = false;
    await rig.apply('v3');
    return ['v3', 0];
  },
  LostRevision: async (rig) => {
    const revisions = rig.snapshot().related['controllerRevisions'] ?? [];
    const verified = revisions.find((one) => JSON.stringify(one).includes('checkout:v1"'));
    const path = `/apis/apps/v1/namespaces/shop/controllerrevisions/${verified?.metadata.name ?? ''}`;
    await rig.scheduler.complete(rig.sandbox.call('DELETE', { path }));
    await rig.evict();
    return ['v2', 0];
  },
  ScaleUp: async (rig) => {
    await rig.scale(4);
    return ['v2', 0];
  },
  PodReplaced: async (rig) => {
    await rig.evict();
    return ['v2', 0];
  },
  ScaleUpFromZero: async (rig) => {
    await rig.scale(0);
    await rig.step(10_000);
    await rig.scale(3);
    return ['v2', 0];
  },
};

/** Deletions come late: the pods were replaced meanwhile, some under the same name. */
async function assertDeletesByUid(kind: KindUnderTest): Promise<void> {
  const rig = await Rig.start({ kind, seed: 1, replicas: 3 });
  await rig.apply('noready2');
  rig.excuse();
  const goals = [rig.releaseOf('noready2', 1), rig.rollBackOf('noready2')];
  const [planned, deletes] = await plannedDeletes(rig, goals);
  for (const { name } of deletes) {
    const path = `/api/v1/namespaces/shop/pods/${name}`;
    await rig.scheduler.complete(rig.sandbox.call('DELETE', { path }));
  }
  const seen = new Set(deletes.map((write) => write.deletes));
  const staying = (): string[] =>
    rig.pods().flatMap(({ uid, isTerminating }) => (isTerminating ? [] : [uid]));
  await rig.until('the pods are replaced', () => {
    const uids = staying();
    return uids.length === 3 && uids.every((uid) => !seen.has(uid));
  });
  const before = staying().sort();
  await rig.write(deletes, planned);
  await rig.step(100);
  assert.deepEqual(staying().sort(), before);
}

type DeleteWrite = Extract<Write, { readonly deletes: string }>;

/** The first deletions that are planned on the way to these goals, one after the other. */
async function plannedDeletes(
  rig: Rig,
  goals: readonly Goal[],
): Promise<readonly [Snapshot, readonly DeleteWrite[]]> {
  for (const goal of goals) {
    for (let i = 0; i < 40; i += 1) {
      const planned = rig.snapshot();
      const deletes = rig.plan(goal).filter((write) => 'deletes' in write);
      if (deletes.length > 0) return [planned, deletes];
      await rig.pursue(goal);
      await rig.step(100);
    }
  }
  return assert.fail('the descriptor declares deletes');
}

/** Lets as many pods of a bad revision start as come, and sees to it that they are bad. */
async function releaseBadly(rig: Rig, { bad, replicas }: Shape): Promise<void> {
  const target = rig.pick(batchesOf(replicas)) ?? 1;
  for (let i = 0; i < 12; i += 1) {
    await rig.pursue(rig.releaseOf(bad, target, target === replicas));
    await rig.step();
  }
}

/** Each pod belongs to exactly one revision, and the revisions have all pods. */
function assertAttributed(rig: Rig): void {
  const { adapter } = rig.kind;
  const view = rig.view();
  const pods = rig.snapshot().related['pods'] ?? [];
  const counts = new Map<string, number>();
  for (const pod of pods) {
    const key = adapter.revisionOfPod(pod);
    const owners = view.revisions.filter(({ uid, name }) => uid === key || name === key);
    assert.equal(owners.length, 1, pod.metadata.name);
    const name = owners[0]?.name ?? '';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const { name, replicas, ready } of view.revisions) {
    assert.equal(replicas, counts.get(name) ?? 0, name);
    assert.equal(ready, counts.get(name) ?? 0, name);
  }
  const updated = revisionOf(view, view.fingerprint);
  assert.equal(updated === undefined, false);
}

function without(object: object, pointers: readonly string[]): object {
  const copy: unknown = structuredClone(object);
  for (const pointer of pointers) {
    const parts = pointer.split('/').slice(2);
    const parent = parts.slice(0, -1).reduce((at, part) => (at as Json)[part], copy) as object;
    assert.ok(Reflect.deleteProperty(parent, parts.at(-1) ?? ''), pointer);
  }
  return copy as object;
}

type Json = Readonly<Record<string, unknown>>;
