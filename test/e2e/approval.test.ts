// SPDX-License-Identifier: Apache-2.0

/** Approval, with the API server's own authentication, RBAC and garbage collection. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ChangeApproval } from '@altershield/api';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import { eventually } from '@altershield/testing/eventually';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { anApp, type App } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';

const TIMEOUT_MS = 120_000;
const IMAGE = 'checkout:v2';

let cluster: SharedCluster;
let operator: OperatorProcess;

before(async () => {
  cluster = await sharedCluster();
  await prepareCluster(cluster);
  operator = await startOperator(cluster);
});

after(() =>
  stopAll(
    () => operator.stop(),
    () => cluster.stop(),
  ),
);

async function withApp(more: object, tell: (app: App) => Promise<void>): Promise<void> {
  const release = { batches: [1, '100%'], soakSeconds: 1, ...more };
  const app = await anApp(cluster, { replicas: 4, policy: { release } });
  const binding = ['create', 'rolebinding', 'sre', '-n', app.namespace, '--group', 'sre'];
  await cluster.kubectl([...binding, '--clusterrole', 'altershield-approver']);
  try {
    await tell(app);
  } finally {
    await app.close();
  }
}

interface Decision {
  readonly change: string;
  readonly user: string;
  readonly group: string;
  readonly spec?: object;
}

/** Creates a decision as kubectl does, as a user of a group; resolves to what kubectl said. */
async function decide(app: App, { change, user, group, spec = {} }: Decision): Promise<string> {
  const manifest = {
    apiVersion: 'altershield.io/v1alpha1',
    kind: 'ChangeApproval',
    metadata: { generateName: 'decision-', namespace: app.namespace },
    spec: { change: { name: change }, decision: 'Approve', ...spec },
  };
  const as = ['--as', user, '--as-group', group];
  const { code, stderr } = await cluster.kubectl(['create', '-f', '-', ...as], {
    input: JSON.stringify(manifest),
  });
  return code === 0 ? '' : stderr;
}

async function decisions({ namespace }: App): Promise<ChangeApproval[]> {
  const { stdout } = await cluster.kubectl(['get', 'cha', '-n', namespace, '-o', 'json']);
  return (JSON.parse(stdout) as { items: ChangeApproval[] }).items;
}

/** The change once it waits for approval of this batch. */
async function awaiting(app: App, batch: number): Promise<string> {
  const change = await until(`batch ${batch} awaits approval`, async () => {
    const [newest] = (await app.changes()).filter(({ status }) => status !== undefined).slice(-1);
    const { reason, batch: progress } = newest?.status ?? {};
    return reason === 'AwaitingApproval' && progress?.index === batch ? newest : undefined;
  });
  return change.metadata.name;
}

/** Under load, the control plane takes its time. */
const until = <T>(what: string, look: () => Promise<T>) =>
  eventually(look, { what, timeoutMs: TIMEOUT_MS });

const bob = { user: 'bob', group: 'sre' };

describe('approval', { concurrency: 2 }, () => {
  test('of each batch by a user of the group releases it, and nothing else does', async () => {
    await withApp({ approval: { before: 'Batch', from: [{ group: 'sre' }] } }, async (app) => {
      await app.setImage(IMAGE);
      const change = await awaiting(app, 1);
      const actor = (await app.changes()).at(-1)?.spec.actor.user ?? '';
      const refusals: readonly (readonly [Partial<Decision>, RegExp])[] = [
        [{ user: actor }, /made this change; another user must approve it/],
        [{ spec: { batch: 7 } }, /has 2 batches; there is no batch 7/],
        [{ spec: { expiresAt: '2020-01-01T00:00:00Z' } }, /it counted until 2020-01-01/],
        [{ spec: { change: { name: 'nothing' } } }, /there is no change nothing/],
        [{ group: 'developers' }, /is forbidden|in none of the groups/],
      ];
      for (const [wrong, why] of refusals) {
        assert.match(await decide(app, { change, ...bob, ...wrong }), why);
      }
      assert.equal(app.timeline.maxNew(IMAGE), 0);
      const forged = { author: { user: 'boss' }, at: '2020-01-01T00:00:00Z' };
      assert.equal(await decide(app, { change, ...bob, spec: forged }), '');
      await awaiting(app, 2);
      assert.equal(app.timeline.maxNew(IMAGE), 1);
      assert.match(await decide(app, { change, ...bob, spec: { batch: 1 } }), /released already/);
      assert.equal(await decide(app, { change, ...bob }), '');
      const done = await app.until(IMAGE, 'Success', TIMEOUT_MS);
      assert.deepEqual(
        done.status?.decisions?.map(({ action, by }) => `${action} by ${by ?? ''}`),
        ['Approve by bob', 'Approve by bob'],
      );
      const answered = await decisions(app);
      assert.deepEqual(
        answered.map(({ status }) => status?.conditions?.[0]?.reason),
        ['Counted', 'Counted'],
      );
      const [first] = answered;
      const edit = ['patch', 'cha', first?.metadata.name ?? '', '-n', app.namespace];
      const edited = await cluster.kubectl([
        ...[...edit, '--type', 'merge', '-p', '{"spec":{"reason":"another"}}'],
      ]);
      assert.match(edited.stderr, /a decision cannot be edited/);
      await cluster.kubectl(['delete', 'cw', change, '-n', app.namespace]);
      await until('the decisions are gone with their change', async () =>
        (await decisions(app)).length === 0 ? true : undefined,
      );
    });
  });

  test('of one step is needed for that step only', async () => {
    const steps = [{ step: 2, approval: { from: [{ group: 'sre' }] } }];
    await withApp({ steps }, async (app) => {
      await app.setImage(IMAGE);
      const change = await awaiting(app, 2);
      assert.equal(app.timeline.maxNew(IMAGE), 1);
      assert.match(await decide(app, { change, ...bob, spec: { batch: 1 } }), /released already/);
      assert.equal(await decide(app, { change, ...bob }), '');
      const done = await app.until(IMAGE, 'Success', TIMEOUT_MS);
      assert.deepEqual([done.status?.approval?.batch, done.status?.approval?.by], [2, ['bob']]);
    });
  });

  test('by a user without the verb is denied, and a rejection rolls back', async () => {
    await withApp({ approval: {} }, async (app) => {
      await app.setImage(IMAGE);
      const change = await awaiting(app, 1);
      const create = [
        'create',
        'rolebinding',
        'edit',
        '-n',
        app.namespace,
        '--clusterrole',
        'edit',
      ];
      await cluster.kubectl([...create, '--group', 'editors']);
      const refused = await until('RBAC knows the editors', async () => {
        const said = await decide(app, { change, user: 'eve', group: 'editors' });
        return said.includes('may not approve') ? said : undefined;
      });
      assert.match(refused, /eve may not approve changeworkloads\.altershield\.io/);
      assert.equal(app.timeline.maxNew(IMAGE), 0);
      const reject = { spec: { decision: 'Reject', reason: 'not today' } };
      assert.equal(await decide(app, { change, ...bob, ...reject }), '');
      const back = await app.until(IMAGE, 'RolledBack', TIMEOUT_MS);
      assert.match(back.status?.message ?? '', /rejected by bob: not today/);
      assert.equal(app.timeline.maxNew(IMAGE), 0);
      await assert.rejects(app.setImage(IMAGE), /denies this revision/);
    });
  });
});
