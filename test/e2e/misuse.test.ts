// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { Cluster } from '../cluster/cluster.ts';
import { ownCluster } from './support/cluster.ts';
import { eventually } from '@altershield/testing/eventually';
import {
  RBAC_YAML,
  altershield,
  launchOperator,
  prepareCluster,
  startOperator,
  type OperatorProcess,
} from './support/operator.ts';
import { isActive } from './support/pods.ts';
import {
  ACTOR,
  RELEASE,
  anApp,
  applyPolicy,
  isSound,
  untilGuarded,
  type App,
} from './support/story.ts';
import { stopAll } from './support/stop-all.ts';

const LONG_SOAK = { release: { batches: [1, '50%', '100%'], soakSeconds: 600 } };
const CRD = 'changepolicies.altershield.io';
const ROLE = '/apis/rbac.authorization.k8s.io/v1/clusterroles/altershield';

let cluster: Cluster;
let operator: OperatorProcess;
let app: App;

before(async () => {
  cluster = await ownCluster();
});

after(() =>
  stopAll(
    () => app.close(),
    () => operator.stop(),
    () => cluster.stop(),
  ),
);

describe('an operator that cannot run says why and what to do', () => {
  test('when the kubeconfig points nowhere', async (t) => {
    const kubeconfig = `${cluster.dir}/nowhere`;
    await writeFile(kubeconfig, nowhere());
    await assertGivesUp(t, { kubeconfig }, /127\.0\.0\.1:1\b/);
  });

  test('when there is no kubeconfig', async (t) => {
    await assertGivesUp(t, { kubeconfig: '/no/such/file' }, /\/no\/such\/file/);
  });

  test('when its CRDs and its namespace are missing', async (t) => {
    await cluster.kubectl(
      ['create', 'clusterrolebinding', 'all', '--clusterrole=cluster-admin'].concat(
        '--serviceaccount=altershield-system:altershield',
      ),
    );
    await assertGivesUp(t, {}, /CRDs are missing.*altershield install/s);
    await cluster.kubectl(['delete', 'clusterrolebinding', 'all']);
  });

  test('when it has no permissions', async (t) => {
    await prepareCluster(cluster);
    await cluster.kubectl(['delete', 'clusterrolebinding', 'altershield']);
    await assertGivesUp(
      t,
      {},
      /altershield lacks permissions: pods \(list, watch\).*altershield install/s,
    );
    await cluster.grantOperator(RBAC_YAML);
  });

  test('when it has some permissions and lacks others', async (t) => {
    const role = (await cluster.call({ path: ROLE })) as { rules: { resources: string[] }[] };
    const rule = role.rules.findIndex(({ resources }) => resources.includes('events'));
    const removal = `[{"op":"remove","path":"/rules/${rule}/verbs/1"}]`;
    await cluster.kubectl(['patch', 'clusterrole', 'altershield', '--type=json', '-p', removal]);
    await assertGivesUp(
      t,
      {},
      /altershield lacks permissions: events \(patch\)\. .*altershield install/s,
    );
    // What kubectl patched stays kubectl's: the role is made anew.
    await cluster.kubectl(['delete', 'clusterrole', 'altershield']);
    await cluster.grantOperator(RBAC_YAML);
  });
});

describe('a user who writes the operator’s annotations', () => {
  before(async () => {
    operator = await startOperator(cluster);
    app = await anApp(cluster, { replicas: 4, policy: LONG_SOAK });
  });

  test('cannot forge anything with them', async () => {
    const before = await untilProtected();
    const forged = { [ACTOR]: '{"user":"bob","sig":"0"}', [RELEASE]: 'x/y/4/4' };
    const { metadata } = await app.patch({ metadata: { annotations: forged } });
    assert.equal(metadata.annotations?.[RELEASE], before);
    assert.doesNotMatch(metadata.annotations[ACTOR] ?? '', /bob/);
    const template = { spec: { containers: [{ name: 'app', image: 'checkout:v2' }] } };
    const changed = await app.patch({ metadata: { annotations: forged }, spec: { template } });
    assert.equal(changed.metadata.annotations?.[RELEASE], before.replace('//', '/-/'));
    const change = await app.until('checkout:v2', 'Running');
    assert.deepEqual([change.spec.actor.user, change.spec.actor.stamped], ['alice', true]);
  });

  test('finds them restored after editing or removing them while a change is held', async () => {
    await app.untilReady('checkout:v2', 1);
    const held = await app.release();
    for (const value of [null, 'x/y/4/4', 'garbage']) {
      const answer = await app.patch({ metadata: { annotations: { [RELEASE]: value } } });
      assert.equal(answer.metadata.annotations?.[RELEASE], held);
    }
    await app.patch({ spec: { minReadySeconds: 7 } });
    const { spec } = await app.get();
    assert.equal(spec.minReadySeconds, 7);
    assert.equal(app.timeline.maxNew('checkout:v2'), 1);
  });

  test('finds the pods of a batch restored after an edit of its ReplicaSet', async () => {
    const { metadata } = await app.revision('checkout:v2');
    const path = `/apis/apps/v1/namespaces/${app.namespace}/replicasets/${metadata.name}`;
    const patch = (body: object, subresource = '') =>
      cluster.call({
        method: 'PATCH',
        path: `${path}${subresource}`,
        contentType: 'application/merge-patch+json',
        body,
      });
    const clamped = (await patch({ spec: { replicas: 3 } })) as { spec: { replicas: number } };
    assert.equal(clamped.spec.replicas, 1);
    assert.equal(app.timeline.maxNew('checkout:v2'), 1);
    // The API server asks no policy about a scale of the ReplicaSet itself; the operator sees it.
    await patch({ spec: { replicas: 3 } }, '/scale');
    await eventually(async () => (await app.revision('checkout:v2')).spec.replicas === 1);
    await app.untilReady('checkout:v2', 1);
    await app.pods.until('four ready pods', ({ pods }) => pods.filter(isSound).length >= 4);
  });

  test('has no effect with a dry run', async () => {
    const known = (await app.changes()).length;
    await app.setImage('checkout:v9', 'developer', '&dryRun=All');
    const { spec } = await app.get();
    assert.match(JSON.stringify(spec.template), /checkout:v2/);
    assert.equal((await app.changes()).length, known);
  });
});

