// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterAccess } from '../../test/cluster/access.ts';
import type { AppKind } from '../../test/e2e/support/manifests.ts';
import { anApp, type App } from '../../test/e2e/support/story.ts';
import { median, seconds, times } from '../support/figures.ts';
import { live, type Live } from '../support/live.ts';
import type { Section } from '../support/section.ts';
import { rollOut, waitsAfterReady } from './measure.ts';

const ROUNDS = 5;
/** Of the kinds whose controllers replace one pod after the other. */
const SLOW_ROUNDS = 2;
/** Releases without others beside them, whose objects the operator follows as well. */
const ALONE = 3;
const REPLICAS = 10;

type Batches = readonly (number | string)[];

interface Variant {
  readonly name: string;
  readonly kind?: AppKind;
  readonly replicas?: number;
  /** Undefined: a plain rollout, without a policy. */
  readonly release?: { readonly strategy?: 'Rolling'; readonly batches?: Batches };
}

const DEFAULT: Variant = {
  name: 'batches of 1, 30 % and 100 % (default)',
  release: { batches: [1, '30%', '100%'] },
};
const DEPLOYMENTS: readonly Variant[] = [
  { name: 'plain rollout' },
  DEFAULT,
  { name: 'batches of 50 % and 100 %', release: { batches: ['50%', '100%'] } },
  { name: 'one batch of 100 %', release: { batches: ['100%'] } },
  { name: 'strategy Rolling', release: { strategy: 'Rolling' } },
];

/** A kind whose controller replaces one pod at a time, plain and in the three default batches. */
const pairOf = (kind: AppKind, replicas: number): readonly Variant[] => [
  { name: `${kind}, plain`, kind, replicas },
  { name: `${kind}, batches of 1, 30 % and 100 %`, kind, replicas, ...releaseOf(DEFAULT) },
];

const releaseOf = ({ release }: Variant): Pick<Variant, 'release'> =>
  release === undefined ? {} : { release };

interface Entry {
  readonly variant: Variant;
  readonly app: App;
}

interface Figures {
  readonly name: string;
  readonly ms: number[];
  /** Of each round: how often as long as the plain rollout beside it. */
  readonly ratios: number[];
  /** From the readiness of a batch to the write that releases the next. */
  readonly waits: number[];
}

const start = (cluster: ClusterAccess, { kind, replicas, release }: Variant): Promise<App> =>
  anApp(cluster, {
    ...(kind === undefined ? {} : { kind }),
    replicas: replicas ?? REPLICAS,
    policy: release === undefined ? undefined : { release: { ...release, soakSeconds: 0 } },
  });

/** Runs `work` with an app of each variant, which are closed however it ends. */
async function withApps<T>(
  cluster: ClusterAccess,
  variants: readonly Variant[],
  work: (entries: readonly Entry[]) => Promise<T>,
): Promise<T> {
  const entries: Entry[] = [];
  try {
    for (const variant of variants) entries.push({ variant, app: await start(cluster, variant) });
    return await work(entries);
  } finally {
    await Promise.all(entries.map(({ app }) => app.close()));
  }
}

/** Pushes the same change to all of them at the same moment; the first one is the plain rollout. */
async function race(
  entries: readonly Entry[],
  rounds: number,
  say: Live['say'],
): Promise<readonly Figures[]> {
  const figures = entries.map(({ variant: { name } }): Figures => {
    return { name, ms: [], ratios: [], waits: [] };
  });
  for (let round = 1; round <= rounds; round += 1) {
    const image = `checkout:v1.${round}`;
    say(`round ${round} of ${rounds}: ${entries.length} rollouts side by side`);
    const since = performance.now();
    const times = await Promise.all(entries.map(({ app }) => rollOut(app, image)));
    for (const [i, { app, variant }] of entries.entries()) {
      if (variant.release !== undefined) await app.until(image, 'Success', 120_000);
      const ms = times[i] ?? NaN;
      figures[i]?.ms.push(ms);
      figures[i]?.ratios.push(ms / (times[0] ?? NaN));
      figures[i]?.waits.push(...waitsAfterReady(app, image, since));
    }
  }
  return figures;
}

/** CPU of the operator for a release until its record is closed, nothing else going on; seconds. */
async function alone({ cluster, operator, say }: Live): Promise<number[]> {
  return withApps(cluster, [DEFAULT], async ([entry]) => {
    const cpu: number[] = [];
    for (let version = 1; version <= ALONE; version += 1) {
      say(`governed alone, ${version}`);
      // The last events of what went before.
      await sleep(1500);
      const before = operator.cpu;
      await entry?.app.setImage(`checkout:v2.${version}`);
      await entry?.app.until(`checkout:v2.${version}`, 'Success', 120_000);
      cpu.push(operator.cpu - before);
    }
    return cpu;
  });
}

interface Measured {
  readonly figures: readonly Figures[];
  readonly cpu: readonly number[];
}

async function measure(on: Live): Promise<Measured> {
  const of = (variants: readonly Variant[], rounds: number): Promise<readonly Figures[]> =>
    withApps(on.cluster, variants, (entries) => race(entries, rounds, on.say));
  const deployments = await of(DEPLOYMENTS, ROUNDS);
  const cpu = await alone(on);
  const statefulSets = await of(pairOf('StatefulSet', 5), SLOW_ROUNDS);
  const daemonSets = await of(pairOf('DaemonSet', 5), SLOW_ROUNDS);
  return { figures: [...deployments, ...statefulSets, ...daemonSets], cpu };
}

const row = ({ name, ms, ratios, waits }: Figures): string[] => {
  const isPlain = ratios.every((ratio) => ratio === 1);
  return [
    name,
    seconds(median(ms)),
    isPlain ? '' : times(median(ratios)),
    isPlain ? '' : `${times(Math.min(...ratios))} – ${times(Math.max(...ratios))}`,
    waits.length === 0 ? '' : seconds(median(waits)),
  ];
};

const HEAD = ['', 'time, median', '÷ plain', 'range', 'ready → next batch released'];

const cpuRows = ({ cpu }: Measured): string[][] => [
  ['this operator', `${median(cpu).toFixed(2)} s`],
  ['at most', '0.30 s'],
  ['Argo Rollouts (earlier run)', '0.27 s'],
];

export const rollout: Section = {
  name: 'rollout',
  title: 'A governed release beside the plain rollout, on a real control plane',
  run: async (say) => {
    const measured = await live(say, measure);
    return {
      tables: [
        { head: HEAD, rows: measured.figures.map(row) },
        { head: ['CPU for three batches', 'median'], rows: cpuRows(measured) },
      ],
      notes: [
        `Each pushed at the same moment, ${ROUNDS} times, StatefulSets and DaemonSets ${SLOW_ROUNDS} times: ${REPLICAS} replicas of a Deployment, 25 % of surge and of unavailability; 5 pods of the other kinds, one at a time; pods that are ready after 1 to 3 s; no soak. From the push until the status is what \`kubectl rollout status\` calls complete, from a watch.`,
        'Ready → next batch released: from the pod status that makes a batch ready to the write that raises the cap, both as one client’s watches show them. CPU: of the operator, from the push until the record is closed, nothing else going on.',
      ],
    };
  },
};
