// SPDX-License-Identifier: Apache-2.0

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { bundleOperator, imageRuntime } from '../../../tools/bundle.ts';
import type { ClusterAccess, KubectlResult } from '../../cluster/access.ts';
import type { UserName } from '../../cluster/users.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SOURCE = '--conditions=@altershield/source';
const CLI = 'packages/cli/src/main.ts';
/** What is tested is what the image holds, started as the image starts it. */
const OPERATOR = await bundleOperator();
const { flags: FLAGS, env: ENV } = imageRuntime();

export const CRDS = `${ROOT}deploy/crds`;
export const RBAC_YAML = `${ROOT}deploy/rbac.yaml`;

/** One line of the operator's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface OperatorOptions {
  /** Who it is among replicas. A new process with the name of a killed one leads at once, as a restarted container does. */
  readonly identity?: string;
  readonly kubeconfig?: string;
  readonly args?: readonly string[];
  /** What the environment says beside the image's. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The operator as a process of its own, as the user whose permissions are the ones we ship. */
export class OperatorProcess {
  readonly lines: LogLine[] = [];
  /** What it wrote that is no line of its log. */
  stderr = '';
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  readonly #listeners = new Set<() => void>();

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, [...FLAGS, OPERATOR, ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...ENV, ...env },
    });
    this.#gone = once(this.#child, 'close').then(() => {
      this.#tell();
    });
    const { stdout, stderr } = this.#child;
    if (stdout !== null) createInterface({ input: stdout }).on('line', this.#read);
    stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    process.once('exit', this.#killNow);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** Every line as text, for assertions on what it may not say. */
  get text(): string {
    return this.lines.map((line) => JSON.stringify(line)).join('\n') + this.stderr;
  }

  /** Resolves with the first line, from the `after`th on, whose message is this; 90 s at most, for a busy machine. */
  async said(msg: string, after = 0): Promise<LogLine> {
    const deadline = AbortSignal.timeout(90_000);
    for (;;) {
      const line = this.lines.slice(after).find((each) => each.msg === msg);
      if (line !== undefined) return line;
      if (deadline.aborted || !this.isRunning) {
        const tail = this.text.split('\n').slice(-15).join('\n');
        throw new Error(`wait until the operator says "${msg}": it did not. Its log:\n${tail}`);
      }
      await this.#next(deadline);
    }
  }

  /** `kill -9`: no last words, no release of the lease. */
  async kill(): Promise<void> {
    if (this.isRunning) this.#child.kill('SIGKILL');
    await this.#end();
  }

  /** Asks it to end, as Kubernetes does. Gives the milliseconds that it took. */
  async stop(): Promise<number> {
    const started = performance.now();
    if (this.isRunning) this.#child.kill('SIGTERM');
    const bound = setTimeout(() => this.#child.kill('SIGKILL'), 20_000);
    await this.#end();
    clearTimeout(bound);
    return performance.now() - started;
  }

  async ended(): Promise<number | null> {
    await this.#end();
    return this.exitCode;
  }

  async #end(): Promise<void> {
    await this.#gone;
    process.off('exit', this.#killNow);
  }

  readonly #killNow = (): void => {
    this.#child.kill('SIGKILL');
  };

  readonly #read = (line: string): void => {
    try {
      this.lines.push(JSON.parse(line) as LogLine);
    } catch {
      this.stderr += `${line}\n`;
    }
    this.#tell();
  };

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #next(deadline: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#listeners.delete(done);
        deadline.removeEventListener('abort', done);
        resolve();
      };
      this.#listeners.add(done);
      deadline.addEventListener('abort', done);
    });
  }
}

/** Gives the cluster our kinds and the operator's user exactly the permissions that we ship. */
export async function prepareCluster(cluster: ClusterAccess): Promise<void> {
  const { code, stderr } = await cluster.kubectl(['apply', '--server-side', '-f', CRDS]);
  if (code !== 0) throw new Error(`apply ${CRDS}: ${stderr}`);
  await cluster.grantOperator(RBAC_YAML);
  const established = ['wait', '--for=condition=Established', '--timeout=30s', '-f', CRDS];
  const waited = await cluster.kubectl(established);
  if (waited.code !== 0) throw new Error(`wait for the CRDs: ${waited.stderr}`);
}

/** Starts the operator without waiting for anything. */
export function launchOperator(
  cluster: ClusterAccess,
  { identity = 'replica-0', kubeconfig, args = [], env }: OperatorOptions = {},
): OperatorProcess {
  const config = kubeconfig ?? cluster.kubeconfig('operator');
  const log = ['--log-format', 'json', '--log-level', 'debug'];
  return new OperatorProcess(
    ['--kubeconfig', config, '--identity', identity, ...log, ...args],
    env,
  );
}

/** Starts the operator and waits until it leads. */
export async function startOperator(
  cluster: ClusterAccess,
  options: OperatorOptions = {},
): Promise<OperatorProcess> {
  const operator = launchOperator(cluster, options);
  await operator.said('leading');
  return operator;
}

/** The command line as a user runs it. */
export async function altershield(
  cluster: ClusterAccess,
  args: readonly string[],
  user: UserName = 'developer',
): Promise<KubectlResult> {
  const child = spawn(
    process.execPath,
    [SOURCE, CLI, '--kubeconfig', cluster.kubeconfig(user), ...args],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' },
    },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await once(child, 'close');
  return { code: child.exitCode ?? -1, stdout, stderr };
}
