// SPDX-License-Identifier: Apache-2.0
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { imageRuntime } from '../../tools/bundle.ts';
import type { Answer, Methods, Question } from './answer.ts';
import { compiled } from './compile.ts';

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A process of its own, of which one side of a measurement is asked. */
export class Worker<M extends Methods> {
  readonly #child: ChildProcess;
  readonly #file: string;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;

  private constructor(child: ChildProcess, file: string) {
    this.#child = child;
    this.#file = file;
    child.on('message', (answer: Answer) => {
      this.#settle(answer);
    });
    child.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`${file} ended with code ${code ?? 'none'}`));
      }
    });
  }

  /** @param file path below bench/ */
  static start<M extends Methods>(file: string): Worker<M> {
    const { flags, env } = imageRuntime();
    const child = fork(compiled(file), [], {
      execArgv: ['--expose-gc', ...flags],
      env: { ...process.env, ...env },
      serialization: 'advanced',
    });
    return new Worker<M>(child, file);
  }

  ask<K extends keyof M & string>(
    method: K,
    ...[argument]: Parameters<M[K]>
  ): Promise<Awaited<ReturnType<M[K]>>> {
    this.#asked += 1;
    const question: Question = { id: this.#asked, method, argument };
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(question.id, { resolve, reject });
      this.#child.send(question);
    }) as Promise<Awaited<ReturnType<M[K]>>>;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  #settle({ id, value, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(`${this.#file}: ${error}`));
  }
}

/** Runs `work` with workers that end with it, however it ends. */
export async function withWorkers<T>(
  work: (start: <M extends Methods>(file: string) => Worker<M>) => Promise<T>,
): Promise<T> {
  const started: { stop(): Promise<void> }[] = [];
  try {
    return await work(<M extends Methods>(file: string) => {
      const worker = Worker.start<M>(file);
      started.push(worker);
      return worker;
    });
  } finally {
    await Promise.all(started.map((worker) => worker.stop()));
  }
}
