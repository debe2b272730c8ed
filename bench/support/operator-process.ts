// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { bundleOperator, imageRuntime } from '../../tools/bundle.ts';
import { cpuOf } from './cpu.ts';
import { rssOf } from './rss.ts';

const READY_MS = 60_000;

/** The operator as a process of its own, as it runs in the image. */
export class OperatorUnderTest {
  readonly #child: ChildProcess;
  readonly #tail: string[] = [];

  private constructor(main: string, kubeconfig: string, more: readonly string[]) {
    const { flags, env } = imageRuntime();
    const args = [
      '--kubeconfig',
      kubeconfig,
      '--identity',
      'replica-0',
      '--log-format',
      'json',
      ...more,
    ];
    this.#child = spawn(process.execPath, [...flags, main, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...env },
    });
  }

  /** Resolves when it leads. */
  static async start(kubeconfig: string, more: readonly string[] = []): Promise<OperatorUnderTest> {
    const operator = new OperatorUnderTest(await bundleOperator(), kubeconfig, more);
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

  /** CPU time that it has used since it was started, seconds; NaN where there is no /proc. */
  get cpu(): number {
    return cpuOf(this.#child.pid);
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
