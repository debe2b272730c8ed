// SPDX-License-Identifier: Apache-2.0
import { PATHS } from '@altershield/core';
import {
  AdmissionServer,
  Client,
  realScheduler,
  reviewAdmission,
  silentLogger,
  type AdmissionHandlers,
} from '@altershield/kube';
import { createOperator, type Operator } from '@altershield/operator';
import { loopbackCertificate } from '@altershield/testing/loopback-certificate';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { answerParent } from '../support/answer.ts';
import { cpuMs } from '../support/gc.ts';
import { CHANGE, NAMESPACE, NO_CHANGE } from './reviews.ts';

export interface Servers {
  readonly ours: string;
  readonly bare: string;
  readonly ca: string;
}

const deps = { scheduler: realScheduler, log: silentLogger };
let inHandler: number[] = [];

/** The operator with one policy in memory; it talks to nobody. */
function anOperator(): Operator {
  const transport = {
    request: () => Promise.reject(new Error('no network here')),
    close: () => Promise.resolve(),
  };
  const operator = createOperator({
    ...deps,
    client: new Client({ ...deps, transport, fieldManager: 'bench' }),
    namespace: 'altershield-system',
    identity: 'bench',
    signingKey: new Uint8Array(32).fill(7),
    webhookTarget: () => Promise.resolve(undefined),
  });
  const named = (name: string, namespace = '') => ({
    metadata: {
      name,
      namespace,
      uid: name,
      resourceVersion: '1',
      creationTimestamp: '',
      generation: 1,
    },
  });
  operator.caches.namespaces.applyWrite({
    apiVersion: 'v1',
    kind: 'Namespace',
    ...named(NAMESPACE),
  });
  // What runs now is in the cache, as it is in a cluster.
  operator.caches.kinds[0]?.objects.applyWrite(JSON.parse(CHANGE).request.oldObject);
  operator.caches.policies.applyWrite({
    apiVersion: 'altershield.io/v1alpha1',
    kind: 'ChangePolicy',
    ...named('web', NAMESPACE),
    spec: {},
  } as never);
  return operator;
}

/** Where reviews of workloads go: only the API server is told. */
const pathIn = (handlers: AdmissionHandlers): string =>
  [...handlers.keys()].find((path) => path.endsWith(PATHS.mutateWorkload)) ?? '';

/** What our answer to this review is; throws unless it is of the kind that the measurement is about. */
async function verify(
  handlers: AdmissionHandlers,
  review: string,
  isPatched: boolean,
): Promise<string> {
  const { status, body } = await reviewAdmission(Buffer.from(review), handlers, pathIn(handlers));
  const { response } = JSON.parse(body) as { response?: { allowed?: boolean; patch?: string } };
  const isAsTold =
    status === 200 && response?.allowed === true && (response.patch !== undefined) === isPatched;
  if (!isAsTold)
    throw new Error(
      `review a Deployment: expected ${isPatched ? 'a patch' : 'no patch'}, got ${body}`,
    );
  return body;
}

/** As little as Node can do: reads the body and answers with as many bytes as we do. */
function bareServer(cert: { cert: string; key: string }, answer: string): Promise<number> {
  const server = createServer({ ...cert, noDelay: true }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      Buffer.concat(chunks);
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(answer),
      });
      response.end(answer);
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

const methods = {
  start: async (): Promise<Servers> => {
    const { cert, key, ca } = await loopbackCertificate();
    const { handlers } = anOperator();
    await verify(handlers, NO_CHANGE, false);
    const answer = await verify(handlers, CHANGE, true);
    const server = new AdmissionServer({
      ...deps,
      ...{ handlers, certificate: { cert, key }, host: '127.0.0.1', port: 0 },
      observe: ({ durationMs, status }) => {
        if (status !== 200) throw new Error(`a review was answered with ${status}`);
        inHandler.push(durationMs);
      },
    });
    const { port } = await server.listen();
    const bare = await bareServer({ cert, key }, answer);
    const at = (p: number): string => `https://127.0.0.1:${p}${pathIn(handlers)}`;
    return { ours: at(port), bare: at(bare), ca };
  },
  /** CPU so far, and how long the handlers took since the last time; milliseconds. */
  take: (): { cpuMs: number; inHandler: number[] } => {
    const taken = { cpuMs: cpuMs(), inHandler };
    inHandler = [];
    return taken;
  },
};

export type Server = typeof methods;
answerParent(methods);
