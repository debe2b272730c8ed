// SPDX-License-Identifier: Apache-2.0

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program of the control plane and how to tell that it serves. */
export interface Program {
  readonly name: string;
  readonly path: string;
  readonly args: readonly string[];
  /** Resolves to true once the program can be used; errors count as "not yet". */
  readonly isReady: () => Promise<boolean>;
}

/** Where a component finds its leash, its home and its log. */
export interface Surroundings {
  readonly leash: string;
  readonly dir: string;
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal | undefined;
}

const READY_BOUND_MS = 90_000;
const POLL_MS = 50;
const LOG_TAIL_LINES = 15;

/** A started program: it dies with this process, and says its last words when it fails. */
export class Component {
  readonly name: string;
  readonly #program: Program;
  readonly #surroundings: Surroundings;
  #process: ChildProcess | undefined;

  constructor(program: Program, surroundings: Surroundings) {
    this.name = program.name;
    this.#program = program;
    this.#surroundings = surroundings;
  }

  get logFile(): string {
    return `${this.#surroundings.dir}/logs/${this.name}.log`;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get isRunning(): boolean {
    return (
      this.#process !== undefined &&
      this.#process.exitCode === null &&
      this.#process.signalCode === null
    );
  }

  /** Starts the program and waits until it is ready, 90 s at most; does nothing when it runs. */
  async start(): Promise<void> {
    if (this.isRunning) return;
    this.#process = this.#spawn();
    await this.#untilReady();
  }

  /** Asks the program to end and kills it after `graceMs`; 0 kills at once. */
  async stop(graceMs: number): Promise<void> {
    const child = this.#process;
    if (child === undefined || !this.isRunning) return;
    const gone = new Promise<void>((resolve) =>
      child.once('exit', () => {
        resolve();
      }),
    );
    child.kill(graceMs > 0 ? 'SIGTERM' : 'SIGKILL');
    const hardKill = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await gone;
    clearTimeout(hardKill);
  }

  #spawn(): ChildProcess {
    const { leash, dir } = this.#surroundings;
    const log = openSync(this.logFile, 'a');
    // Its own process group, so that Ctrl-C does not stop etcd under a running API server.
    const child = spawn(leash, [this.#program.path, ...this.#program.args], {
      cwd: dir,
      detached: true,
      env: { LEASH_PARENT: String(process.pid), PATH: process.env['PATH'] ?? '', HOME: dir },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    return child;
  }

  async #untilReady(): Promise<void> {
    const deadline = performance.now() + READY_BOUND_MS;
    while (!(await this.#isReady())) {
      if (!this.isRunning) throw await this.#failure('it ended before it was ready');
      if (this.#surroundings.signal?.aborted === true)
        throw new Error(`start ${this.name}: interrupted`);
      if (performance.now() > deadline) {
        await this.stop(0);
        throw await this.#failure(`it was not ready after ${READY_BOUND_MS / 1000} s`);
      }
      await sleep(POLL_MS);
    }
  }

  async #isReady(): Promise<boolean> {
    try {
      return this.isRunning && (await this.#program.isReady());
    } catch {
      return false;
    }
  }

  async #failure(what: string): Promise<Error> {
    const log = await readFile(this.logFile, 'utf8');
    const tail = log.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n  ');
    return new Error(`start ${this.name}: ${what}. The end of ${this.logFile}:\n  ${tail}`);
  }
}
