// SPDX-License-Identifier: Apache-2.0

import { after, before, describe, test } from 'node:test';
import {
  Client,
  createUndiciTransport,
  loadKubeconfig,
  realScheduler,
  RESOURCES,
  type Transport,
} from '@altershield/kube';
import { CONTRACT } from '../contract/suite.ts';
import type { ContractTarget } from '../contract/target.ts';
import { eventually } from '@altershield/testing/eventually';
import { aNamespace, sharedCluster, type SharedCluster } from './support/cluster.ts';
import { stopAll } from './support/stop-all.ts';
import { WebhookServer } from './support/webhook-server.ts';

const webhooks = new WebhookServer();
const transports: Transport[] = [];
let cluster: SharedCluster;
let target: ContractTarget;

before(async () => {
  await webhooks.start();
  cluster = await sharedCluster();
  target = {
    admin: await clientOf('admin'),
    developer: await clientOf('developer'),
    scheduler: realScheduler,
    namespace: permittedNamespace,
    webhook: (answer) => Promise.resolve(webhooks.add(answer)),
  };
});

after(() =>
  stopAll(
    () => Promise.all(transports.map((transport) => transport.close())),
    () => {
      webhooks.stop();
    },
    () => cluster.stop(),
  ),
);

/** The developer's permissions reach the server's authorizer a moment after they are written. */
async function permittedNamespace(labels?: Readonly<Record<string, string>>): Promise<string> {
  const namespace = await aNamespace(cluster, 'contract', labels);
  await eventually(() => target.developer.list(RESOURCES.deployment, { namespace }));
  return namespace;
}

async function clientOf(user: 'admin' | 'developer'): Promise<Client> {
  const config = await loadKubeconfig({ path: cluster.kubeconfig(user) });
  const transport = createUndiciTransport(config);
  transports.push(transport);
  return new Client({ transport, scheduler: realScheduler, fieldManager: `suite-${user}` });
}

describe('Kubernetes itself', { concurrency: 4 }, () => {
  for (const [topic, behaviors] of Object.entries(CONTRACT)) {
    describe(topic, { concurrency: 4 }, () => {
      for (const { name, check } of behaviors) test(name, () => check(target));
    });
  }
});
