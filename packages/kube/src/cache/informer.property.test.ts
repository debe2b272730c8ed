// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FakeApi, refusal } from '@altershield/testing/kube/fake-api';
import { Client } from '../client/client.ts';
import { RESOURCES, type KubeObject } from '../client/object.ts';
import { silentLogger } from '../runtime/logger.ts';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';
import { Informer } from './informer.ts';
import type { InformerEvent } from './cache-writer.ts';
import { isNewer } from './resource-version.ts';

const NAMES = ['a', 'b', 'c'];
const name = fc.constantFrom(...NAMES);

/** The steps of one run: other clients write, this client writes, and the connection fails. */
const step = fc.oneof(
  fc.record({ do: fc.constant('put' as const), name }),
  fc.record({ do: fc.constant('remove' as const), name }),
  fc.record({ do: fc.constant('write' as const), name }),
  fc.record({ do: fc.constant('delete' as const), name }),
  fc.record({ do: fc.constant('answer' as const), which: fc.nat(5) }),
  fc.record({ do: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('repeat' as const), back: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ do: fc.constant('bookmark' as const) }),
  fc.record({ do: fc.constantFrom('cut' as const, 'garbage' as const, 'gone' as const) }),
  fc.record({ do: fc.constant('compact' as const) }),
  fc.record({ do: fc.constant('fail' as const), status: fc.constantFrom(429, 500, 0, 410) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 50, 2_000, 400_000) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Run {
  readonly api = new FakeApi();
  readonly scheduler: VirtualScheduler;
  readonly informer: Informer<KubeObject>;
  /** Writes of this client that the server has applied and not yet answered. */
  readonly #onTheWay: (() => void)[] = [];
  readonly #newest = new Map<string, string>();
  readonly #present = new Map<string, KubeObject>();
  readonly #deleted = new Set<string>();
  readonly #stop = new AbortController();

  constructor(seed: number, startWith: readonly string[]) {
    this.scheduler = new VirtualScheduler(seed);
    for (const it of startWith) this.api.put(it);
    this.api.prompt = false;
    const { api: transport, scheduler } = this;
    const client = new Client({ transport, scheduler, fieldManager: 'test' });
    this.informer = new Informer({
      ...{ client, scheduler, resource: RESOURCES.configMap, namespace: 'shop' },
      ...{ log: silentLogger, pageSize: 2 },
    });
    this.informer.onEvent((event) => {
      this.#check(event);
    });
    void this.informer.start(this.#stop.signal);
  }

  async take(it: Step): Promise<void> {
    if (it.do === 'wait') await this.scheduler.advance(it.ms);
    else if ('name' in it) this.#change(it);
    else if (it.do === 'answer') this.#answer(it.which);
    else {
      this.#trouble(it);
      await this.scheduler.advance(0);
    }
  }

  async end(): Promise<void> {
    this.api.intercept = () => undefined;
    this.api.prompt = true;
    for (const answer of this.#onTheWay.splice(0)) answer();
    await this.scheduler.advance(800_000);
    const state = (objects: readonly KubeObject[]): unknown =>
      objects.map(({ metadata }) => [metadata.name, metadata.uid, metadata.resourceVersion]).sort();
    assert.deepEqual(state(this.informer.list()), state(this.api.objects()));
    assert.deepEqual(state([...this.#present.values()]), state(this.api.objects()));
    this.#stop.abort(new Error('end'));
    await this.scheduler.advance(0);
    assert.equal(this.scheduler.timers, 0);
  }

  #change({ do: kind, name }: Extract<Step, { name: string }>): void {
    if (kind === 'put') this.api.put(name);
    else if (kind === 'remove') this.api.remove(name);
    else if (kind === 'write') this.#write(name);
    else this.#delete(name);
  }

  #answer(which: number): void {
    this.#onTheWay.splice(which % Math.max(1, this.#onTheWay.length), 1)[0]?.();
  }

  #write(it: string): void {
    const mine = this.api.put(it);
    this.#onTheWay.push(() => {
      this.informer.applyWrite(mine);
      const seen = this.informer.get(`shop/${it}`);
      const old =
        seen !== undefined && isNewer(mine.metadata.resourceVersion, seen.metadata.resourceVersion);
      assert.equal(old, false, 'a state older than the own write is seen after it');
      const gone = this.api.get(it)?.metadata.uid !== mine.metadata.uid;
      assert.ok(seen !== undefined || gone || !this.informer.synced, 'the own write is not seen');
    });
  }

  #delete(it: string): void {
    const old = this.api.remove(it);
    if (old === undefined) return;
    this.#onTheWay.push(() => {
      if (this.informer.get(`shop/${it}`)?.metadata.uid === old.metadata.uid) {
        this.#deleted.add(old.metadata.uid);
      }
      this.informer.applyDelete(`shop/${it}`, old.metadata.uid);
      assert.notEqual(this.informer.get(`shop/${it}`)?.metadata.uid, old.metadata.uid);
    });
  }

  #trouble(it: Step): void {
    const { api } = this;
    const send = (line: string): void => {
      for (const watch of api.watches) if (watch.isOpen) watch.send(line);
    };
    if (it.do === 'deliver') api.deliver(it.count);
    if (it.do === 'bookmark') api.bookmark();
    if (it.do === 'cut') api.cut();
    if (it.do === 'garbage') send('}\n');
    if (it.do === 'compact') api.compact();
    if (it.do === 'gone') send('{"type":"ERROR","object":{"kind":"Status","code":410}}\n');
    if (it.do === 'repeat') this.#repeat(it.back);
    if (it.do === 'fail') this.#failNext(it.status);
  }

  #repeat(back: number): void {
    for (const watch of this.api.watches.filter(({ isOpen }) => isOpen)) {
      const line = watch.delivered.at(-back);
      if (line !== undefined) watch.send(line);
    }
  }

  #failNext(status: number): void {
    this.api.intercept = () => {
      this.api.intercept = () => undefined;
      return status === 0 ? new Error('reset') : refusal(status, 'Fault');
    };
  }

  /** The events of each name are consistent, and versions never decrease. */
  #check({ type, object, old }: InformerEvent<KubeObject>): void {
    const it = object.metadata.name;
    const present = this.#present.get(it);
    const { resourceVersion } = object.metadata;
    if (type === 'Deleted') {
      assert.equal(present?.metadata.uid, object.metadata.uid, 'deleted, but was not there');
      this.#present.delete(it);
      return;
    }
    assert.equal(
      this.#deleted.has(object.metadata.uid),
      false,
      'reappeared after the delete of this client',
    );
    assert.equal(isNewer(resourceVersion, this.#newest.get(it) ?? ''), true, 'went back');
    if (type === 'Added') assert.equal(present, undefined, 'added, but was there');
    else assert.equal(present, old, 'updated from another object than the cached one');
    this.#newest.set(it, resourceVersion);
    this.#present.set(it, object);
  }
}

/** Answers to writes of a former object arrive after its successor was deleted. */
const LATE_ANSWERS: Step[] = [
  { do: 'write', name: 'a' },
  { do: 'write', name: 'b' },
  { do: 'delete', name: 'a' },
  { do: 'remove', name: 'b' },
  { do: 'answer', which: 5 },
  { do: 'write', name: 'b' },
  { do: 'write', name: 'b' },
  { do: 'answer', which: 0 },
  { do: 'answer', which: 1 },
  { do: 'delete', name: 'b' },
  { do: 'answer', which: 5 },
];

test('after any sequence of faults the cache equals the server and was never older than before', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.subarray(NAMES),
      fc.array(step, { maxLength: 60, size: 'max' }),
      async (seed, startWith, steps) => {
        const run = new Run(seed, startWith);
        for (const it of steps) await run.take(it);
        await run.end();
      },
    ),
    { numRuns: 400, examples: [[0, [], LATE_ANSWERS]] },
  );
});
