// SPDX-License-Identifier: Apache-2.0
import { figure, median, ms, quantile } from '../support/figures.ts';
import type { Section } from '../support/section.ts';
import { withWorkers, type Worker } from '../support/worker.ts';
import type { Loader } from './load.worker.ts';
import { CHANGE, NO_CHANGE } from './reviews.ts';
import type { Server } from './server.worker.ts';

const ROUNDS = 3;
const REQUESTS = 2000;
const CONNECTIONS = 16;
const PACED = 1200;
const RATE = 400;

interface Target {
  readonly name: string;
  readonly url: string;
  readonly body: string;
}

interface Samples {
  readonly cpuUs: number[];
  readonly latencies: number[];
  readonly inHandler: number[];
}

interface Bench {
  readonly server: Worker<Server>;
  readonly loader: Worker<Loader>;
  readonly ca: string;
}

async function saturate({ server, loader, ca }: Bench, { url, body }: Target): Promise<number> {
  const before = await server.ask('take');
  await loader.ask('run', { url, body, ca, count: REQUESTS, connections: CONNECTIONS, rate: 0 });
  const after = await server.ask('take');
  return ((after.cpuMs - before.cpuMs) * 1000) / REQUESTS;
}

async function pace(
  { server, loader, ca }: Bench,
  { url, body }: Target,
): Promise<Omit<Samples, 'cpuUs'>> {
  await server.ask('take');
  const order = { url, body, ca, count: PACED, connections: CONNECTIONS, rate: RATE };
  const latencies = await loader.ask('run', order);
  return { latencies, inHandler: (await server.ask('take')).inHandler };
}

async function measure(say: (line: string) => void): Promise<Map<string, Samples>> {
  return withWorkers(async (start) => {
    const server = start<Server>('admission/server.worker.ts');
    const loader = start<Loader>('admission/load.worker.ts');
    const { ours, bare, ca } = await server.ask('start');
    const bench = { server, loader, ca };
    const targets: Target[] = [
      { name: 'bare node:https', url: bare, body: CHANGE },
      { name: 'ours, a change: held and stamped', url: ours, body: CHANGE },
      { name: 'ours, no change', url: ours, body: NO_CHANGE },
    ];
    say('warming up');
    for (const target of targets) await saturate(bench, target);
    const cpuUs = new Map(targets.map(({ name }): [string, number[]] => [name, []]));
    for (let round = 1; round <= ROUNDS; round += 1) {
      say(`round ${round} of ${ROUNDS}`);
      for (const target of targets) cpuUs.get(target.name)?.push(await saturate(bench, target));
    }
    say(`at ${RATE} reviews per second`);
    const samples = new Map<string, Samples>();
    for (const target of targets) {
      samples.set(target.name, {
        cpuUs: cpuUs.get(target.name) ?? [],
        ...(await pace(bench, target)),
      });
    }
    return samples;
  });
}

function rowsOf(samples: ReadonlyMap<string, Samples>): string[][] {
  const [bare] = samples.values();
  // The bare server of the same round: what else the machine did meanwhile weighs on both.
  const over = ({ cpuUs }: Samples): number =>
    median(cpuUs.map((us, round) => us - (bare?.cpuUs[round] ?? NaN)));
  return [...samples].map(([name, one]) => [
    name,
    `${figure(median(one.cpuUs))} µs`,
    one === bare ? '' : `${figure(over(one))} µs`,
    ms(quantile(one.latencies, 0.5)),
    ms(quantile(one.latencies, 0.99)),
    one === bare ? '' : ms(quantile(one.inHandler, 0.5)),
    one === bare ? '' : ms(quantile(one.inHandler, 0.99)),
  ]);
}

export const admission: Section = {
  name: 'admission',
  title: 'An AdmissionReview',
  run: async (say) => {
    const samples = await measure(say);
    const kb = (Buffer.byteLength(CHANGE) / 1000).toFixed(1);
    return {
      tables: [
        {
          head: [
            ...[
              '',
              'CPU per review',
              'over bare',
              'latency p50',
              'latency p99',
              'handler p50',
              'handler p99',
            ],
          ],
          rows: rowsOf(samples),
        },
      ],
      notes: [
        `${kb} KB each, over ${CONNECTIONS} TLS connections that stay open, from another process. The bare server reads the body and sends the same answer, without looking at it. CPU of the whole server process: the median of ${ROUNDS} alternating rounds of ${REQUESTS.toLocaleString('en')} reviews as fast as they are answered. Latency at ${RATE} reviews per second, seen by the client; in the handler, from the last byte of the request to the answer.`,
        'Targets: at most 100 µs of CPU over the bare server; p99 under 2 ms.',
      ],
    };
  },
};
