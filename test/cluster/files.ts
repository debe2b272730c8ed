// SPDX-License-Identifier: Apache-2.0

import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { auditPolicy } from './audit.ts';
import { kubeconfigYaml } from './kubeconfig.ts';
import { isAlive } from './lock.ts';
import { kwokConfig } from './stages.ts';
import { tokenFile, type ComponentUsers, type Users } from './users.ts';
import type { Version } from './versions.ts';

/** Everyone the API server knows by a token. */
export interface Everyone {
  readonly users: Users;
  readonly componentUsers: ComponentUsers;
}

/** What another process must know to use the cluster. */
export interface Description {
  readonly url: string;
  readonly version: Version;
  readonly users: Users;
}

export async function readDescription(dir: string): Promise<Description> {
  try {
    return JSON.parse(await readFile(`${dir}/cluster.json`, 'utf8')) as Description;
  } catch (cause) {
    const cure = `start one there: npm run cluster -- --dir ${dir}`;
    throw new Error(`join the cluster in ${dir}: there is none; ${cure}`, { cause });
  }
}

/** Empties the folder of a cluster that is gone and writes what the components read when they start. */
export async function prepareFiles(
  dir: string,
  server: Omit<Description, 'users'>,
  everyone: Everyone,
): Promise<void> {
  await assertUnused(dir);
  await removeFiles(dir);
  await Promise.all(
    ['logs', 'certificates', 'kubeconfigs'].map((each) =>
      mkdir(`${dir}/${each}`, { recursive: true }),
    ),
  );
  const all = [...Object.values(everyone.users), ...Object.values(everyone.componentUsers)];
  await Promise.all([
    writeFile(`${dir}/pid`, String(process.pid)),
    writeFile(`${dir}/cluster.json`, JSON.stringify({ ...server, users: everyone.users }), {
      mode: 0o600,
    }),
    writeFile(`${dir}/tokens.csv`, tokenFile(all), { mode: 0o600 }),
    writeFile(`${dir}/service-account.key`, privateKey(), { mode: 0o600 }),
    writeFile(
      `${dir}/audit-policy.json`,
      JSON.stringify(auditPolicy(everyone.users.operator.name)),
    ),
    writeFile(`${dir}/stages.yaml`, kwokConfig()),
  ]);
}

/** Writes one kubeconfig per user, and `kubeconfig` for the administrator. */
export async function writeKubeconfigs(
  dir: string,
  url: string,
  everyone: Everyone,
): Promise<void> {
  const caPem = readCa(dir);
  const all = Object.entries({ ...everyone.users, ...everyone.componentUsers });
  const mode = 0o600;
  await Promise.all([
    ...all.map(([name, user]) =>
      writeFile(kubeconfigPath(dir, name), kubeconfigYaml(url, caPem, user), { mode }),
    ),
    writeFile(`${dir}/kubeconfig`, kubeconfigYaml(url, caPem, everyone.users.admin), { mode }),
  ]);
}

export function kubeconfigPath(dir: string, user: string): string {
  return `${dir}/kubeconfigs/${user}`;
}

/**
 * The CA of the self-signed certificate of the API server; throws before its first start. The leaf
 * certificate is left out because the ClusterTrustBundle publisher rejects it.
 */
export function readCa(dir: string): string {
  const chain = readFileSync(`${dir}/certificates/apiserver.crt`, 'utf8');
  return chain.slice(chain.lastIndexOf('-----BEGIN CERTIFICATE-----'));
}

const OURS = [
  'certificates',
  'etcd',
  'kubeconfigs',
  'logs',
  '.kube',
  'audit-policy.json',
  'audit.log',
  'cluster.json',
  'kubeconfig',
  'pid',
  'service-account.key',
  'stages.yaml',
  'tokens.csv',
];

/** Deletes what a cluster left in its folder, and nothing else. */
async function removeFiles(dir: string): Promise<void> {
  await Promise.all(OURS.map((name) => rm(`${dir}/${name}`, { recursive: true, force: true })));
}

async function assertUnused(dir: string): Promise<void> {
  if (!existsSync(`${dir}/pid`)) return;
  const pid = Number(await readFile(`${dir}/pid`, 'utf8'));
  if (pid === process.pid || !isAlive(pid)) return;
  throw new Error(
    `start a cluster in ${dir}: process ${pid} runs one there. Stop it or choose another folder.`,
  );
}

function privateKey(): string {
  const { privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
