// SPDX-License-Identifier: Apache-2.0

import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterAccess, type ClusterAccess } from './access.ts';
import type { Endpoint } from './api.ts';
import { findBinaries } from './binaries.ts';
import { testUsers, type UserName } from './users.ts';

export interface ExistingOptions {
  /** The kubeconfig of somebody who may do everything, impersonate users included. */
  readonly kubeconfig: string;
  /** Where the users' kubeconfigs are written. */
  readonly dir: string;
  readonly log: (line: string) => void;
}

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: Readonly<Record<string, string>> }];
  readonly users: readonly [
    { readonly name: string; readonly user: Readonly<Record<string, unknown>> },
  ];
}

/**
 * Uses a cluster that runs already; the test users are impersonated. Its components cannot be restarted, it has no
 * audit log that can be read, and image tags say a pod's fate only if `stages.ts` is what its kubelets obey.
 */
export async function existingCluster(options: ExistingOptions): Promise<ClusterAccess> {
  const { dir, log, kubeconfig } = options;
  const kubectlPath = process.env['KUBECTL'] ?? (await findBinaries({ log })).kubectl;
  const config = readKubeconfig(kubectlPath, kubeconfig);
  await mkdir(join(dir, 'kubeconfigs'), { recursive: true });
  const path = (user: UserName): string => join(dir, 'kubeconfigs', user);
  const users = testUsers();
  for (const user of ['admin', 'developer', 'gitops', 'operator'] as const) {
    const { name, groups } = users[user];
    const impersonation = user === 'admin' ? {} : { as: name, 'as-groups': groups };
    await writeFile(path(user), JSON.stringify(withUserFields(config, impersonation)), {
      mode: 0o600,
    });
  }
  const base = await endpointOf(config);
  return clusterAccess({
    dir,
    kubectlPath,
    kubeconfig: path,
    endpoint: (user) =>
      user === 'admin' ? base : impersonating(base, users[user].name, users[user].groups),
  });
}

function readKubeconfig(kubectl: string, path: string): Kubeconfig {
  const args = [
    'config',
    'view',
    '--kubeconfig',
    path,
    '--raw',
    '--minify',
    '--flatten',
    '-o',
    'json',
  ];
  const { status, stdout, stderr, error } = spawnSync(kubectl, args, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`read the kubeconfig ${path}: ${error?.message ?? stderr}`, { cause: error });
  }
  return JSON.parse(stdout) as Kubeconfig;
}

function withUserFields(config: Kubeconfig, fields: Readonly<Record<string, unknown>>): Kubeconfig {
  const [{ name, user }] = config.users;
  return { ...config, users: [{ name, user: { ...user, ...fields } }] };
}

function impersonating(base: Endpoint, user: string, groups: readonly string[]): Endpoint {
  return { ...base, headers: { 'impersonate-user': user, 'impersonate-group': [...groups] } };
}

async function endpointOf({ clusters, users }: Kubeconfig): Promise<Endpoint> {
  const { server = '', 'certificate-authority-data': ca } = clusters[0].cluster;
  const user = users[0].user as Readonly<Record<string, string | undefined>>;
  const tokenFile = user['tokenFile'];
  const token =
    tokenFile === undefined ? user['token'] : (await readFile(tokenFile, 'utf8')).trim();
  const certificate = user['client-certificate-data'];
  const key = user['client-key-data'];
  if (token === undefined && certificate === undefined) {
    throw new Error(
      `use the cluster ${server}: its kubeconfig has neither a token nor a client certificate. Plug-ins are not run here.`,
    );
  }
  return {
    url: server,
    ...(ca !== undefined && { caPem: decode(ca) }),
    ...(token !== undefined && { token }),
    ...(certificate !== undefined &&
      key !== undefined && { certPem: decode(certificate), keyPem: decode(key) }),
  };
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
