// SPDX-License-Identifier: Apache-2.0
import {
  Client,
  InformerFactory,
  RESOURCES,
  createUndiciTransport,
  fixedCredentials,
  realScheduler,
  silentLogger,
} from '@altershield/kube';
import { createOperator } from '@altershield/operator';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerParent } from '../support/answer.ts';
import { startBlockMeter } from '../support/block-meter.ts';
import { cpuMs, settledMemory } from '../support/gc.ts';
import type { Endpoint } from './api.worker.ts';
import type { Load } from './load.ts';

/** What is started, and what it fills. */
interface Subject {
  readonly informers: InformerFactory;
  start(signal: AbortSignal): void;
}

const deps = { scheduler: realScheduler, log: silentLogger };

function clientOf({ url, ca }: Endpoint): Client {
  const transport = createUndiciTransport({
    server: url,
    ca,
    credentials: fixedCredentials({ token: 'bench' }),
  });
  return new Client({ ...deps, transport, fieldManager: 'bench' });
}

/** Everything but the ports: all caches with what decisions read, all controllers at work. */
function operator(place: Endpoint): Subject {
  const made = createOperator({
    ...deps,
    client: clientOf(place),
    namespace: 'altershield-system',
    identity: 'bench',
    signingKey: new Uint8Array(32),
    webhookTarget: () => Promise.resolve(undefined),
  });
  return {
    informers: made.informers,
    start: (signal) => {
      for (const part of made.runnables) void part.start(signal);
      void made.runAsLeader(signal);
    },
  };
}

/** The three informers alone, which keep whole objects but for their managed fields. */
function informers(place: Endpoint): Subject {
  const factory = new InformerFactory({ ...deps, client: clientOf(place) });
  for (const resource of [RESOURCES.deployment, RESOURCES.replicaSet, RESOURCES.pod]) {
    factory.informer(resource);
  }
  return {
    informers: factory,
    start: (signal) => {
      void factory.start(signal);
    },
  };
}

async function load(subject: Subject): Promise<Load> {
  const idle = await settledMemory();
  const meter = startBlockMeter();
  const [began, cpu] = [performance.now(), cpuMs()];
  const stop = new AbortController();
  subject.start(stop.signal);
  await subject.informers.whenSynced();
  const [syncedMs, used] = [performance.now() - began, cpuMs() - cpu];
  await sleep(1000);
  const blocks = meter();
  const full = await settledMemory();
  const objects = subject.informers.all().reduce((sum, { size }) => sum + size, 0);
  return { idle, full, syncedMs, cpuMs: used, blocks, objects };
}

const methods = {
  operator: (place: Endpoint): Promise<Load> => load(operator(place)),
  informers: (place: Endpoint): Promise<Load> => load(informers(place)),
};

export type Ours = typeof methods;
answerParent(methods);
