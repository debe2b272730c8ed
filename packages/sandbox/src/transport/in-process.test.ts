// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Client, isGone, KubeError, RESOURCES, type WatchEvent } from '@altershield/kube';
import {
  ADMIN,
  createSandbox,
  VirtualScheduler,
  type FaultPlan,
  type Sandbox,
  type WatchFault,
} from '../index.ts';

interface World {
  readonly scheduler: VirtualScheduler;
  readonly sandbox: Sandbox;
  readonly client: Client;
}

function world(faults: FaultPlan = {}): World {
  const scheduler = new VirtualScheduler({ seed: 11 });
  const sandbox = createSandbox({ scheduler });
  const transport = sandbox.transport(ADMIN, { faults });
  const client = new Client({ transport, scheduler, fieldManager: 'test', timeoutMs: 5000 });
  return { scheduler, sandbox, client };
}

const create = ({ client }: World, name: string): Promise<unknown> =>
  client.create(RESOURCES.configMap, 'default', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
  });

const exists = ({ sandbox }: World, name: string): boolean =>
  sandbox.get('configmaps.', 'default', name) !== undefined;

async function failure({ scheduler }: World, work: Promise<unknown>): Promise<KubeError> {
  const error = await scheduler.complete(
    work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
  );
  assert.ok(error instanceof KubeError, String(error));
  return error;
}

/** The events of a watch of ConfigMaps while `a`, `b` and `c` are created under faults. */
async function watched(
  faults: readonly (WatchFault | undefined)[],
): Promise<{ names: string[]; error: unknown }> {
  const at = world({ onWatchLine: ({ number }) => faults[number - 1] });
  const { client, scheduler } = at;
  const { resourceVersion } = await scheduler.complete(
    client.list(RESOURCES.configMap, { namespace: 'default' }),
  );
  const events: WatchEvent[] = [];
  let error: unknown;
  const abort = new AbortController();
  const read = async (): Promise<void> => {
    const options = {
      namespace: 'default',
      resourceVersion,
      timeoutSeconds: 600,
      signal: abort.signal,
    };
    for await (const event of client.watch(RESOURCES.configMap, options)) events.push(event);
  };
  const reading = read().catch((thrown: unknown) => {
    if (!abort.signal.aborted) error = thrown;
  });
  for (const name of ['a', 'b', 'c']) await scheduler.complete(create(at, name));
  await scheduler.runFor(10_000);
  abort.abort(new Error('seen enough'));
  await scheduler.complete(reading);
  return { names: events.map(({ object }) => object.metadata.name), error };
}

describe('in-process transport', () => {
  test('a fault before the call replaces the response of the server, and the write does not happen', async () => {
    const at = world({
      beforeCall: ({ write }) =>
        write === 1 ? { kind: 'answer', status: 429, retryAfterSeconds: 3 } : undefined,
    });
    const error = await failure(at, create(at, 'm'));
    assert.deepEqual(
      [error.status, error.reason, error.retryAfterMs],
      [429, 'TooManyRequests', 3000],
    );
    assert.equal(exists(at, 'm'), false);
    await at.scheduler.complete(create(at, 'm'));
    assert.equal(exists(at, 'm'), true);
  });

  test('a fault after the call loses the response of a completed write', async () => {
    for (const kind of ['silence', 'reset'] as const) {
      const at = world({ afterCall: ({ write }) => (write === 1 ? { kind } : undefined) });
      const error = await failure(at, create(at, 'm'));
      assert.equal(error.status, 0);
      assert.equal(exists(at, 'm'), true);
    }
  });

  test('calls and writes are counted for the plan', async () => {
    const calls: string[] = [];
    const at = world({
      beforeCall: ({ number, write, method, user }) => {
        calls.push([number, write, method, user].join(' '));
        return undefined;
      },
    });
    await at.scheduler.complete(at.client.list(RESOURCES.pod));
    await at.scheduler.complete(create(at, 'm'));
    assert.deepEqual(calls, ['1 0 GET admin', '2 1 POST admin']);
  });

  test('lines of a watch arrive in order, independent of their delays', async () => {
    const delay = { kind: 'delay', ms: 500 } as const;
    assert.deepEqual(await watched([delay]), { names: ['a', 'b', 'c'], error: undefined });
  });

  test('lines of a watch are dropped and repeated by the fault plan', async () => {
    const { names } = await watched([{ kind: 'drop' }, { kind: 'duplicate' }]);
    assert.deepEqual(names, ['b', 'b', 'c']);
  });

  test('a watch breaks, ends with 410, or becomes silent', async () => {
    const cut = await watched([undefined, { kind: 'cut' }]);
    assert.deepEqual(cut.names, ['a']);
    assert.match(String(cut.error), /was cut/);
    const gone = await watched([{ kind: 'gone' }]);
    assert.equal(isGone(gone.error), true);
    const silent = await watched([undefined, { kind: 'stall' }]);
    assert.deepEqual(silent, { names: ['a'], error: undefined });
  });

  test('a stopped API server refuses connections and breaks watches until its restart', async () => {
    const at = world();
    at.sandbox.server.stop();
    const error = await failure(at, create(at, 'm'));
    assert.match(error.message, /connection refused/);
    at.sandbox.server.start();
    await at.scheduler.complete(create(at, 'm'));
  });

  test('an aborted call rejects at once', async () => {
    const at = world();
    const abort = new AbortController();
    const work = at.client.list(RESOURCES.pod, { signal: abort.signal });
    abort.abort(new Error('canceled by the caller'));
    await failure(at, work).catch(() => undefined);
    await assert.rejects(work);
  });
});
