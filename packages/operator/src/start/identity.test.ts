// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ConfigError,
  KubeError,
  fixedCredentials,
  impersonatedUser,
  silentLogger,
  type ConnectionConfig,
  type LogFields,
} from '@altershield/kube';
import { chooseIdentity } from './identity.ts';

const ACCOUNT = 'system:serviceaccount:guard:altershield';

const aConnection = (more: Partial<ConnectionConfig> = {}): ConnectionConfig => ({
  server: 'https://api',
  credentials: fixedCredentials({ token: 't' }),
  ...more,
});

interface Chosen {
  /** Whom the operator acts as; `undefined`: the user of its credentials. */
  readonly as: string | undefined;
  readonly asked: readonly string[];
  readonly warnings: readonly LogFields[];
}

/** What is chosen with the credentials of this user on a server that lets it impersonate or not. */
async function chosen(
  as: string | false | undefined,
  { user = 'alice', connection = aConnection(), mayImpersonate = true } = {},
): Promise<Chosen> {
  const asked: string[] = [];
  const warnings: LogFields[] = [];
  const userOf = (each: ConnectionConfig): Promise<string> => {
    const other = impersonatedUser(each);
    asked.push(other ?? user);
    const server = { message: `User "${user}" cannot impersonate`, reason: 'Forbidden' };
    return other === undefined || mayImpersonate
      ? Promise.resolve(other ?? user)
      : Promise.reject(new KubeError({ doing: 'POST', status: 403, server }));
  };
  const log = {
    ...silentLogger,
    warn: (_: string, fields: LogFields = {}) => void warnings.push(fields),
  };
  const made = await chooseIdentity(connection, { as, namespace: 'guard' }, { userOf, log });
  return { as: impersonatedUser(made), asked, warnings };
}

test('with the kubeconfig of a user the operator acts as the shipped service account', async () => {
  const { as, warnings } = await chosen(undefined);
  assert.equal(as, ACCOUNT);
  assert.deepEqual(warnings, []);
});

test('a user who may not impersonate is warned, with a hint, and the operator acts as that user', async () => {
  const { as, warnings } = await chosen(undefined, { mayImpersonate: false });
  assert.equal(as, undefined);
  assert.match(
    String(warnings[0]?.['hint']),
    /let alice impersonate .*:guard:altershield.*laptop\.md/,
  );
});

test('a pod, a kubeconfig of the service account, and one that impersonates stay as they are', async () => {
  const impersonating = aConnection({ headers: { 'impersonate-user': 'ops' } });
  assert.equal((await chosen(undefined, { user: ACCOUNT })).as, undefined);
  assert.equal((await chosen(undefined, { connection: impersonating })).as, 'ops');
  const inPod = await chosen(undefined, { connection: aConnection({ isInCluster: true }) });
  assert.deepEqual([inPod.as, inPod.asked], [undefined, []]);
});

test('--as replaces what the kubeconfig impersonates, groups included', async () => {
  const headers = { 'impersonate-user': 'ops', 'impersonate-group': ['a', 'b'], 'x-trace': '1' };
  const { credentials, server } = aConnection({});
  const made = await chooseIdentity(
    { credentials, server, headers },
    { as: 'bot', namespace: 'guard' },
    { userOf: () => Promise.resolve('bot'), log: silentLogger },
  );
  assert.deepEqual(made.headers, { 'impersonate-user': 'bot', 'x-trace': '1' });
});

test('--as that is forbidden ends the operator with the reason', async () => {
  await assert.rejects(chosen('bot', { mayImpersonate: false }), (error) => {
    assert.ok(error instanceof ConfigError);
    return error.message.includes('act as "bot" (--as)') && error.message.includes('alice');
  });
});

test('--no-as acts as the user of the kubeconfig without a warning', async () => {
  assert.deepEqual(await chosen(false), { as: undefined, asked: [], warnings: [] });
});
