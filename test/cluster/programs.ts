// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { callApi, type Endpoint } from './api.ts';
import type { Binaries } from './binaries.ts';
import type { Program } from './component.ts';

/** Everything the command lines of a control plane are made of. */
export interface Layout {
  readonly dir: string;
  readonly binaries: Binaries;
  readonly url: string;
  readonly ports: {
    readonly etcd: number;
    readonly etcdPeer: number;
    readonly apiServer: number;
    readonly controllerManager: number;
    readonly scheduler: number;
  };
  /** The API server as an administrator sees it; throws before its first start, which makes its CA. */
  readonly admin: () => Endpoint;
}

const HOST = '127.0.0.1';

export function etcd({ dir, binaries, ports }: Layout): Program {
  const client = `http://${HOST}:${ports.etcd}`;
  const peer = `http://${HOST}:${ports.etcdPeer}`;
  return {
    name: 'etcd',
    path: binaries.etcd,
    args: [
      `--data-dir=${dir}/etcd`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
    // etcd serves /readyz from 3.5.11, /health in every version.
    isReady: () => answers({ url: client }, '/health'),
  };
}

export function apiServer(layout: Layout): Program {
  const { dir, binaries, ports } = layout;
  return {
    name: 'kube-apiserver',
    path: binaries['kube-apiserver'],
    args: [
      `--etcd-servers=http://${HOST}:${ports.etcd}`,
      `--cert-dir=${dir}/certificates`,
      `--bind-address=${HOST}`,
      `--secure-port=${ports.apiServer}`,
      `--token-auth-file=${dir}/tokens.csv`,
      '--authorization-mode=RBAC',
      `--service-account-key-file=${dir}/service-account.key`,
      `--service-account-signing-key-file=${dir}/service-account.key`,
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-cluster-ip-range=10.0.0.0/24',
      // Webhooks by Service are called at an endpoint: nobody here routes the Service's own address.
      '--enable-aggregator-routing=true',
      // There is no kubelet to mount a token, so pods need no service account.
      '--disable-admission-plugins=ServiceAccount',
      `--audit-log-path=${dir}/audit.log`,
      `--audit-policy-file=${dir}/audit-policy.json`,
      '--audit-log-maxsize=1000',
    ],
    isReady: () => answers(layout.admin(), '/readyz'),
  };
}

export function controllerManager({ dir, binaries, ports }: Layout): Program {
  return {
    name: 'kube-controller-manager',
    path: binaries['kube-controller-manager'],
    args: [
      `--kubeconfig=${dir}/kubeconfigs/controllerManager`,
      ...servesHealth(dir, 'kube-controller-manager', ports.controllerManager),
      `--service-account-private-key-file=${dir}/service-account.key`,
      // So that a test can read how often its controllers work.
      '--authorization-always-allow-paths=/healthz,/metrics',
      // Else its controllers write as one user; admission tells them apart by name.
      '--use-service-account-credentials=true',
      // At the default of 20 it takes 4 s to fetch a token for each of its controllers.
      '--kube-api-qps=200',
      '--kube-api-burst=400',
      // How soon a node that became ready loses its taint: 5 s of every start otherwise.
      '--node-monitor-period=500ms',
    ],
    isReady: () => isHealthy(dir, 'kube-controller-manager', ports.controllerManager),
  };
}

export function scheduler({ dir, binaries, ports }: Layout): Program {
  return {
    name: 'kube-scheduler',
    path: binaries['kube-scheduler'],
    args: [
      `--kubeconfig=${dir}/kubeconfigs/scheduler`,
      ...servesHealth(dir, 'kube-scheduler', ports.scheduler),
    ],
    isReady: () => isHealthy(dir, 'kube-scheduler', ports.scheduler),
  };
}

export function kwok(layout: Layout, nodesAreReady: () => Promise<boolean>): Program {
  const { dir, binaries } = layout;
  return {
    name: 'kwok',
    path: binaries.kwok,
    args: [
      `--kubeconfig=${dir}/kubeconfigs/kubelets`,
      `--config=${dir}/stages.yaml`,
      '--manage-all-nodes=true',
      '--node-lease-duration-seconds=40',
    ],
    isReady: nodesAreReady,
  };
}

function servesHealth(dir: string, name: string, port: number): string[] {
  return [
    '--leader-elect=false',
    `--bind-address=${HOST}`,
    `--secure-port=${port}`,
    `--cert-dir=${dir}/certificates/${name}`,
  ];
}

/** Asks /healthz, because the scheduler has no /readyz before 1.31. */
async function isHealthy(dir: string, name: string, port: number): Promise<boolean> {
  if (!existsSync(certificateOf(dir, name))) return false;
  return await answers(await ownEndpoint(dir, name, port), '/healthz');
}

const certificateOf = (dir: string, name: string): string =>
  `${dir}/certificates/${name}/${name}.crt`;

async function ownEndpoint(dir: string, name: string, port: number): Promise<Endpoint> {
  const caPem = await readFile(certificateOf(dir, name), 'utf8');
  return { url: `https://${HOST}:${port}`, caPem };
}

/** The controller manager's metrics, as Prometheus reads them. */
export async function controllerMetrics({ dir, ports }: Layout): Promise<string> {
  const endpoint = await ownEndpoint(dir, 'kube-controller-manager', ports.controllerManager);
  return String(await callApi(endpoint, { path: '/metrics' }));
}

async function answers(endpoint: Endpoint, path: string): Promise<boolean> {
  await callApi(endpoint, { path });
  return true;
}