describe('records', () => {
  test('cannot be created by users', async (t) => {
    const [change] = await app.changes();
    const body = { ...change, metadata: { name: 'mine', namespace: app.namespace } };
    const answer = await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(body) });
    t.diagnostic(answer.stderr);
    assert.equal(answer.code, 1);
    assert.match(answer.stderr, /records of changes are written by the operator alone/);
  });

  test('cannot be edited by users, nor their status', async (t) => {
    const [change] = await app.changes();
    const name = change?.metadata.name ?? '';
    const patch = (...args: string[]) =>
      cluster.kubectl([
        'patch',
        'changeworkload',
        name,
        '-n',
        app.namespace,
        '--type=merge',
        ...args,
      ]);
    const status = await patch('--subresource=status', '-p', '{"status":{"phase":"Success"}}');
    t.diagnostic(status.stderr);
    assert.match(status.stderr, /its status is written by the operator alone/);
    const cause = await patch('-p', '{"spec":{"cause":{"tool":"nobody"}}}');
    t.diagnostic(cause.stderr);
    assert.match(cause.stderr, /what changed is a record and cannot be edited/);
    const from = await patch('-p', '{"spec":{"from":{"template":{"spec":{"containers":[]}}}}}');
    t.diagnostic(from.stderr);
    assert.match(from.stderr, /what changed is a record and cannot be edited/);
    // Metadata has no rules in a schema: this edit is the webhook's to refuse.
    const seal = await patch(
      '-p',
      '{"metadata":{"annotations":{"altershield.io/signature":null}}}',
    );
    t.diagnostic(seal.stderr);
    assert.match(
      seal.stderr,
      /only labels and annotations that are not of altershield\.io can be edited/,
    );
  });

  test('are protected by their schema while the webhook is down, and forged ones are ignored', async () => {
    const [change] = await app.changes();
    await operator.kill();
    const weaker = JSON.stringify({ spec: { policy: { spec: { mode: 'Audit' } } } });
    const edit = ['patch', 'changeworkload', change?.metadata.name ?? '', '-n', app.namespace];
    const edited = await cluster.kubectl([...edit, '--type=merge', '-p', weaker]);
    assert.match(edited.stderr, /what changed is a record and cannot be edited/);
    const from = {
      ...change?.spec.from,
      template: { spec: { containers: [{ image: 'evil:1' }] } },
    };
    const name = 'deployment-checkout-99';
    const spec = { ...change?.spec, sequence: 99, from };
    const body = { ...change, spec, metadata: { name, namespace: app.namespace } };
    const made = await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(body) });
    assert.equal(made.code, 0, made.stderr);
    operator = await startOperator(cluster);
    await operator.said('ignored a ChangeWorkload that the operator did not sign');
    await untilGuarded(app);
    const asked = await altershield(cluster, [
      'rollback',
      `change/${name}`,
      '-n',
      app.namespace,
      '--timeout',
      '3',
    ]);
    assert.notEqual(asked.code, 0);
    assert.doesNotMatch(JSON.stringify((await app.get()).spec), /evil/);
    await cluster.kubectl(['delete', 'changeworkload', name, '-n', app.namespace]);
  });
});

