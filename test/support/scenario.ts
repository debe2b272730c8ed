// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, type ChangeWorkload } from '@altershield/api';
import type { Deployment } from '@altershield/core';
import { isConflict, sleep } from '@altershield/kube';
import { VirtualScheduler, type FaultPlan } from '@altershield/sandbox';
import { deploymentManifest, policyManifest } from './manifests.ts';
import { ALICE, GITOPS, Simulation, type RunningOperator } from './simulation.ts';

const TARGETS: readonly number[] = [1, 3, 10];

export interface ScenarioOptions {
  readonly seed: number;
  /** What befalls the operator's first life; `kill` ends it there and then. */
  readonly faults?: (kill: () => void) => FaultPlan;
  /** Downtime after a crash. Default 700 ms. */
  readonly downMs?: number;
  /** How long each change is given. Default 90 s; a silent watch is only given up after minutes. */
  readonly settleMs?: number;
}

/** What is the same whatever went wrong on the way. */
export interface EndState {
  readonly changes: readonly string[];
  readonly image: string;
  readonly ownFields: string;
  readonly held: boolean;
  readonly podImages: readonly string[];
}

export interface Outcome {
  readonly end: EndState;
  readonly writes: number;
  readonly calls: number;
  readonly watchLines: number;
  /** What must never happen, and did. */
  readonly violations: readonly string[];
  readonly lives: number;
  /** Writes of the operator, as method and path. */
  readonly log: readonly string[];
}

/**
 * A good change, then a bad one that a GitOps tool re-applies, then a good one: with the operator
 * dying or being lied to on the way. Whatever happens, the end and the laws must be the same.
 */
export async function runScenario(options: ScenarioOptions): Promise<Outcome> {
  const { seed, settleMs = 90_000 } = options;
  const scheduler = new VirtualScheduler({ seed, order: 'shuffled' });
  const simulation = new Simulation({ scheduler });
  const watchman = new Watchman(simulation);
  const keeper = new Keeper(simulation, options);
  const play = async (promise: Promise<unknown>, ms: number): Promise<void> => {
    await scheduler.runFor(ms);
    await promise;
  };
  await play(simulation.install(), 1000);
  await play(apply(simulation, '1.0', ALICE), 5000);
  await play(simulation.sandbox.apply(policyManifest({ release: { soakSeconds: 1 } })), 1000);
  keeper.start();
  await scheduler.runFor(2000);
  await play(apply(simulation, '1.1', ALICE), settleMs);
  await play(apply(simulation, 'bad', GITOPS), settleMs);
  for (let i = 0; i < 3; i += 1) {
    await play(apply(simulation, 'bad', GITOPS).catch(isRefusal), 10_000);
  }
  await play(apply(simulation, '1.2', ALICE), settleMs);
  keeper.stop();
  return { end: endState(simulation), ...keeper.counts, violations: watchman.violations };
}

function isRefusal(error: unknown): void {
  if (error instanceof Error && /refuses this revision/.test(error.message)) return;
  if (isConflict(error)) return;
  throw error;
}

/** `kubectl apply` tries again when the server is busy; so does every tool that matters. */
const apply = (simulation: Simulation, tag: string, user: typeof ALICE): Promise<unknown> =>
  simulation.sandbox.apply(deploymentManifest({ image: `shop/checkout:${tag}` }), user);

