// SPDX-License-Identifier: Apache-2.0
import { createLogger, realScheduler, sleep, type Client, type Scheduler } from '@altershield/kube';
import { AcceleratedScheduler, ADMIN, VirtualScheduler, type UserInfo } from '@altershield/sandbox';
import { ALICE, GITOPS, Simulation } from '../test/support/simulation.ts';
import { lastLines } from './log-tail.ts';
import type { User, Cluster } from './cluster.ts';

/** How much faster the simulated cluster's clock runs than the audience's. */
export const SPEED = 2;

const USERS: Readonly<Record<User, readonly [user: UserInfo, fieldManager: string]>> = {
  admin: [ADMIN, 'kubectl'],
  developer: [ALICE, 'kubectl'],
  gitops: [GITOPS, 'kustomize-controller'],
};

/** The operator's own code and the sandbox in this process, for people to watch. */
export function watchedCluster(): Promise<Cluster> {
  const pause = (ms: number): Promise<void> => sleep(realScheduler, ms);
  return simulatedCluster(new AcceleratedScheduler(SPEED), pause);
}

/** The same under virtual time: it takes as long as it computes. `run` moves the clock until a promise settles. */
export async function hurriedCluster(): Promise<{
  readonly cluster: Cluster;
  readonly run: <T>(work: Promise<T>) => Promise<T>;
}> {
  const scheduler = new VirtualScheduler({ seed: 1 });
  const run = <T>(work: Promise<T>): Promise<T> => scheduler.complete(work, { maxMs: 1_800_000 });
  return { cluster: await run(simulatedCluster(scheduler, () => Promise.resolve())), run };
}

async function simulatedCluster(scheduler: Scheduler, pause: Cluster['pause']): Promise<Cluster> {
  const tail = lastLines();
  const log = createLogger({ pretty: true, destination: tail });
  const simulation = new Simulation({ scheduler, log });
  await simulation.install();
  const operator = simulation.startOperator();
  const clients = new Map<User, Client>();
  const connect = (user: User): Client => {
    const client = simulation.client(...USERS[user]);
    clients.set(user, client);
    return client;
  };
  return {
    scheduler,
    pause,
    client: (user) => clients.get(user) ?? connect(user),
    operatorLog: tail.lines,
    stop: () => {
      operator.kill();
      simulation.sandbox.stop();
      return Promise.resolve();
    },
  };
}
