// SPDX-License-Identifier: Apache-2.0

import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { ClusterAccess } from './access.ts';
import { startCluster, type Cluster } from './cluster.ts';
import { existingCluster } from './existing.ts';
import { temporaryDir, type TemporaryDir } from './temporary.ts';
import { DEFAULT_VERSION, VERSIONS, chooseVersion, type Version } from './versions.ts';

const USAGE = `npm run cluster -- [--kubernetes VERSION] [--dir DIR] [--kubeconfig FILE]

Starts a real control plane (etcd, kube-apiserver, kube-controller-manager, kube-scheduler) with three simulated
nodes, on free ports, and stays until Ctrl-C. Several can run at once. The first run of a version builds it from Go
modules.

  --kubernetes VERSION
                     ${VERSIONS.join(', ')} (default: ${DEFAULT_VERSION})
  --dir DIR          where its files go and stay (default: a temporary folder, removed at the end)
  --kubeconfig FILE  start nothing: write the test users' kubeconfigs for this cluster into DIR

The tag of an image says what becomes of its pods:
  :bad…     image pull fails           :noready…  runs, but is never ready
  :crash…   ends again and again       :flap…     ready, then not, again and again
  :oom…     the same, out of memory    :slow…     ready after 8 to 10 s
  :cfgerr…  a ConfigMap is missing     :jobfail…  a Job's pod fails; :jobrun… runs on
  any other tag: ready after 1 to 3 s, a Job's pod then completes`;

function log(line: string): void {
  console.log(line);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kubernetes: { type: 'string' },
      dir: { type: 'string' },
      kubeconfig: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    log(USAGE);
    return;
  }
  const version = chooseVersion(values.kubernetes);
  const dir = await folder(values.dir);
  if (values.kubeconfig === undefined) await runCluster(dir, version);
  else explain(await existingCluster({ kubeconfig: values.kubeconfig, dir: dir.path, log }));
}

/** The folder that was asked for, which stays, or a temporary one. */
async function folder(wanted: string | undefined): Promise<TemporaryDir> {
  if (wanted === undefined) return await temporaryDir();
  const path = resolve(wanted);
  await mkdir(path, { recursive: true });
  return { path, remove: () => Promise.resolve() };
}

async function runCluster(dir: TemporaryDir, version: Version): Promise<void> {
  const started = performance.now();
  const signal = stopSignal();
  let cluster: Cluster | undefined;
  try {
    cluster = await startCluster({ dir: dir.path, log, signal, version });
    log(`\nThe cluster is ready after ${((performance.now() - started) / 1000).toFixed(1)} s.`);
    explain(cluster);
    log('Ctrl-C stops it.');
    await aborted(signal);
    log('\nStopping …');
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await cluster?.stop();
    await dir.remove();
  }
}

function explain(cluster: ClusterAccess): void {
  log(`
  export KUBECONFIG=${cluster.dir}/kubeconfigs/admin
  kubectl       ${cluster.kubectlPath}
  other users   ${cluster.dir}/kubeconfigs/{developer,gitops,operator}
  server        ${cluster.url}
  files, logs   ${cluster.dir}
`);
}

/** Aborts on the signals that end a program, and when npm, which started us, is gone. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => {
    controller.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, abort);
  if (process.env['npm_lifecycle_event'] !== undefined) {
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent) abort();
    }, 1000).unref();
  }
  return controller.signal;
}

async function aborted(signal: AbortSignal): Promise<void> {
  const alive = setInterval(() => undefined, 60_000);
  await new Promise<void>((done) => {
    if (signal.aborted) done();
    signal.addEventListener('abort', () => {
      done();
    });
  });
  clearInterval(alive);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