/** Looks at every state of every pod, as it is stored. */
class Watchman {
  readonly violations: string[] = [];
  readonly #simulation: Simulation;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    simulation.sandbox.onPod(() => {
      this.#look();
    });
  }

  #look(): void {
    const { sandbox, scheduler } = this.#simulation;
    const pods = sandbox.pods({ namespace: 'shop' });
    const bad = pods.filter((p) => JSON.stringify(p.spec).includes('checkout:bad')).length;
    if (bad > 1) this.#say(`${bad} bad pods at ${scheduler.now()}`);
    this.#lookAtBatch(pods);
  }

  #lookAtBatch(pods: readonly { readonly spec: unknown }[]): void {
    const change = changesOf(this.#simulation).find((c) => c.status?.phase === 'Running');
    if (change === undefined || change.spec.detectedBy === 'Watch') return;
    const image = change.spec.to.images.join();
    const fresh = pods.filter((p) => JSON.stringify(p.spec).includes(`"${image}"`)).length;
    const allowed = TARGETS[(change.status?.batch?.index ?? 0) - 1] ?? 0;
    if (fresh > allowed) this.#say(`${fresh} pods of ${image}, batch allows ${allowed}`);
  }

  #say(violation: string): void {
    if (this.violations.length < 5) this.violations.push(violation);
  }
}

/** Starts the operator again after each crash, as the kubelet would. */
class Keeper {
  readonly counts = { writes: 0, calls: 0, watchLines: 0, lives: 0, log: [] as string[] };
  readonly #simulation: Simulation;
  readonly #options: ScenarioOptions;
  #current: RunningOperator | undefined;
  #stopped = false;

  constructor(simulation: Simulation, options: ScenarioOptions) {
    this.#simulation = simulation;
    this.#options = options;
  }

  start(): void {
    this.counts.lives += 1;
    const isFirst = this.counts.lives === 1;
    const kill = (): void => {
      this.#crash();
    };
    const plan = isFirst ? (this.#options.faults?.(kill) ?? {}) : {};
    this.#current = this.#simulation.startOperator({ faults: this.#counting(plan) });
  }

  stop(): void {
    this.#stopped = true;
    this.#current?.kill();
  }

  #crash(): void {
    if (this.#current?.isAlive() !== true) return;
    this.#current.kill();
    const { scheduler } = this.#simulation;
    void sleep(scheduler, this.#options.downMs ?? 700).then(() => {
      if (!this.#stopped) this.start();
    });
  }

  #counting(plan: FaultPlan): FaultPlan {
    return {
      beforeCall: (call) => {
        this.counts.calls += 1;
        if (call.write > 0) {
          this.counts.writes += 1;
          this.counts.log.push(`${call.method} ${call.path} ${call.body ?? ''}`);
        }
        return plan.beforeCall?.(call);
      },
      ...(plan.afterCall === undefined ? {} : { afterCall: plan.afterCall }),
      onWatchLine: (line) => {
        this.counts.watchLines += 1;
        return plan.onWatchLine?.(line);
      },
    };
  }
}

const changesOf = ({ sandbox }: Simulation): ChangeWorkload[] =>
  sandbox.server.store.list('changeworkloads.altershield.io') as unknown as ChangeWorkload[];

function endState(simulation: Simulation): EndState {
  const deployment = simulation.sandbox.get(
    'deployments.apps',
    'shop',
    'checkout',
  ) as unknown as Deployment;
  const { replicas, paused, minReadySeconds, progressDeadlineSeconds, strategy } = deployment.spec;
  const pods = simulation.sandbox.pods({ namespace: 'shop' }).map((p) => imageOf(p.spec));
  return {
    changes: changesOf(simulation)
      .sort((a, b) => a.spec.sequence - b.spec.sequence)
      .map((c) => `${c.spec.to.images.join()} ${c.status?.phase ?? ''} ${c.status?.reason ?? ''}`),
    image: imageOf(deployment.spec.template['spec']),
    ownFields: JSON.stringify({
      ...{ replicas, paused: paused ?? false, minReadySeconds: minReadySeconds ?? 0 },
      ...{ progressDeadlineSeconds, strategy },
    }),
    held: deployment.metadata.annotations?.[ANNOTATIONS.hold] !== undefined,
    podImages: [...new Set(pods)],
  };
}

const imageOf = (spec: unknown): string =>
  /"image":"([^"]*)"/.exec(JSON.stringify(spec))?.[1] ?? '';
