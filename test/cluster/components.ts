// SPDX-License-Identifier: Apache-2.0

import { callApi } from './api.ts';
import { Component } from './component.ts';
import { nodesAreReady } from './objects.ts';
import { apiServer, controllerManager, etcd, kwok, scheduler, type Layout } from './programs.ts';

/** The parts of a control plane. */
export type Components = Readonly<
  Record<'etcd' | 'apiServer' | 'controllerManager' | 'scheduler' | 'kubelets', Component>
>;

export function createComponents(layout: Layout, signal?: AbortSignal): Components {
  const surroundings = { leash: layout.binaries.leash, dir: layout.dir, signal };
  const nodesReady = async (): Promise<boolean> =>
    nodesAreReady(await callApi(layout.admin(), { path: '/api/v1/nodes' }));
  return {
    etcd: new Component(etcd(layout), surroundings),
    apiServer: new Component(apiServer(layout), surroundings),
    controllerManager: new Component(controllerManager(layout), surroundings),
    scheduler: new Component(scheduler(layout), surroundings),
    kubelets: new Component(kwok(layout, nodesReady), surroundings),
  };
}

/** Starts a component and says how long it took. */
export async function startLoudly(
  component: Component,
  log: (line: string) => void,
): Promise<void> {
  const started = performance.now();
  await component.start();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  log(
    `${component.name.padEnd(23)} ready after ${seconds.padStart(4)} s, pid ${component.pid ?? 0}`,
  );
}

/** Stops everything; the API server before etcd, without which it would hang for a minute. */
export async function stopAll(components: Components, graceMs: number): Promise<void> {
  const { kubelets, scheduler, controllerManager, apiServer, etcd } = components;
  for (const component of [kubelets, scheduler, controllerManager, apiServer, etcd]) {
    await component.stop(graceMs);
  }
}
