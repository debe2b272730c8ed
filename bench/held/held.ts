// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { Fleet } from '../support/fleet.ts';
import { live, type Live } from '../support/live.ts';
import type { Section } from '../support/section.ts';
import { writesOf } from '../support/writes.ts';

const APPS = 30;
const REPLICAS = 10;
const MINUTE_MS = 60_000;
const POLICY = { release: { batches: [1, '100%'], soakSeconds: 3600 } };
const CONTROLLERS = ['deployment', 'replicaset'] as const;
type ControllerName = (typeof CONTROLLERS)[number];

interface Row {
  readonly name: string;
  readonly syncs: number | undefined;
  readonly writes: number;
}

interface Held {
  readonly rows: readonly Row[];
  /** CPU of the operator over the minute, seconds. */
  readonly cpu: number;
}

/** How often the controller took something from its queue so far. */
async function syncsOf(cluster: Live['cluster'], name: ControllerName): Promise<number> {
  const line = new RegExp(`^workqueue_work_duration_seconds_count\\{name="${name}"\\} (.*)$`, 'm');
  const [, count] = line.exec(await cluster.controllerMetrics()) ?? [];
  if (count === undefined) throw new Error(`count the syncs of ${name}: no such metric`);
  return Number(count);
}

async function minute({ cluster, operator }: Live, namespace: string): Promise<Held> {
  const syncs = (): Promise<number[]> => Promise.all(CONTROLLERS.map((n) => syncsOf(cluster, n)));
  const [since, cpu, before] = [new Date(), operator.cpu, await syncs()];
  await sleep(MINUTE_MS);
  const after = await syncs();
  const used = operator.cpu - cpu;
  const rows = await Promise.all(
    CONTROLLERS.map(async (name, i) => {
      const user = `system:serviceaccount:kube-system:${name}-controller`;
      const { length } = await cluster.auditWrites({ user, namespace, since });
      return {
        name: `${name} controller`,
        syncs: (after[i] ?? 0) - (before[i] ?? 0),
        writes: length,
      };
    }),
  );
  const { workload, records, events } = await writesOf(cluster, { namespace, since });
  const ours = { name: 'the operator', syncs: undefined, writes: workload + records + events };
  return { rows: [...rows, ours], cpu: used };
}

async function measure(on: Live): Promise<Held> {
  on.say(`${APPS} Deployments of ${REPLICAS} pods`);
  const fleet = await Fleet.start(on.cluster, { apps: APPS, replicas: REPLICAS, policy: POLICY });
  try {
    on.say('a change of each, which soaks in its first batch');
    await fleet.push(() => 'app:v2');
    await fleet.until('all to soak', APPS, ({ spec, status }) => {
      return spec.to.images?.[0] === 'app:v2' && status?.phase === 'Running';
    });
    // Until the pods are ready, their statuses are written, and the controllers are at rest.
    await sleep(15_000);
    on.say('a minute');
    return await minute(on, fleet.namespace);
  } finally {
    await fleet.close();
  }
}

export const held: Section = {
  name: 'held',
  title: `${APPS} held Deployments for a minute, on a real control plane`,
  run: async (say) => {
    const { rows, cpu } = await live(say, measure);
    return {
      tables: [
        {
          head: ['', 'syncs', 'writes', 'target'],
          rows: rows.map(({ name, syncs, writes }) => [
            name,
            syncs === undefined ? '' : String(syncs),
            String(writes),
            '0',
          ]),
        },
      ],
      notes: [
        `Each Deployment has ${REPLICAS} pods and a change that soaks with one pod out. Syncs: items that the controller took from its queue, by the metrics of kube-controller-manager. Writes: the API server’s audit log for the namespace. CPU of the operator over the minute: ${cpu.toFixed(2)} s.`,
      ],
    };
  },
};
