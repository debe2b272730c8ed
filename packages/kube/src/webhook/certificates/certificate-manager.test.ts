// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { KubeError } from '../../errors/errors.ts';
import { type Logger, silentLogger } from '../../runtime/logger.ts';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';
import { CertificateManager } from './certificate-manager.ts';
import { type CertificateSet, isSignedBy, readCertificates } from './certificate-set.ts';
import { FakeSecrets } from '@altershield/testing/kube/fake-secrets';
import { issue, type IssueRequest, type IssuedPair } from './issue.ts';
import { DAY } from '@altershield/testing/kube/pki';

/** A replica whose served certificate the published bundle must always cover. */
class Replica {
  readonly served: CertificateSet[] = [];
  readonly warnings: string[] = [];
  readonly manager: CertificateManager;
  readonly stop = new AbortController();

  constructor(world: World, fails: () => boolean = () => false) {
    const note = (message: string): void => void this.warnings.push(message);
    const log: Logger = { ...silentLogger, warn: note, error: note };
    this.manager = new CertificateManager({
      client: world.secrets,
      namespace: 'system',
      name: 'hook-tls',
      dnsNames: ['hook.system.svc'],
      ips: ['127.0.0.1'],
      scheduler: world.clock,
      log,
      caLifetimeMs: 300 * DAY,
      issue: world.issue,
      onCertificate: (set) => this.served.push(set),
      publish: (bundle) => {
        if (fails()) return Promise.reject(new Error('no webhook configuration'));
        world.published = bundle;
        return Promise.resolve();
      },
    });
  }

  get leaf(): X509Certificate {
    return new X509Certificate(this.served.at(-1)?.cert ?? '');
  }
}

class World {
  readonly clock = new VirtualScheduler();
  readonly secrets = new FakeSecrets();
  published = '';
  #issuing = 0;

  /** In this process: one of its own each time would only be slower. */
  readonly issue = async (request: IssueRequest): Promise<IssuedPair> => {
    this.#issuing += 1;
    try {
      return await issue(request);
    } finally {
      this.#issuing -= 1;
    }
  };

  trusts(leaf: X509Certificate): boolean {
    const now = new Date(this.clock.now());
    return readCertificates(this.published).some(
      (authority) =>
        isSignedBy(leaf, authority) && now < authority.validToDate && now < leaf.validToDate,
    );
  }