describe('the annotation of a change in flight', () => {
  test('releases nothing when it is removed while the webhook is down, and is restored later', async () => {
    const since = performance.now();
    const held = await app.release();
    await operator.kill();
    await app.patch({ metadata: { annotations: { [RELEASE]: null } } });
    operator = await startOperator(cluster);
    await untilGuarded(app);
    await eventually(async () => (await app.release()) === held);
    assert.equal(app.timeline.maxNew('checkout:v2', since), 1);
    const change = await app.until('checkout:v2', 'Running');
    assert.equal(change.status?.batch?.index, 1);
  });

  test('releases nothing when another version wrote it, and is rewritten after a scale-up that it blocked', async () => {
    const since = performance.now();
    const newer = `v2:${(await app.release()) ?? ''}/surge`;
    await operator.kill();
    await annotate('deployments', app.name, newer);
    for (const { metadata, spec } of await app.revisions()) {
      if (spec.replicas !== 0) await annotate('replicasets', metadata.name, newer);
    }
    await app.scale(6);
    operator = await startOperator(cluster);
    await untilGuarded(app);
    await eventually(async () =>
      /^[a-z0-9]+\/[a-z0-9]+\/1\/[46]$/.test((await app.release()) ?? ''),
    );
    await app.untilReady('checkout:v1', 5);
    assert.equal(app.timeline.maxNew('checkout:v2', since), 1);
    await app.scale(4);
    await app.pods.until('a scaled workload', ({ pods }) => pods.filter(isActive).length <= 5);
    assert.equal((await app.until('checkout:v2', 'Running')).status?.batch?.index, 1);
  });
});

/** As an operator of another version does. */
async function annotate(plural: string, name: string, release: string): Promise<void> {
  await cluster.call(
    {
      method: 'PATCH',
      path: `/apis/apps/v1/namespaces/${app.namespace}/${plural}/${name}`,
      contentType: 'application/merge-patch+json',
      body: { metadata: { annotations: { [RELEASE]: release } } },
    },
    'operator',
  );
}

/** Waits until the workload is protected at rest, and gives the annotation. */
async function untilProtected(): Promise<string> {
  return await eventually(async () => {
    const release = await app.release();
    return release !== undefined && /^[a-z0-9]+\/\/0\/4$/.test(release) && release;
  });
}

describe('a malformed policy', () => {
  const denied = async (t: TestContext, spec: unknown): Promise<string> => {
    const body = {
      apiVersion: 'altershield.io/v1alpha1',
      kind: 'ChangePolicy',
      metadata: { name: 'wrong', namespace: app.namespace },
      spec,
    };
    const answer = await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(body) });
    t.diagnostic(answer.stderr);
    assert.equal(answer.code, 1, answer.stdout);
    return answer.stderr;
  };

  test('is denied with every invalid value and its path', async (t) => {
    const said = await denied(t, {
      mode: 'enforce',
      release: { batches: [], soakSeconds: -1 },
      onFail: 'Explode',
    });
    for (const path of [
      'spec.mode',
      'spec.release.batches',
      'spec.release.soakSeconds',
      'spec.onFail',
    ]) {
      assert.ok(said.includes(path), path);
    }
  });

  test('is denied for an invalid batch', async (t) => {
    const said = await denied(t, { release: { batches: [1, '0%', 'all'] } });
    assert.match(said, /spec\.release\.batches\[1\]: .*"0%"/);
    assert.match(said, /spec\.release\.batches\[2\]: .*"all"/);
  });

  test('is denied for an unknown field', async (t) => {
    assert.match(await denied(t, { relaese: {} }), /relaese/);
  });

  test('is denied for every batch that does not exceed the previous one', async (t) => {
    const said = await denied(t, { release: { batches: [3, 2, '50%', '20%'] } });
    assert.match(said, /spec\.release\.batches: .*counts are cumulative: each must be larger/);
    assert.match(said, /spec\.release\.batches: .*percentages are cumulative: each must be larger/);
  });

  test('is denied for errors that a schema cannot express, with a hint', async (t) => {
    const said = await denied(t, { target: { namespaceSelector: { matchLabels: { a: 'b' } } } });
    assert.match(
      said,
      /spec\.target\.namespaceSelector: only policies in namespace altershield-system/,
    );
  });

  test('that was created while the webhook was down matches nothing, and others keep working', async () => {
    await operator.kill();
    const target = { namespaceSelector: { matchLabels: { a: 'b' } } };
    await applyPolicy(cluster, app.namespace, { target }, 'a-slipped-in');
    operator = await startOperator(cluster);
    const ready = await eventually(
      async () => {
        const { stdout } = await cluster.kubectl([
          'get',
          CRD,
          'a-slipped-in',
          '-n',
          app.namespace,
          '-o',
          'json',
        ]);
        const { status } = JSON.parse(stdout) as {
          status?: {
            conditions?: { status: string; message: string }[];
            matchedWorkloads?: number;
          };
        };
        assert.equal(status?.matchedWorkloads, 0);
        return status.conditions?.[0];
      },
      { what: 'the condition' },
    );
    assert.equal(ready.status, 'False');
    assert.match(ready.message, /spec\.target\.namespaceSelector/);
    await untilGuarded(app);
  });
});

async function assertGivesUp(
  t: TestContext,
  options: { readonly kubeconfig?: string },
  why: RegExp,
): Promise<void> {
  const process = launchOperator(cluster, options);
  const bound = setTimeout(() => void process.kill(), 45_000);
  const code = await process.ended();
  clearTimeout(bound);
  const last = process.lines.at(-1);
  t.diagnostic(`${last?.level ?? ''}: ${last?.msg ?? ''}${process.stderr}`);
  assert.equal(code, 1, process.text);
  assert.match(last?.msg ?? '', why);
  assert.doesNotMatch(process.text, /\n? +at .*\.ts:\d+/, 'no stack trace');
}

function nowhere(): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}
