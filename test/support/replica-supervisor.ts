// SPDX-License-Identifier: Apache-2.0
import { sleep } from '@altershield/kube';
import type { CallInfo, FaultPlan, WatchLineInfo } from '@altershield/sandbox';
import type { RunningOperator, Simulation } from './simulation.ts';

export interface ReplicaSupervisorOptions {
  /** What befalls the operator's first leader; `kill` ends it there and then. */
  readonly faults?: ((kill: () => void) => FaultPlan) | undefined;
  /** How long nobody leads after a crash. Default 700 ms. */
  readonly downMs?: number | undefined;
}

/**
 * Keeps two replicas: both answer the API server, one leads. When the leader dies, another is
 * started in its place as the kubelet would, and either of the two gets the lease.
 */
export class ReplicaSupervisor {
  /** Calls and watch lines of the first leader, and how many leaders there were. */
  readonly calls: CallInfo[] = [];
  readonly lines: WatchLineInfo[] = [];
  lives = 0;
  readonly #simulation: Simulation;
  readonly #options: ReplicaSupervisorOptions;
  readonly #replicas: RunningOperator[] = [];
  #stopped = false;

  constructor(simulation: Simulation, options: ReplicaSupervisorOptions) {
    this.#simulation = simulation;
    this.#options = options;
  }

  start(): void {
    const plan = this.#options.faults?.(() => {
      this.#crash();
    });
    const leader = this.#startReplica(this.#counting(plan ?? {}));
    this.#startReplica();
    this.#lead(leader);
  }

  stop(): void {
    this.#stopped = true;
    for (const replica of this.#replicas) replica.kill();
  }

  #startReplica(faults: FaultPlan = {}): RunningOperator {
    const identity = `replica-${this.#replicas.length + 1}`;
    const replica = this.#simulation.startReplica({ faults, identity });
    this.#replicas.push(replica);
    return replica;
  }

  #lead(replica: RunningOperator): void {
    this.lives += 1;
    replica.lead();
  }

  #crash(): void {
    const [leader, standby] = this.#replicas;
    if (leader?.isAlive() !== true || standby === undefined) return;
    leader.kill();
    const { scheduler } = this.#simulation;
    void sleep(scheduler, this.#options.downMs ?? 700).then(() => {
      if (this.#stopped) return;
      const fresh = this.#startReplica();
      this.#lead(scheduler.random() < 0.5 ? standby : fresh);
    });
  }

  #counting({ beforeCall, afterCall, onWatchLine }: FaultPlan): FaultPlan {
    return {
      beforeCall: (call) => {
        this.calls.push(call);
        return beforeCall?.(call);
      },
      ...(afterCall === undefined ? {} : { afterCall }),
      onWatchLine: (line) => {
        this.lines.push(line);
        return onWatchLine?.(line);
      },
    };
  }
}
