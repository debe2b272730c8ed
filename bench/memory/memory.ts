// SPDX-License-Identifier: Apache-2.0
import { figure, mb, ms } from '../support/figures.ts';
import type { Section } from '../support/section.ts';
import { withWorkers } from '../support/worker.ts';
import type { Api, Counts } from './api.worker.ts';
import type { ClientNode } from './client-node.worker.ts';
import type { Load } from './load.ts';
import type { Ours } from './operator.worker.ts';

const SIZE = { deployments: 1000, replicaSets: 3000, pods: 10_000 };

interface Measured extends Load {
  readonly name: string;
  readonly calls: Counts;
}

async function measure(
  say: (line: string) => void,
): Promise<{ loads: Measured[]; podBytes: number }> {
  return withWorkers(async (start) => {
    const api = start<Api>('memory/api.worker.ts');
    const place = await api.ask('start', SIZE);
    const one = async (name: string, load: () => Promise<Load>): Promise<Measured> => {
      say(name);
      await api.ask('take');
      return { name, ...(await load()), calls: await api.ask('take') };
    };
    const ours = async (method: keyof Ours): Promise<Load> => {
      const worker = start<Ours>('memory/operator.worker.ts');
      const load = await worker.ask(method, place);
      await worker.stop();
      return load;
    };
    const theirs = async (): Promise<Load> => {
      const worker = start<ClientNode>('memory/client-node.worker.ts');
      const load = await worker.ask('load', place);
      await worker.stop();
      return load;
    };
    const loads = [
      await one('the operator: its caches and controllers', () => ours('operator')),
      await one('our informers, whole objects', () => ours('informers')),
      await one('client-node informers', theirs),
    ];
    return { loads, podBytes: await api.ask('podBytes') };
  });
}

const row = ({ name, idle, full, syncedMs, cpuMs, blocks, calls }: Measured): string[] => [
  name,
  mb(idle.rss),
  mb(full.rss),
  mb(full.peakRss),
  mb(full.heapUsed),
  ms(syncedMs),
  ms(cpuMs),
  `${figure(blocks.cpuMs)} / ${figure(blocks.wallMs)} ms`,
  String(blocks.over15),
  `${calls.lists} + ${calls.watches}`,
];

const HEAD = [
  ...['', 'RSS idle', 'RSS filled', 'RSS peak', 'heap filled', 'synced after', 'CPU until then'],
  ...['longest block, CPU / clock', 'blocks > 15 ms CPU', 'lists + watches'],
];

export const memory: Section = {
  name: 'memory',
  title: 'A cluster of 1,000 Deployments, 3,000 ReplicaSets and 10,000 pods in memory',
  run: async (say) => {
    const { loads, podBytes } = await measure(say);
    return {
      tables: [{ head: HEAD, rows: loads.map(row) }],
      notes: [
        `Each row is a process of its own against one HTTPS server; a pod has ${(podBytes / 1000).toFixed(1)} KB as JSON, managed fields included. RSS after garbage collection.`,
        'A block is the time between two turns of the event loop: by the CPU time of its thread, and by the clock, which counts what other processes took. Target: under 15 ms of CPU.',
        'The operator follows seven kinds, of which four were empty; it keeps of each object what decisions read.',
      ],
    };
  },
};
