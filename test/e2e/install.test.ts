// SPDX-License-Identifier: Apache-2.0
// What `altershield install` leaves in a cluster, and the operator as its pod runs it: called by the Service.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Cluster } from '../cluster/cluster.ts';
import { freePorts } from '../cluster/ports.ts';
import { ownCluster } from './support/cluster.ts';
import { eventually } from '@altershield/testing/eventually';
import { altershield, startOperator, type OperatorProcess } from './support/operator.ts';
import { stopAll } from './support/stop-all.ts';
import { activeOf, anApp, type App } from './support/story.ts';

const LAUNCHER = fileURLToPath(new URL('../../packages/cli/bin/altershield.js', import.meta.url));
const NAMESPACE = 'altershield-system';
const SERVICE = 'altershield-webhook';
const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1';

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

/** Of this machine: endpoints may not be loopback addresses. */
const ADDRESS = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

/** Simulated pods run no program, so the Service leads to a process of this test instead. */
async function leadServiceHere(port: number): Promise<void> {
  await kubectl('scale', 'deploy/altershield', '--replicas=0', '-n', NAMESPACE);
  const ports = [{ name: 'webhook', port, protocol: 'TCP' }];
  await cluster.call({
    method: 'POST',
    path: `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices`,
    body: {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'this-machine', labels: { 'kubernetes.io/service-name': SERVICE } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [ADDRESS], conditions: { ready: true } }],
      ports,
    },
  });
  await replaceEndpoints([{ addresses: [{ ip: ADDRESS }], ports }]);
}

/** Up to Kubernetes 1.33 the API server reads Endpoints to call a webhook, later EndpointSlices. */
async function replaceEndpoints(subsets: unknown): Promise<void> {
  const path = `/api/v1/namespaces/${NAMESPACE}/endpoints/${SERVICE}`;
  // Its controller writes it once more when the pods are gone.
  await eventually(
    async () => {
      const { subsets: current } = (await cluster.call({ path })) as { subsets?: unknown };
      return current === undefined;
    },
    { what: 'a Service without pods' },
  );
  const metadata = { name: SERVICE, namespace: NAMESPACE };
  const body = { apiVersion: 'v1', kind: 'Endpoints', metadata, subsets };
  await cluster.call({ method: 'PUT', path, body });
}

/** As its pod runs it; by URL where no endpoint can lead to this machine. */
async function startAsPod(): Promise<OperatorProcess> {
  if (ADDRESS === undefined) return await startOperator(cluster);
  const [port = 0, health = 0] = await freePorts(2);
  await leadServiceHere(port);
  return await startOperator(cluster, {
    args: ['--webhook-port', String(port), '--health-port', String(health)],
    env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', POD_NAMESPACE: NAMESPACE },
  });
}

