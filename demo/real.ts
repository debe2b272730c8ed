// SPDX-License-Identifier: Apache-2.0
import {
  Client,
  RESOURCES,
  createUndiciTransport,
  isForbidden,
  loadConfig,
  realScheduler,
  sleep,
  type Transport,
} from '@altershield/kube';
import { startCluster } from '../test/cluster/cluster.ts';
import { temporaryDir } from '../test/cluster/temporary.ts';
import { OPERATOR } from '../test/cluster/users.ts';
import { prepareCluster, startOperator } from '../test/e2e/support/operator.ts';
import { NAMESPACE, type User, type Progress, type Cluster } from './cluster.ts';

const USER_NAMES = ['admin', 'developer', 'gitops'] as const satisfies readonly User[];
const FIELD_MANAGERS: Readonly<Record<User, string>> = {
  admin: 'kubectl',
  developer: 'kubectl',
  gitops: 'kustomize-controller',
};
const LOG_LINES = 15;

type Undo = () => Promise<unknown>;

/**
 * A control plane of its own (etcd, kube-apiserver, controllers, scheduler, simulated nodes) and the
 * operator as a process beside it, with exactly the permissions that we ship.
 */
export async function realCluster(progress: Progress, signal: AbortSignal): Promise<Cluster> {
  const undo: Undo[] = [];
  const stop = async (): Promise<void> => {
    for (let next = undo.pop(); next !== undefined; next = undo.pop()) await next();
  };
  try {
    return { ...(await build(progress, signal, undo)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function build(
  log: Progress,
  signal: AbortSignal,
  undo: Undo[],
): Promise<Omit<Cluster, 'stop'>> {
  const dir = await temporaryDir();
  undo.push(() => dir.remove());
  const cluster = await startCluster({ dir: dir.path, log, signal });
  undo.push(() => cluster.stop());
  await prepareCluster(cluster);
  await cluster.createNamespace(NAMESPACE);
  await untilPermitted(cluster.kubeconfig('operator'), signal);
  log('starting the operator');
  const operator = await startOperator(cluster);
  undo.push(() => operator.stop());
  const clients = new Map<User, Client>();
  for (const user of USER_NAMES) {
    const { client, transport } = await connect(cluster.kubeconfig(user), FIELD_MANAGERS[user]);
    clients.set(user, client);
    undo.push(() => transport.close());
  }
  return {
    scheduler: realScheduler,
    pause: (ms) => sleep(realScheduler, ms, signal),
    client: (user) => known(clients, user),
    operatorLog: () => operator.text.split('\n').slice(-LOG_LINES),
  };
}

const PERMISSION_BOUND_MS = 20_000;

/** The API server learns of new permissions a moment after they are stored. */
async function untilPermitted(kubeconfig: string, signal: AbortSignal): Promise<void> {
  const { client, transport } = await connect(kubeconfig, 'demo');
  const deadline = realScheduler.now() + PERMISSION_BOUND_MS;
  // Whether it is there or not: who may not read it is refused before the server looks.
  const secret = { namespace: OPERATOR.namespace, name: 'altershield-webhook' };
  const mayNot = (): Promise<boolean> =>
    client.get(RESOURCES.secret, secret).then(() => false, isForbidden);
  while ((await mayNot()) && realScheduler.now() < deadline)
    await sleep(realScheduler, 100, signal);
  await transport.close();
  signal.throwIfAborted();
}

async function connect(
  path: string,
  fieldManager: string,
): Promise<{ readonly client: Client; readonly transport: Transport }> {
  const transport = createUndiciTransport(await loadConfig({ path, scheduler: realScheduler }));
  return { transport, client: new Client({ transport, scheduler: realScheduler, fieldManager }) };
}

function known(clients: ReadonlyMap<User, Client>, user: User): Client {
  const client = clients.get(user);
  if (client === undefined) throw new TypeError(`nobody is connected as ${user}`);
  return client;
}
