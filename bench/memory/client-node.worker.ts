// SPDX-License-Identifier: Apache-2.0
import { AppsV1Api, CoreV1Api, type KubeConfig, makeInformer } from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerParent } from '../support/answer.ts';
import { startBlockMeter } from '../support/block-meter.ts';
import { kubeConfigOf } from '../support/client-node.ts';
import { cpuMs, settledMemory } from '../support/gc.ts';
import type { Endpoint } from './api.worker.ts';
import type { Load } from './load.ts';

const APPS = '/apis/apps/v1';

/** The informers of the three kinds, as the README of client-node makes them. */
function informersOf(config: KubeConfig) {
  const core = config.makeApiClient(CoreV1Api);
  const apps = config.makeApiClient(AppsV1Api);
  return [
    makeInformer(config, `${APPS}/deployments`, () => apps.listDeploymentForAllNamespaces()),
    makeInformer(config, `${APPS}/replicasets`, () => apps.listReplicaSetForAllNamespaces()),
    makeInformer(config, '/api/v1/pods', () => core.listPodForAllNamespaces()),
  ];
}

const methods = {
  load: async (place: Endpoint): Promise<Load> => {
    const informers = informersOf(kubeConfigOf(place));
    const idle = await settledMemory();
    const meter = startBlockMeter();
    const [began, cpu] = [performance.now(), cpuMs()];
    await Promise.all(informers.map((informer) => informer.start()));
    const [syncedMs, used] = [performance.now() - began, cpuMs() - cpu];
    await sleep(1000);
    const blocks = meter();
    const full = await settledMemory();
    const objects = informers.reduce((sum, informer) => sum + informer.list().length, 0);
    return { idle, full, syncedMs, cpuMs: used, blocks, objects };
  },
};

export type ClientNode = typeof methods;
answerParent(methods);
