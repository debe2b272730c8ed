// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mb, ms, quantile } from '../support/figures.ts';
import { OperatorUnderTest } from '../support/operator-process.ts';
import type { Section } from '../support/section.ts';
import { withWorkers } from '../support/worker.ts';
import type { Passage, SandboxServer } from './sandbox.worker.ts';

const IN_FLIGHT = 200;
const PER_SECOND = 20;

interface Run {
  readonly name: string;
  readonly passages: readonly Passage[];
  readonly rss: number;
}

const names = (from: number): string[] =>
  Array.from({ length: IN_FLIGHT }, (_, i) => `app-${from + i}`);

async function withKubeconfig<T>(text: string, work: (path: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'altershield-bench-'));
  try {
    const path = join(dir, 'kubeconfig');
    await writeFile(path, text, { mode: 0o600 });
    return await work(path);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function measure(say: (line: string) => void): Promise<Run[]> {
  return withWorkers(async (start) => {
    const sandbox = start<SandboxServer>('evidence/sandbox.worker.ts');
    say('a sandbox with 400 Deployments');
    const kubeconfig = await sandbox.ask('start', [...names(0), ...names(IN_FLIGHT)]);
    return withKubeconfig(kubeconfig, async (path) => {
      say('the operator starts');
      // As many as fail here are more than one cluster should take back in an hour.
      const operator = await OperatorUnderTest.start(path, ['--rollbacks-per-hour', '1000000']);
      const one = async (name: string, apps: string[], perSecond: number): Promise<Run> => {
        say(`${IN_FLIGHT} changes in flight; ${name}`);
        await sandbox.ask('change', apps);
        const passages = await sandbox.ask('strike', { names: apps, perSecond });
        return { name, passages, rss: operator.rss };
      };
      try {
        await sandbox.ask('govern');
        return [
          await one(`${PER_SECOND} fail per second`, names(0), PER_SECOND),
          await one('all fail at once', names(IN_FLIGHT), 0),
        ];
      } finally {
        await operator.stop();
      }
    });
  });
}

function row({ name, passages, rss }: Run): string[] {
  const recorded = passages.map((p) => p.recorded - p.evidence);
  const rolledBack = passages.map((p) => p.rolledBack - p.evidence);
  const cells = [0.5, 0.99].flatMap((q) => [
    ms(quantile(recorded, q)),
    ms(quantile(rolledBack, q)),
  ]);
  return [name, ...cells, ms(Math.max(...rolledBack)), mb(rss)];
}

export const evidence: Section = {
  name: 'evidence',
  title: 'From the evidence to the write, on the sandbox',
  run: async (say) => {
    const runs = await measure(say);
    const head = [
      '',
      'recorded p50',
      'rolled back p50',
      'recorded p99',
      'rolled back p99',
      'worst',
      'operator RSS',
    ];
    return {
      tables: [{ head, rows: runs.map(row) }],
      notes: [
        `${IN_FLIGHT} changes wait with one pod out each; then the kubelet writes ImagePullBackOff into the pods' status. From the start of that write to the arrival, at the API server, of the write that records the intent and of the write that rolls back. The operator is a process of its own, over TLS.`,
        'Target: p99 under 100 ms.',
      ],
    };
  },
};
