// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { mb } from '../support/figures.ts';
import { live, type Live } from '../support/live.ts';
import type { Section } from '../support/section.ts';

const SETTLE_MS = 15_000;
const MINUTE_MS = 60_000;

async function measure({ operator, say }: Live): Promise<{ cpu: number; rss: number }> {
  say('a minute without workloads');
  await sleep(SETTLE_MS);
  const before = operator.cpu;
  await sleep(MINUTE_MS);
  return { cpu: operator.cpu - before, rss: operator.rss };
}

export const idle: Section = {
  name: 'idle',
  title: 'The operator without workloads, on a real control plane',
  run: async (say) => {
    const { cpu, rss } = await live(say, measure);
    return {
      tables: [
        {
          head: ['', 'CPU in a minute', 'RSS'],
          rows: [
            ['this operator', `${cpu.toFixed(2)} s`, mb(rss)],
            ['Argo Rollouts (earlier run)', '0.08 s', ''],
          ],
        },
      ],
      notes: [`From ${SETTLE_MS / 1000} s after it leads. Target: at most 0.2 s.`],
    };
  },
};
