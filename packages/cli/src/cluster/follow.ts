// SPDX-License-Identifier: Apache-2.0
import {
  Informer,
  type KubeObject,
  type Logger,
  type APIResource,
  type Scheduler,
  type ListSelector,
} from '@altershield/kube';
import type { CommandContext, Session } from '../cli.ts';
import { printable } from '../render/style.ts';

/** Objects of one kind as a watch keeps them, through any failure of the connection. */
export class Follower<T extends KubeObject> {
  readonly #informer: Informer<T>;
  readonly #scheduler: Scheduler;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(
    cli: CommandContext,
    { client }: Session,
    resource: APIResource,
    selection: ListSelector,
  ) {
    const { scheduler } = cli;
    const log = warnings(cli);
    this.#scheduler = scheduler;
    this.#informer = new Informer<T>({ client, resource, scheduler, log, ...selection });
    this.#running = this.#informer.start(this.#stop.signal);
  }

  /** The error because of which the objects may be stale. */
  get problem(): string | undefined {
    return this.#informer.lastError?.message;
  }

  /** The first defined result of `look` for a new state; undefined after the timeout. */
  until<R>(
    look: (objects: readonly T[]) => R | undefined,
    timeoutMs: number,
  ): Promise<R | undefined> {
    return new Promise((resolve) => {
      let isDone = false;
      const finish = (answer?: R): void => {
        isDone = true;
        timer.cancel();
        resolve(answer);
      };
      const attempt = (): void => {
        if (isDone || !this.#informer.synced) return;
        const answer = look(this.#informer.list());
        if (answer !== undefined) finish(answer);
      };
      const timer = this.#scheduler.after(timeoutMs, () => {
        finish();
      });
      // The handler stays for as long as the follower lives: a command asks a few times at most.
      this.#informer.onEvent(attempt);
      // An empty list brings no event.
      this.#informer.whenSynced(this.#stop.signal).then(attempt, () => undefined);
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

/** Writes to stderr why no output follows. */
function warnings({ io }: CommandContext): Logger {
  const warn: Logger['warn'] = (message, { err } = {}) => {
    const cause = err instanceof Error ? `: ${err.message}` : '';
    io.err(printable(`Warning: ${message}${cause}`));
  };
  const quiet = (): void => undefined;
  const log: Logger = { debug: quiet, info: quiet, warn, error: warn, child: () => log };
  return log;
}