  /** Until all work has ended: cryptography takes real time off the event loop, which a virtual clock does not wait for. */
  async settle(): Promise<void> {
    for (let calm = 0; calm < 5; calm = this.#issuing > 0 ? 0 : calm + 1) {
      await this.clock.advance(0);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.settle();
  }
}

test('the first replica creates the secret, serves and publishes it', async () => {
  const world = new World();
  const replica = new Replica(world);
  const waitMs = await replica.manager.refresh(replica.stop.signal);
  assert.equal(Math.round(waitMs / DAY), 60);
  assert.ok(world.trusts(replica.leaf));
  assert.equal(replica.leaf.checkHost('hook.system.svc'), 'hook.system.svc');
  assert.equal(replica.leaf.checkIP('127.0.0.1'), '127.0.0.1');
  assert.equal(await replica.manager.whenReady(), replica.served[0]);
  assert.equal(world.secrets.writes.length, 1);
});

test('replicas that start at once serve the same certificate', async () => {
  for (const prepared of [false, true]) {
    const world = new World();
    if (prepared) world.secrets.putEmpty();
    const replicas = [new Replica(world), new Replica(world), new Replica(world)];
    await Promise.all(replicas.map(({ manager, stop }) => manager.refresh(stop.signal)));
    const fingerprints = new Set(replicas.map(({ leaf }) => leaf.fingerprint256));
    assert.equal(fingerprints.size, 1);
    assert.equal(world.secrets.writes.length, 1);
  }
});

test('over years of rotations every served leaf is trusted at every moment', async () => {
  const world = new World();
  const replicas = [new Replica(world), new Replica(world)];
  const runs = replicas.map(({ manager, stop }) => manager.start(stop.signal));
  await world.settle();
  const leaves = new Set<string>();
  const bundleSizes = new Set<number>();
  for (let day = 0; day < 600; day += 10) {
    await world.pass(10 * DAY);
    for (const { leaf } of replicas) {
      assert.ok(world.trusts(leaf), `day ${day}`);
      leaves.add(leaf.fingerprint256);
    }
    bundleSizes.add(readCertificates(world.published).length);
  }
  assert.ok(leaves.size >= 9, `${leaves.size} leaves`);
  assert.deepEqual([...bundleSizes].sort(), [1, 2]);
  for (const { stop } of replicas) stop.abort();
  await Promise.all(runs);
  assert.deepEqual(
    replicas.flatMap(({ warnings }) => warnings),
    [],
  );
});

test('a new authority is published and given time before its first leaf is served', async () => {
  const world = new World();
  const replica = new Replica(world);
  const run = replica.manager.start(replica.stop.signal);
  await world.settle();
  const [first] = readCertificates(world.published);
  world.secrets.put({ ...world.secrets.read(), caKey: 'lost' });
  replica.manager.secretChanged();
  await world.settle();
  await world.pass(20_000);
  const [second, old] = readCertificates(world.published);
  assert.equal(old?.fingerprint256, first?.fingerprint256);
  assert.ok(first && second && isSignedBy(replica.leaf, first), 'still the old leaf');
  await world.pass(15_000);
  assert.ok(isSignedBy(replica.leaf, second), 'the new leaf');
  assert.ok(world.trusts(replica.leaf));
  replica.stop.abort();
  await run;
});

test('while publishing fails the leaf does not switch, and publishing is retried', async () => {
  const world = new World();
  let failing = false;
  const replica = new Replica(world, () => failing);
  const run = replica.manager.start(replica.stop.signal);
  await world.settle();
  const leaf = replica.leaf.fingerprint256;
  failing = true;
  world.secrets.put({ ...world.secrets.read(), caKey: 'lost' });
  replica.manager.secretChanged();
  await world.pass(10 * 60_000);
  assert.equal(replica.leaf.fingerprint256, leaf);
  failing = false;
  await world.pass(2 * 60_000);
  await world.pass(2 * 60_000);
  assert.notEqual(replica.leaf.fingerprint256, leaf);
  assert.ok(world.trusts(replica.leaf));
  replica.stop.abort();
  await run;
});

test('a secret that was deleted or is invalid is issued again, with a warning', async () => {
  const world = new World();
  const replica = new Replica(world);
  await replica.manager.refresh(replica.stop.signal);
  world.secrets.remove();
  await replica.manager.refresh(replica.stop.signal);
  assert.ok(world.trusts(replica.leaf));
  assert.deepEqual(replica.warnings, []);
  world.secrets.put({ cert: 'a', key: 'b', caBundle: 'c', caKey: 'd' });
  await replica.manager.refresh(replica.stop.signal);
  assert.ok(world.trusts(replica.leaf));
  assert.match(replica.warnings.join(), /unusable, issuing new ones/);
});

test('an error of the API server is logged with a hint and then retried', async () => {
  const world = new World();
  const replica = new Replica(world);
  const facts = { doing: 'GET secret', server: { message: 'no' } };
  world.secrets.faults.push(
    new KubeError({ ...facts, status: 403 }),
    new KubeError({ ...facts, status: 500 }),
  );
  const run = replica.manager.start(replica.stop.signal);
  await world.pass(5_000);
  assert.match(replica.warnings[0] ?? '', /allow get, create and patch of secrets/);
  assert.match(replica.warnings[1] ?? '', /secret system\/hook-tls failed/);
  assert.equal(replica.served.length, 1);
  replica.stop.abort();
  await run;
});
