// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';
import { ConfigError, type ConnectionConfig } from './connection.ts';
import { inClusterConfig, loadConfig } from './in-cluster.ts';
import { loadKubeconfig } from './kubeconfig.ts';

let dir = '';
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
});
after(() => rm(dir, { recursive: true }));

const base64 = (text: string): string => Buffer.from(text).toString('base64');

interface Parts {
  readonly user?: object;
  readonly cluster?: object;
  readonly context?: object;
  readonly current?: string;
}

/** Kubeconfigs are YAML, and JSON is YAML. */
async function write(name: string, parts: Parts = {}): Promise<string> {
  const path = join(dir, name);
  const cluster = { server: 'https://example.test:6443/', ...parts.cluster };
  const document = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': parts.current ?? 'here' },
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', ...parts.context } }],
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user: parts.user ?? {} }],
  };
  await writeFile(path, JSON.stringify(document));
  return path;
}

const V1 = 'client.authentication.k8s.io/v1';

/** An exec plug-in written in shell, which is what many of them are. */
function plugin(script: string, more: object = {}): Parts {
  return { user: { exec: { apiVersion: V1, command: 'sh', args: ['-c', script], ...more } } };
}

const load = async (parts: Parts): Promise<ConnectionConfig> =>
  loadKubeconfig({ path: await write('config', parts) });

