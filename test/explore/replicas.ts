// SPDX-License-Identifier: Apache-2.0
import { sleep } from '@altershield/kube';
import type { CallFault, CallInfo, FaultPlan, WatchFault } from '@altershield/sandbox';
import type { RunningOperator, Simulation } from '../support/simulation.ts';
import type { Fault } from './story.ts';

/** How long a standby takes to notice that nobody renews the lease. */
const LEASE_MS = 700;
/** A container that ended is started again after this time. */
const RESTART_MS = 1000;

interface Pending {
  readonly fault: Fault;
  skip: number;
}

/** The two replicas of the operator: which of them leads, and what befalls their connections. */
export class Replicas {
  /** Writes of both, Events aside. */
  readonly writes: CallInfo[] = [];
  readonly #simulation: Simulation;
  readonly #slots: (RunningOperator | undefined)[] = [undefined, undefined];
  #leader: RunningOperator | undefined;
  #pending: Pending[] = [];

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  start(): void {
    this.#startSlot(0);
    this.#startSlot(1);
    this.#elect();
  }

  stop(): void {
    for (const slot of this.#slots) slot?.kill();
  }

  disturb(fault: Fault, skip: number): void {
    this.#pending.push({ fault, skip });
  }

  /** From now on every call is answered and every line arrives. */
  endFaults(): void {
    this.#pending = [];
  }

  /** Kills a replica at once; it is back after this time. */
  crash(which: 'leader' | 'standby', downMs: number): void {
    this.#end(which, downMs, LEASE_MS);
  }

  /** The leader could not renew its lease: its process ends, and another replica may lead already. */
  loseLease(leaderlessMs: number): void {
    this.#end('leader', RESTART_MS, leaderlessMs);
  }

  #end(which: 'leader' | 'standby', downMs: number, leaderlessMs: number): void {
    const slot = this.#slots.findIndex(
      (replica) =>
        replica?.isAlive() === true && (replica === this.#leader) === (which === 'leader'),
    );
    if (slot < 0) return;
    const replica = this.#slots[slot];
    replica?.kill();
    this.#after(downMs, () => {
      this.#startSlot(slot);
      this.#elect();
    });
    if (replica !== this.#leader) return;
    this.#leader = undefined;
    this.#after(leaderlessMs, () => {
      this.#elect();
    });
  }

  #after(ms: number, run: () => void): void {
    void sleep(this.#simulation.scheduler, ms).then(run);
  }

  #startSlot(slot: number): void {
    this.#slots[slot] = this.#simulation.startReplica({
      identity: `replica-${slot + 1}`,
      faults: this.#plan(),
    });
  }

  #elect(): void {
    if (this.#leader?.isAlive() === true) return;
    this.#leader = this.#slots.find((replica) => replica?.isAlive() === true);
    this.#leader?.lead();
  }

  #plan(): FaultPlan {
    return {
      beforeCall: (call) => {
        if (isWriteOfState(call)) this.writes.push(call);
        return this.#callFault(call, 'call');
      },
      afterCall: (call) => this.#callFault(call, 'answer'),
      onWatchLine: () => this.#take(({ on }) => on === 'line') as WatchFault | undefined,
    };
  }

  #callFault(call: CallInfo, lost: 'call' | 'answer'): CallFault | undefined {
    const sort = sortOf(call);
    const found = this.#take(
      (fault) => fault.on === sort && 'lost' in fault && fault.lost === lost,
    );
    return found as CallFault | undefined;
  }

  #take(matches: (fault: Fault) => boolean): Fault['fault'] | undefined {
    if (this.#pending.length === 0) return undefined;
    const pending = this.#pending.find(({ fault }) => matches(fault));
    if (pending === undefined) return undefined;
    pending.skip -= 1;
    if (pending.skip >= 0) return undefined;
    this.#pending = this.#pending.filter((other) => other !== pending);
    return pending.fault.fault;
  }
}

const sortOf = (call: CallInfo): 'write' | 'read' | 'watch' | 'event' => {
  if (call.isWatch) return 'watch';
  if (call.write === 0) return 'read';
  return isWriteOfState(call) ? 'write' : 'event';
};

const isWriteOfState = ({ write, path }: CallInfo): boolean =>
  write > 0 && !path.includes('/events');
