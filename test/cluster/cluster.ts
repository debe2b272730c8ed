// SPDX-License-Identifier: Apache-2.0

import { setTimeout as sleep } from 'node:timers/promises';
import { clusterAccess, type ClusterAccess } from './access.ts';
import { ApiError, callApi, type ApiCall, type Endpoint } from './api.ts';
import { findBinaries, type Binaries } from './binaries.ts';
import type { Component } from './component.ts';
import { createComponents, startLoudly, stopAll, type Components } from './components.ts';
import {
  kubeconfigPath,
  prepareFiles,
  readCa,
  readDescription,
  writeKubeconfigs,
  type Description,
  type Everyone,
} from './files.ts';
import { initialObjects } from './objects.ts';
import { freePorts } from './ports.ts';
import { controllerMetrics, type Layout } from './programs.ts';
import { componentUsers, testUsers, type UserName, type Users } from './users.ts';
import { chooseVersion, exactVersion, type Version } from './versions.ts';

export interface ClusterOptions {
  /** The folder of the cluster's files; what an earlier cluster left in it is deleted. */
  readonly dir: string;
  readonly log: (line: string) => void;
  /** Interrupts a start that is under way; what runs by then is killed. */
  readonly signal?: AbortSignal;
  /** Defaults to the version in the environment. */
  readonly version?: Version;
}

export interface StopOptions {
  /** Kill it instead of asking it to end. */
  readonly hard?: boolean;
}

/** A control plane that this process started. */
export interface Cluster extends ClusterAccess {
  readonly users: Users;
  /** Each can be stopped and started alone. */
  readonly components: Components;
  restartApiServer(options?: StopOptions): Promise<void>;
  restartControllerManager(options?: StopOptions): Promise<void>;
  /** The controller manager's metrics, as Prometheus reads them. */
  controllerMetrics(): Promise<string>;
  /** Stops everything, the last component after at most 25 s. The folder stays. */
  stop(): Promise<void>;
}

const GRACE_MS = 5_000;
const ATTEMPTS = 3;

/**
 * Starts a control plane on free ports and waits until pods can run on its simulated nodes. Throws with the last
 * log lines of the component that did not start; nothing is left running then.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { version = chooseVersion(), log } = options;
  const binaries = await findBinaries(options, version);
  log(`Kubernetes ${await exactVersion(version)}`);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce({ ...options, version }, binaries);
    } catch (error) {
      // Between the search for a free port and its use, somebody else may have taken it.
      if (attempt === ATTEMPTS || !String(error).includes('address already in use')) throw error;
      log('a port was taken meanwhile: starting again on other ports');
    }
  }
}

async function startOnce(
  options: ClusterOptions & { readonly version: Version },
  binaries: Binaries,
): Promise<Cluster> {
  const { dir, log, signal, version } = options;
  const everyone = { users: testUsers(), componentUsers: componentUsers() };
  const layout = await layOut(dir, binaries, everyone);
  await prepareFiles(dir, { url: layout.url, version }, everyone);
  const components = createComponents(layout, signal);
  try {
    await startAll(components, layout, everyone, log);
  } catch (error) {
    await stopAll(components, 0);
    throw error;
  }
  return createCluster(layout, components, everyone.users);
}

async function layOut(dir: string, binaries: Binaries, { users }: Everyone): Promise<Layout> {
  const [etcd = 0, etcdPeer = 0, apiServer = 0, controllerManager = 0, scheduler = 0] =
    await freePorts(5);
  const url = `https://127.0.0.1:${apiServer}`;
  return {
    dir,
    binaries,
    url,
    ports: { etcd, etcdPeer, apiServer, controllerManager, scheduler },
    admin: () => ({ url, caPem: readCa(dir), token: users.admin.token }),
  };
}

async function startAll(
  components: Components,
  layout: Layout,
  everyone: Everyone,
  log: ClusterOptions['log'],
): Promise<void> {
  await startLoudly(components.etcd, log);
  await startLoudly(components.apiServer, log);
  await writeKubeconfigs(layout.dir, layout.url, everyone);
  await Promise.all([
    startLoudly(components.controllerManager, log),
    startLoudly(components.scheduler, log),
    createObjects(layout.admin()).then(() => startLoudly(components.kubelets, log)),
  ]);
}

async function createObjects(admin: Endpoint): Promise<void> {
  for (const call of initialObjects()) await createSoon(admin, call);
}

/** The default namespace comes a moment after the API server is ready. */
async function createSoon(admin: Endpoint, call: ApiCall): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await callApi(admin, call);
      return;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404) || attempt === 100) throw error;
      await sleep(100);
    }
  }
}

/** Joins the cluster that another process of this machine started in a folder. */
export async function attachCluster({ dir, log }: ClusterOptions): Promise<ClusterAccess> {
  const { url, users, version } = await readDescription(dir);
  const { kubectl } = await findBinaries({ log }, version);
  return localAccess({ dir, kubectlPath: kubectl, url, users });
}

interface LocalParts extends Pick<Description, 'url' | 'users'> {
  readonly dir: string;
  readonly kubectlPath: string;
}

function localAccess({ dir, kubectlPath, url, users }: LocalParts): ClusterAccess {
  const caPem = readCa(dir);
  return clusterAccess({
    dir,
    kubectlPath,
    auditLog: `${dir}/audit.log`,
    kubeconfig: (user: UserName) => kubeconfigPath(dir, user),
    endpoint: (user: UserName) => ({ url, caPem, token: users[user].token }),
  });
}

function createCluster(layout: Layout, components: Components, users: Users): Cluster {
  const { dir, binaries, url } = layout;
  const access = localAccess({ dir, kubectlPath: binaries.kubectl, url, users });
  return {
    ...access,
    users,
    components,
    restartApiServer: (options) => restart(components.apiServer, options),
    restartControllerManager: (options) => restart(components.controllerManager, options),
    controllerMetrics: () => controllerMetrics(layout),
    stop: () => stopAll(components, GRACE_MS),
  };
}

async function restart(component: Component, { hard = false }: StopOptions = {}): Promise<void> {
  await component.stop(hard ? 0 : GRACE_MS);
  await component.start();
}