const complaint = async (promise: Promise<unknown>): Promise<string> => {
  const error: unknown = await promise.then(
    () => assert.fail('did not reject'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ConfigError, String(error));
  return error.message;
};

describe('a kubeconfig', () => {
  test('gives the server, the CA, names and a client certificate from its data', async () => {
    const config = await load({
      cluster: { 'certificate-authority-data': base64('CA'), 'tls-server-name': 'kube' },
      user: { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
      context: { namespace: 'shop' },
    });
    assert.equal(config.server, 'https://example.test:6443');
    assert.deepEqual([config.ca, config.tlsServerName, config.namespace], ['CA', 'kube', 'shop']);
    assert.deepEqual(await config.credentials.current(), {
      clientCertificate: { certificate: 'CERT', key: 'KEY' },
    });
  });

  test('names files relative to itself', async () => {
    await writeFile(join(dir, 'ca.crt'), 'CA of a file');
    await writeFile(join(dir, 'token'), 'secret\n');
    const config = await load({
      cluster: { 'certificate-authority': 'ca.crt' },
      user: { tokenFile: 'token' },
    });
    assert.equal(config.ca, 'CA of a file');
    assert.deepEqual(await config.credentials.current(), { token: 'secret' });
    const exec = { apiVersion: V1, command: './no-such-login' };
    const { credentials } = await load({ user: { exec } });
    const why = await complaint(credentials.current());
    assert.ok(why.includes(`"${join(dir, 'no-such-login')}": the command was not found`), why);
  });

  test('passes on the user to impersonate', async () => {
    const extra = { 'example.org/Scopes(ü)': ['view', 'edit'] };
    const as = { as: 'alice', 'as-uid': '7', 'as-groups': ['a', 'b'], 'as-user-extra': extra };
    const { headers } = await load({ user: { token: 't', ...as } });
    assert.deepEqual(headers, {
      'impersonate-user': 'alice',
      'impersonate-uid': '7',
      'impersonate-group': ['a', 'b'],
      'impersonate-extra-example.org%2Fscopes%28%C3%BC%29': ['view', 'edit'],
    });
  });

  test('is merged from the files of KUBECONFIG, the first of which wins', async () => {
    const first = await write('first', { user: { token: 'one' } });
    const second = await write('second', { user: { token: 'two' } });
    const env = { KUBECONFIG: `${join(dir, 'missing')}:${first}:${second}` };
    const config = await loadKubeconfig({ env });
    assert.deepEqual(await config.credentials.current(), { token: 'one' });
  });

  const complaints: [string, Parts, RegExp][] = [
    ['no current context', { current: '' }, /no current context; choose one of: "here"/],
    ['an unknown context', { current: 'there' }, /no context "there"; known: "here"/],
    ['an unknown cluster', { context: { cluster: 'x' } }, /cluster "x" is not in the file; .*"c"/],
    ['an unknown user', { context: { user: 'x' } }, /user "x" is not in the file; known: "u"/],
    [
      'a server that is not a valid URL',
      { cluster: { server: 'kube:6443' } },
      /"kube:6443" is not an http/,
    ],
    [
      'a CA file that is missing',
      { cluster: { 'certificate-authority': 'none.crt' } },
      /none\.crt" of "certificate-authority" cannot be read/,
    ],
    [
      'a certificate without key',
      { user: { 'client-certificate-data': 'eA==' } },
      /no "client-key"/,
    ],
    ['an old auth-provider', { user: { 'auth-provider': {} } }, /use an exec plug-in/],
    ['a proxy', { cluster: { 'proxy-url': 'http://p' } }, /"proxy-url" is not supported/],
    ['an unknown exec version', { user: { exec: { command: 'x' } } }, /use one of: client\.auth/],
    ['no exec command', plugin('', { command: '' }), /exec.command is empty/],
    [
      'a plug-in that prompts the user',
      plugin('', { interactiveMode: 'Always' }),
      /needs a terminal/,
    ],
  ];
  for (const [name, parts, message] of complaints) {
    test(`with ${name} is rejected with a hint`, async () => {
      assert.match(await complaint(load(parts)), message);
    });
  }

  test('that is missing, empty or invalid YAML is rejected with its path', async () => {
    const missing = join(dir, 'nowhere');
    assert.match(await complaint(loadKubeconfig({ path: missing })), /nowhere": no such/);
    const empty = join(dir, 'empty');
    await writeFile(empty, '');
    assert.match(await complaint(loadKubeconfig({ path: empty })), /empty": it is empty/);
    await writeFile(empty, 'root:x:0:0:root');
    assert.match(await complaint(loadKubeconfig({ path: empty })), /it is not a kubeconfig/);
    await writeFile(empty, '{ "a": [');
    assert.match(await complaint(loadKubeconfig({ path: empty })), /invalid YAML/);
  });
});

describe('a token file', () => {
  test('is read again when it changed, and its old token is used while it is missing', async () => {
    const scheduler = new VirtualScheduler();
    const token = join(dir, 'rotating');
    await writeFile(token, 'one');
    const path = await write('config', { user: { tokenFile: token } });
    const { credentials } = await loadKubeconfig({ path, scheduler });
    assert.deepEqual(await credentials.current(), { token: 'one' });
    await writeFile(token, 'two');
    await utimes(token, 1, 1);
    assert.deepEqual(await credentials.current(), { token: 'one' }, 'not looked at yet');
    await scheduler.advance(5000);
    assert.deepEqual(await credentials.current(), { token: 'two' });
    await rm(token);
    await scheduler.advance(5000);
    assert.deepEqual(await credentials.current(), { token: 'two' });
  });

  test('is read at once after a rejected token', async () => {
    const token = join(dir, 'refused');
    await writeFile(token, 'one');
    const { credentials } = await load({ user: { tokenFile: token } });
    await credentials.current();
    await writeFile(token, 'two');
    assert.equal(credentials.refused({ token: 'one' }), true);
    assert.deepEqual(await credentials.current(), { token: 'two' });
  });

  test('that is missing or empty is named', async () => {
    const missing = await load({ user: { tokenFile: 'no-token' } });
    assert.match(await complaint(missing.credentials.current()), /no-token": it is missing/);
    await writeFile(join(dir, 'blank'), ' \n');
    const blank = await load({ user: { tokenFile: 'blank' } });
    assert.match(await complaint(blank.credentials.current()), /blank" is empty/);
  });
});

describe('an exec plug-in', () => {
  const answer = (status: string): string =>
    `echo '{"kind":"ExecCredential","apiVersion":"${V1}","status":${status}}'`;

  test('is run once until its credentials expire', async () => {
    const scheduler = new VirtualScheduler();
    const count = join(dir, 'runs');
    const expiry = new Date(scheduler.now() + 600_000).toISOString();
    const script = `echo x >> ${count}; ${answer(`{"token":"'$(wc -l < ${count} | tr -d ' ')'","expirationTimestamp":"${expiry}"}`)}`;
    const path = await write('config', plugin(script));
    const { credentials } = await loadKubeconfig({ path, scheduler });
    const both = await Promise.all([credentials.current(), credentials.current()]);
    assert.deepEqual(both, [{ token: '1' }, { token: '1' }]);
    await scheduler.advance(560_000);
    assert.deepEqual(await credentials.current(), { token: '1' });
    await scheduler.advance(20_000);
    assert.deepEqual(await credentials.current(), { token: '2' });
  });

  test('is run once for a rejected token, however many calls were rejected with it', async () => {
    const count = join(dir, 'refusals');
    const script = `echo x >> ${count}; ${answer(`{"token":"'$(wc -l < ${count} | tr -d ' ')'"}`)}`;
    const { credentials } = await load(plugin(script));
    const stale = await credentials.current();
    assert.equal(credentials.refused(stale), true);
    assert.deepEqual(await credentials.current(), { token: '2' });
    assert.equal(credentials.refused(stale), true);
    assert.deepEqual(await credentials.current(), { token: '2' });
  });

  test('that prompts gets an end of input', async () => {
    const { credentials } = await load(plugin('read password || echo "no terminal" >&2; exit 1'));
    assert.match(await complaint(credentials.current()), /no terminal/);
  });

  test('that requests the cluster gets its authority and its configuration', async () => {
    await writeFile(join(dir, 'ca.pem'), 'PEM');
    const extension = { name: 'client.authentication.k8s.io/exec', extension: { audience: 'us' } };
    const cluster = { 'certificate-authority': 'ca.pem', extensions: [extension] };
    const told = join(dir, 'told');
    const script = `echo "$KUBERNETES_EXEC_INFO" > ${told}; ${answer('{"token":"t"}')}`;
    const { user } = plugin(script, { provideClusterInfo: true });
    const { credentials } = await load({ ...(user && { user }), cluster });
    await credentials.current();
    assert.deepEqual(JSON.parse(await readFile(told, 'utf8')).spec.cluster, {
      server: 'https://example.test:6443/',
      'certificate-authority-data': base64('PEM'),
      config: { audience: 'us' },
    });
  });

  test('gets its environment, its version and on request the cluster', async () => {
    const script = answer(
      `{"token":"'$WHO $(echo $KUBERNETES_EXEC_INFO | grep -c example.test)'"}`,
    );
    const env = [{ name: 'WHO', value: 'me' }];
    const { credentials } = await load(plugin(script, { env, provideClusterInfo: true }));
    assert.deepEqual(await credentials.current(), { token: 'me 1' });
  });

  test('may give a client certificate', async () => {
    const status = '{"clientCertificateData":"CERT","clientKeyData":"KEY"}';
    const { credentials } = await load(plugin(answer(status)));
    const clientCertificate = { certificate: 'CERT', key: 'KEY' };
    assert.deepEqual(await credentials.current(), { clientCertificate });
  });

  const complaints: [string, Parts, RegExp][] = [
    [
      'is not installed',
      plugin('', { command: 'no-such-login', installHint: 'brew install login' }),
      /"no-such-login": the command was not found; brew install login/,
    ],
    ['fails', plugin('echo "log in first" >&2; exit 3'), /plug-in "sh": log in first/],
    ['prints invalid JSON', plugin('echo hello'), /it is not JSON/],
    ['prints another kind', plugin('echo "{}"'), /it is not an ExecCredential/],
    ['gives nothing', plugin(answer('{}')), /no token and no certificate/],
    [
      'prints another version',
      plugin(answer('{"token":"t"}').replace('/v1"', '/v1beta1"')),
      /its apiVersion is not the "client\.authentication\.k8s\.io\/v1"/,
    ],
  ];
  for (const [name, parts, message] of complaints) {
    test(`that ${name} is reported with what to do`, async () => {
      const { credentials } = await load(parts);
      assert.match(await complaint(credentials.current()), message);
    });
  }
});

describe('inside a pod', () => {
  test('the service account is used', async () => {
    for (const [name, text] of Object.entries({ 'ca.crt': 'CA', token: 'T', namespace: 'ns\n' })) {
      await writeFile(join(dir, name), text);
    }
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };
    const config = await loadConfig({ env, dir });
    assert.equal(config.server, 'https://[fd00::1]:6443');
    assert.deepEqual([config.ca, config.namespace], ['CA', 'ns']);
    assert.deepEqual(await config.credentials.current(), { token: 'T' });
  });

  test('an explicit kubeconfig wins', async () => {
    const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };
    const config = await loadConfig({ env, path: await write('config', {}) });
    assert.equal(config.server, 'https://example.test:6443');
  });

  test('a missing mount, or a process outside a pod, is reported with a hint', async () => {
    const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };
    const message = await complaint(inClusterConfig({ env, dir: join(dir, 'none') }));
    assert.match(message, /automountServiceAccountToken/);
    assert.match(
      await complaint(inClusterConfig({ env: {} })),
      /outside of a pod, set a kubeconfig/,
    );
  });
});
