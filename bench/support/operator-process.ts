// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from './compile.ts';
import { NODE_FLAGS } from './node-flags.ts';
import { rssOf } from './rss.ts';

const MAIN = join(ROOT, 'packages/operator/dist/main.js');
const READY_MS = 60_000;

/** The compiled operator as a process of its own, with the log level that it has by default. */
export class OperatorUnderTest {
  readonly #child: ChildProcess;
  readonly #tail: string[] = [];

  private constructor(kubeconfig: string) {
    const args = ['--kubeconfig', kubeconfig, '--identity', 'replica-0', '--log-format', 'json'];
    this.#child = spawn(process.execPath, [...NODE_FLAGS, MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' },
    });
  }

  /** Resolves when it leads. */
  static async start(kubeconfig: string): Promise<OperatorUnderTest> {
    const operator = new OperatorUnderTest(kubeconfig);
    try {
      await operator.#leads();
    } catch (error) {
      await operator.stop();
      throw error;
    }
    return operator;
  }

  /** Resident memory, bytes; NaN where there is no /proc. */
  get rss(): number {
    return rssOf(this.#child.pid);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  #leads(): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        reject(new Error(`start the operator: ${why}; its last lines:\n${this.#tail.join('\n')}`));
      };
      const bound = setTimeout(fail, READY_MS, 'it does not lead after a minute');
      const read = (line: string): void => {
        this.#tail.push(line);
        if (this.#tail.length > 20) this.#tail.shift();
        if (!line.includes('"msg":"leading"')) return;
        clearTimeout(bound);
        resolve();
      };
      const { stdout, stderr } = this.#child;
      if (stdout !== null) createInterface({ input: stdout }).on('line', read);
      if (stderr !== null) createInterface({ input: stderr }).on('line', read);
      this.#child.once('exit', () => {
        clearTimeout(bound);
        fail('it ended');
      });
    });
  }
}