async function kubectl(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

interface Registered {
  readonly clientConfig: {
    readonly url?: string;
    readonly service?: { readonly name: string; readonly namespace: string; readonly port: number };
  };
}

async function webhooks(): Promise<readonly Registered[]> {
  const kinds = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'];
  const lists = await Promise.all(
    kinds.map((kind) => cluster.call({ path: `${CONFIGURATIONS}/${kind}` })),
  );
  return (lists as { items: { webhooks?: Registered[] }[] }[]).flatMap(({ items }) =>
    items.flatMap((item) => item.webhooks ?? []),
  );
}

describe('altershield install', () => {
  test('applies everything and waits until a replica is ready', async () => {
    const { code, stdout, stderr } = await altershield(cluster, ['install'], 'admin');
    assert.equal(code, 0, stderr);
    assert.match(stdout + stderr, /deployment.*altershield/i);
    const ready = ['-n', NAMESPACE, '-o', 'jsonpath={.status.readyReplicas}'];
    assert.ok(Number(await kubectl('get', 'deploy/altershield', ...ready)) >= 1);
  });

  test('changes nothing when it is already installed', async () => {
    const generation = ['-n', NAMESPACE, '-o', 'jsonpath={.metadata.generation}'];
    const was = await kubectl('get', 'deploy/altershield', ...generation);
    const { code, stderr } = await altershield(cluster, ['install'], 'admin');
    assert.equal(code, 0, stderr);
    assert.equal(await kubectl('get', 'deploy/altershield', ...generation), was);
  });
});

describe('the operator in its pod', () => {
  before(async () => {
    operator = await startAsPod();
    app = await anApp(cluster, { replicas: 3 });
  });

  const skip = ADDRESS === undefined && 'this machine has loopback addresses only';
  test('is called only through its Service', { skip }, async () => {
    const registered = await webhooks();
    assert.ok(registered.length > 0);
    for (const { clientConfig } of registered) {
      const { name, namespace, port } = clientConfig.service ?? {};
      assert.deepEqual([name, namespace, port], [SERVICE, NAMESPACE, 443]);
    }
  });

  test('holds a bad change, rolls it back and denies it from then on', async () => {
    await app.setImage('checkout:bad-2');
    await app.until('checkout:bad-2', 'RolledBack');
    assert.equal(app.timeline.everCreated('checkout:bad-2'), 1);
    await assert.rejects(app.setImage('checkout:bad-2', 'gitops'), /rolled back.*altershield/is);
    assert.equal(activeOf(app.timeline.pods, 'checkout:bad-2'), 0);
  });

  test('gets no Forbidden answer with the shipped role', () => {
    assert.doesNotMatch(operator.text, /forbidden/i);
  });
});

describe('the command line', () => {
  test('gets its token from a credential plug-in', async () => {
    const path = await kubeconfigWithPlugIn();
    const { code, stdout, stderr } = await altershield(cluster, [
      ...['--kubeconfig', path, 'get', '-n', app.namespace],
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /checkout/);
  });
});

/** The administrator's kubeconfig, with a program in the place of the token. */
async function kubeconfigWithPlugIn(): Promise<string> {
  const shown = await kubectl('config', 'view', '--raw', '-o', 'json');
  const config = JSON.parse(shown) as { users: { user: { token: string } }[] };
  const [{ user }] = config.users as [{ user: { token: string } }];
  const apiVersion = 'client.authentication.k8s.io/v1';
  const credential = { apiVersion, kind: 'ExecCredential', status: { token: user.token } };
  const args = ['-e', `console.log(${JSON.stringify(JSON.stringify(credential))})`];
  const exec = { apiVersion, command: process.execPath, args, interactiveMode: 'Never' };
  const path = `${cluster.dir}/with-plug-in`;
  await writeFile(
    path,
    JSON.stringify({ ...config, users: [{ ...config.users[0], user: { exec } }] }),
  );
  return path;
}

describe('kubectl', () => {
  test('completes the arguments of the plug-in', async () => {
    const names = ['kubectl-altershield', 'kubectl_complete-altershield'];
    const folder = `${cluster.dir}/plug-ins`;
    await mkdir(folder);
    for (const name of names) await symlink(LAUNCHER, `${folder}/${name}`);
    const args = ['__complete', 'altershield', '-n', app.namespace, 'why', 'deploy/ch'];
    const env = {
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      KUBECONFIG: cluster.kubeconfig('developer'),
    };
    const { stdout } = await promisify(execFile)(cluster.kubectlPath, args, { env });
    assert.equal(stdout, 'deploy/checkout\n:4\n');
  });
});

/** What the API server holds changes by, where it can: policies and their bindings. */
async function nativePolicies(): Promise<readonly string[]> {
  const kinds = ['validating', 'mutating'].flatMap((verb) => [
    `${verb}admissionpolicies`,
    `${verb}admissionpolicybindings`,
  ]);
  const { resources } = (await cluster.call({ path: CONFIGURATIONS })) as {
    resources: readonly { name: string }[];
  };
  const served = kinds.filter((kind) => resources.some(({ name }) => name === kind));
  const lists = await Promise.all(
    served.map((kind) => cluster.call({ path: `${CONFIGURATIONS}/${kind}` })),
  );
  return (lists as { items: { metadata: { name: string } }[] }[])
    .flatMap(({ items }) => items.map(({ metadata }) => metadata.name))
    .filter((name) => name.includes('altershield'));
}

describe('altershield uninstall', () => {
  test('leaves no webhooks, admission policies or CRDs behind', async () => {
    await operator.stop();
    const { code, stderr } = await altershield(cluster, ['uninstall', '--crds'], 'admin');
    assert.equal(code, 0, stderr);
    assert.deepEqual(await webhooks(), []);
    assert.deepEqual(await nativePolicies(), []);
    await eventually(async () => !(await kubectl('get', 'crd')).includes('altershield.io'));
    // Nothing is left that denies it.
    await app.setImage('checkout:bad-2', 'gitops');
  });
});
