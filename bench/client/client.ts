// SPDX-License-Identifier: Apache-2.0
import { figure, times } from '../support/figures.ts';
import type { Section } from '../support/section.ts';
import { withWorkers } from '../support/worker.ts';
import type { Api } from '../memory/api.worker.ts';
import type { ClientNode } from './client-node.worker.ts';
import type { Ours } from './ours.worker.ts';
import type { Order, Pace } from './pace.ts';

const GETS = 1500;
const EVENTS = 10_000;
const CONCURRENCY = 16;

interface Both {
  readonly get: Pace;
  readonly watch: Pace;
  readonly connections: number;
}

interface Subject {
  ask(method: 'get' | 'watch', order: Order): Promise<Pace>;
}

async function measure(say: (line: string) => void): Promise<{ ours: Both; theirs: Both }> {
  return withWorkers(async (start) => {
    const api = start<Api>('memory/api.worker.ts');
    const place = await api.ask('start', { deployments: 10, replicaSets: 0, pods: 200 });
    const both = async (name: string, subject: Subject): Promise<Both> => {
      say(name);
      await subject.ask('get', { place, count: GETS / 5, concurrency: CONCURRENCY });
      await api.ask('take');
      const get = await subject.ask('get', { place, count: GETS, concurrency: CONCURRENCY });
      const { connections } = await api.ask('take');
      await api.ask('flood', EVENTS);
      const watch = await subject.ask('watch', { place, count: EVENTS, concurrency: 1 });
      return { get, watch, connections };
    };
    const ours = await both('our client', start<Ours>('client/ours.worker.ts'));
    const theirs = await both('client-node', start<ClientNode>('client/client-node.worker.ts'));
    return { ours, theirs };
  });
}

const perSecond = (count: number, { wallMs }: Pace): string =>
  `${figure((count * 1000) / wallMs)}/s`;
const each = (count: number, { cpuMs }: Pace): string => `${figure((cpuMs * 1000) / count)} µs`;

const row = (name: string, { get, watch, connections }: Both): string[] => [
  name,
  ...[perSecond(GETS, get), each(GETS, get), String(connections)],
  ...[perSecond(EVENTS, watch), each(EVENTS, watch)],
];

export const client: Section = {
  name: 'client',
  title: 'The client, next to client-node',
  run: async (say) => {
    const { ours, theirs } = await measure(say);
    const ratio = [
      'client-node ÷ ours',
      '',
      times(theirs.get.cpuMs / ours.get.cpuMs),
      '',
      '',
      times(theirs.watch.cpuMs / ours.watch.cpuMs),
    ];
    return {
      tables: [
        {
          head: [
            '',
            'GET',
            'CPU per GET',
            `TLS connections for ${GETS}`,
            'watch events',
            'CPU per event',
          ],
          rows: [row('our client', ours), row('client-node', theirs), ratio],
        },
      ],
      notes: [
        `GETs of a 7.8 KB pod, ${CONCURRENCY} at once, after a warm-up; ${EVENTS.toLocaleString('en')} watch events of the same size, as fast as they are taken. Each client in a process of its own against one HTTPS server; CPU of the whole process.`,
      ],
    };
  },
};
