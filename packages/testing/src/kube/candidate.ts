// SPDX-License-Identifier: Apache-2.0
import { whenAborted } from '../../../kube/src/manager/when-aborted.ts';
import { silentLogger } from '../../../kube/src/runtime/logger.ts';
import { type Scheduler, sleep } from '../../../kube/src/runtime/scheduler.ts';
import { LeaderElector } from '../../../kube/src/leader/elector.ts';
import { type FakeLeaseServer, LeaseLine } from './fake-lease-server.ts';

/** A replica with its elector and its history. */
export class Candidate {
  readonly identity: string;
  readonly line: LeaseLine;
  readonly elector: LeaderElector;
  readonly history: string[] = [];
  /** How long its work takes to stop. */
  windDownMs = 0;
  crashed = false;
  ended = false;
  work: AbortSignal | undefined;
  readonly #stop = new AbortController();
  readonly #scheduler: Scheduler;

  constructor(
    identity: string,
    server: FakeLeaseServer,
    scheduler: Scheduler,
    onLead: (candidate: Candidate) => void = () => undefined,
  ) {
    this.identity = identity;
    this.#scheduler = scheduler;
    this.line = new LeaseLine(server, scheduler);
    this.elector = new LeaderElector({
      client: this.line,
      scheduler,
      log: silentLogger,
      namespace: 'system',
      name: 'lock',
      identity,
      onStartedLeading: async (signal) => {
        this.work = signal;
        this.history.push(`leads ${this.#seconds()}`);
        onLead(this);
        await whenAborted(signal);
        this.history.push(`stopped ${this.#seconds()}`);
        await sleep(scheduler, this.windDownMs);
      },
      onStoppedLeading: () => this.history.push(`stopped ${this.#seconds()}`),
      onNewLeader: (holder) => this.history.push(`sees ${holder}`),
    });
  }

  /** True while it may write. */
  get writes(): boolean {
    return !this.crashed && this.elector.leading;
  }

  start(): this {
    void this.elector.start(this.#stop.signal).finally(() => {
      this.ended = true;
    });
    return this;
  }

  stop(): void {
    this.#stop.abort(new Error('stop'));
  }

  /** Crashes; requests that it has sent still arrive. */
  crash(): void {
    this.crashed = true;
    this.line.weather.cut = true;
  }

  #seconds(): string {
    return `at ${Math.round((this.#scheduler.now() - Date.parse('2026-01-01T00:00:00Z')) / 1000)} s`;
  }
}
