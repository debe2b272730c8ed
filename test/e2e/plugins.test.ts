// SPDX-License-Identifier: Apache-2.0

/** Plug-ins on a real control plane, asked over real HTTP. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { anApp, type App } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';

const TIMEOUT_MS = 180_000;

interface Question {
  readonly id: string;
  readonly batch: { readonly number: number };
  readonly pods: { readonly updated: readonly { readonly ready: boolean }[] };
  readonly settings: { readonly answer: string };
}

let cluster: SharedCluster;
let operator: OperatorProcess;
let plugin: Server;
const asked: Question[] = [];

/** First works on its answer, then answers what its settings say; `Nonsense` is no answer. */
function answerTo(question: Question): { readonly status: number; readonly body: string } {
  const { id, batch, settings } = question;
  const isFirst = !asked.some((each) => each.id !== id && each.batch.number === batch.number);
  if (settings.answer === 'Nonsense') return { status: 200, body: '<html>' };
  if (isFirst) return { status: 202, body: '' };
  const verdict = { id, verdict: settings.answer, reason: 'BurnRate', message: 'burns 14 times' };
  return { status: 200, body: JSON.stringify(verdict) };
}

before(async () => {
  cluster = await sharedCluster();
  await prepareCluster(cluster);
  operator = await startOperator(cluster);
  plugin = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const question = JSON.parse(Buffer.concat(chunks).toString()) as Question;
      asked.push(question);
      const { status, body } = answerTo(question);
      response.writeHead(status).end(body);
    });
  }).listen(0, '127.0.0.1');
  await once(plugin, 'listening');
});

after(() =>
  stopAll(
    () => operator.stop(),
    () => cluster.stop(),
    () => {
      plugin.close();
    },
  ),
);

async function anAppWith(answer: string, deadlineSeconds: number): Promise<App> {
  asked.length = 0;
  const { port } = plugin.address() as AddressInfo;
  const webhook = {
    ...{ name: 'slo', url: `http://127.0.0.1:${port}/check`, settings: { answer } },
    ...{ intervalSeconds: 1, deadlineSeconds },
  };
  return anApp(cluster, {
    replicas: 2,
    policy: {
      release: { batches: [1, '100%'], soakSeconds: 1 },
      checks: { webhooks: [webhook] },
    },
  });
}

/** What the plug-in said about the first batch, in its record. */
async function recordedBy(app: App): Promise<readonly unknown[]> {
  const [batch] = await app.batches();
  const found = batch?.status?.checks.find(({ name }) => name === 'slo');
  return [found?.verdict, found?.reason];
}

test('a batch waits for its plug-in, and goes on with its Pass', async () => {
  const app = await anAppWith('Pass', 120);
  try {
    await app.setImage('checkout:v2');
    await app.until('checkout:v2', 'Success', TIMEOUT_MS);
    // The first answer to each batch was 202: it was asked again.
    for (const number of [1, 2]) {
      assert.ok(asked.filter(({ batch }) => batch.number === number).length >= 2);
    }
    assert.ok(asked.every(({ pods }) => pods.updated.every(({ ready }) => ready)));
  } finally {
    await app.close();
  }
});

test('a plug-in that fails a batch has it rolled back, with its reason', async () => {
  const app = await anAppWith('Fail', 120);
  try {
    await app.setImage('checkout:v2');
    await app.until('checkout:v2', 'RolledBack', TIMEOUT_MS);
    assert.deepEqual(await recordedBy(app), ['Fail', 'BurnRate']);
    assert.ok(asked.every(({ batch }) => batch.number === 1));
  } finally {
    await app.close();
  }
});

test('a plug-in that answers nonsense suspends the change, and never fails it', async () => {
  const app = await anAppWith('Nonsense', 3);
  try {
    await app.setImage('checkout:v2');
    await app.until('checkout:v2', 'Suspend', TIMEOUT_MS);
    assert.deepEqual(await recordedBy(app), ['Inconclusive', 'PluginUnavailable']);
  } finally {
    await app.close();
  }
});
