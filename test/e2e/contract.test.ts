// SPDX-License-Identifier: Apache-2.0

import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import {
  Client,
  createUndiciTransport,
  loadKubeconfig,
  realScheduler,
  RESOURCES,
  type Transport,
} from '@altershield/kube';
import { loopbackCertificate } from '@altershield/sandbox';
import { answerReview } from '../contract/answer-review.ts';
import { CONTRACT } from '../contract/suite.ts';
import type { ContractTarget, ReviewRequest, ReviewResponse } from '../contract/target.ts';
import { eventually } from './support/eventually.ts';
import { aNamespace, sharedCluster, type SharedCluster } from './support/cluster.ts';

type Answer = (request: ReviewRequest) => ReviewResponse;

/** Serves the webhooks of all behaviours on one port, each under a path of its own. */
class WebhookServer {
  readonly #answers = new Map<string, Answer>();
  #server: Server | undefined;
  #ca = '';

  async start(): Promise<void> {
    const { cert, key, ca } = await loopbackCertificate();
    this.#ca = ca;
    this.#server = createServer({ cert, key }, (request, response) => {
      const answer = this.#answers.get((request.url ?? '').split('?')[0] ?? '');
      void buffer(request).then((review) => {
        response.setHeader('content-type', 'application/json');
        response.statusCode = answer === undefined ? 404 : 200;
        response.end(answer === undefined ? '' : answerReview(review, answer));
      });
    });
    await new Promise<void>((resolve) => this.#server?.listen(0, '127.0.0.1', resolve));
  }

  add(answer: Answer): { url: string; caBundle: string } {
    const path = `/review-${this.#answers.size}`;
    this.#answers.set(path, answer);
    const { port } = this.#server?.address() as AddressInfo;
    return {
      url: `https://127.0.0.1:${port}${path}`,
      caBundle: Buffer.from(this.#ca).toString('base64'),
    };
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}

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

after(async () => {
  await Promise.all(transports.map((transport) => transport.close()));
  webhooks.stop();
  await cluster.stop();
});

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
  for (const [topic, behaviours] of Object.entries(CONTRACT)) {
    describe(topic, { concurrency: 4 }, () => {
      for (const { name, check } of behaviours) test(name, () => check(target));
    });
  }
});
