// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterAccess } from '../../cluster/access.ts';
import { kubeconfigYaml } from '../../cluster/kubeconfig.ts';
import type { Pod } from './pods.ts';
import { ObjectWatch } from './watch-objects.ts';

interface Runnable extends Pod {
  readonly spec: Pod['spec'] & {
    readonly serviceAccountName?: string;
    readonly containers: readonly {
      readonly name: string;
      readonly image: string;
      readonly args?: readonly string[];
    }[];
  };
}

export interface Ran {
  readonly args: readonly string[];
  readonly code: number;
  readonly output: string;
}

/**
 * The simulated kubelets run no programs. This runs the one of each pod of a Job, as the service
 * account of the pod, and reports how it ended. The pod's image must not end by itself.
 */
export class PodRunner {
  readonly ran: Ran[] = [];
  readonly #cluster: ClusterAccess;
  readonly #program: string;
  readonly #started = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #watch: ObjectWatch<Runnable>;

  /** @param program the JavaScript file that stands in for the container's command */
  constructor(cluster: ClusterAccess, namespace: string, job: string, program: string) {
    this.#cluster = cluster;
    this.#program = program;
    const query = `labelSelector=${encodeURIComponent(`batch.kubernetes.io/job-name=${job}`)}`;
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const collection = { endpoint: cluster.endpoint('admin'), path, query };
    this.#watch = new ObjectWatch<Runnable>(collection, (_, pod) => {
      this.#see(pod);
    });
  }

  async start(): Promise<void> {
    await this.#watch.start();
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
    await Promise.allSettled(this.#running);
  }

  #see(pod: Runnable): void {
    const { uid } = pod.metadata;
    if (pod.status.phase !== 'Running' || this.#started.has(uid)) return;
    this.#started.add(uid);
    const run = this.#run(pod).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #run(pod: Runnable): Promise<void> {
    const dir = await mkdtemp(join(tmpdir(), 'altershield-pod-'));
    try {
      const kubeconfig = join(dir, 'kubeconfig');
      await writeFile(kubeconfig, await this.#kubeconfigOf(pod));
      const args = pod.spec.containers[0]?.args ?? [];
      const ran = await this.#exec([...args, '-n', pod.metadata.namespace], kubeconfig);
      this.ran.push({ args, ...ran });
      await this.#report(pod, ran.code);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }

  async #kubeconfigOf({ metadata, spec }: Runnable): Promise<string> {
    const { url, caPem } = this.#cluster;
    const { namespace } = metadata;
    const name = spec.serviceAccountName ?? 'default';
    const { status } = (await this.#cluster.call({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
    })) as { readonly status: { readonly token: string } };
    return kubeconfigYaml(url, caPem, { name, groups: [], token: status.token });
  }

  async #exec(args: readonly string[], kubeconfig: string): Promise<Omit<Ran, 'args'>> {
    const child = spawn(process.execPath, [this.#program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { HOME: '/nonexistent', KUBECONFIG: kubeconfig },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(child, 'close');
    return { code: child.exitCode ?? -1, output };
  }

  async #report({ metadata, status }: Runnable, exitCode: number): Promise<void> {
    const at = `${new Date().toISOString().slice(0, 19)}Z`;
    const reason = exitCode === 0 ? 'Completed' : 'Error';
    const [container] = status.containerStatuses ?? [];
    const state = {
      running: null,
      terminated: { exitCode, reason, startedAt: at, finishedAt: at },
    };
    await this.#cluster.call({
      method: 'PATCH',
      path: `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/status`,
      contentType: 'application/merge-patch+json',
      body: {
        status: {
          phase: exitCode === 0 ? 'Succeeded' : 'Failed',
          containerStatuses: [{ ...container, ready: false, state }],
        },
      },
    });
  }
}
