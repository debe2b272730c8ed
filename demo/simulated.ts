// SPDX-License-Identifier: Apache-2.0
import { createLogger, realScheduler, sleep, type Client, type Scheduler } from '@altershield/kube';
import { AcceleratedScheduler, ADMIN, VirtualScheduler, type UserInfo } from '@altershield/sandbox';
import { ALICE, GITOPS, Simulation } from '../test/support/simulation.ts';
import { lastLines } from './log-tail.ts';
import type { Person, Stage } from './stage.ts';

/** How much faster the simulated cluster's clock runs than the audience's. */
export const SPEED = 2;

const USERS: Readonly<Record<Person, readonly [user: UserInfo, fieldManager: string]>> = {
  admin: [ADMIN, 'kubectl'],
  developer: [ALICE, 'kubectl'],
  gitops: [GITOPS, 'kustomize-controller'],
};

/** The operator's own code and the sandbox in this process, for people to watch. */
export function watchedStage(): Promise<Stage> {
  const pause = (ms: number): Promise<void> => sleep(realScheduler, ms);
  return simulatedStage(new AcceleratedScheduler(SPEED), pause);
}

/** The same under virtual time: it takes as long as it computes. `run` moves the clock until a promise settles. */
export async function hurriedStage(): Promise<{
  readonly stage: Stage;
  readonly run: <T>(work: Promise<T>) => Promise<T>;
}> {
  const scheduler = new VirtualScheduler({ seed: 1 });
  const run = <T>(work: Promise<T>): Promise<T> => scheduler.complete(work, { maxMs: 1_800_000 });
  return { stage: await run(simulatedStage(scheduler, () => Promise.resolve())), run };
}

async function simulatedStage(scheduler: Scheduler, pause: Stage['pause']): Promise<Stage> {
  const tail = lastLines();
  const log = createLogger({ pretty: true, destination: tail });
  const simulation = new Simulation({ scheduler, log });
  await simulation.install();
  const operator = simulation.startOperator();
  const clients = new Map<Person, Client>();
  const connect = (person: Person): Client => {
    const client = simulation.client(...USERS[person]);
    clients.set(person, client);
    return client;
  };
  return {
    scheduler,
    pause,
    client: (person) => clients.get(person) ?? connect(person),
    operatorLog: tail.lines,
    stop: () => {
      operator.kill();
      simulation.sandbox.stop();
      return Promise.resolve();
    },
  };
}
