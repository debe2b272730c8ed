// SPDX-License-Identifier: Apache-2.0
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { realScheduler } from '../runtime/scheduler.ts';
import { ConfigError, type ConnectionConfig } from './connection.ts';
import { defaultPaths, loadKubeconfig, type KubeconfigOptions } from './kubeconfig.ts';
import { TokenFile } from './token-file.ts';

const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface InClusterOptions extends Pick<KubeconfigOptions, 'env' | 'scheduler'> {
  /** Where the kubelet mounts `token`, `ca.crt` and `namespace`. */
  readonly dir?: string | undefined;
}

/** The service account of the pod that this process runs in. */
export async function inClusterConfig(options: InClusterOptions = {}): Promise<ConnectionConfig> {
  const { env = process.env, dir = SERVICE_ACCOUNT_DIR, scheduler = realScheduler } = options;
  const host = env['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host === '') {
    throw new ConfigError(
      'use the in-cluster configuration: KUBERNETES_SERVICE_HOST is not set; outside of a pod, set a kubeconfig',
    );
  }
  const ca = await readFile(join(dir, 'ca.crt'), 'utf8').catch((cause: unknown) => {
    const hint = 'check whether automountServiceAccountToken is false';
    throw new ConfigError(`use the in-cluster configuration: no "${dir}/ca.crt"; ${hint}`, {
      cause,
    });
  });
  const namespace = await readFile(join(dir, 'namespace'), 'utf8').catch(() => '');
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca,
    isInCluster: true,
    credentials: new TokenFile(join(dir, 'token'), {}, scheduler),
    ...(namespace !== '' && { namespace: namespace.trim() }),
  };
}

/**
 * Where to connect, as users expect it: a path or context that was given, else `KUBECONFIG`, else the
 * pod's service account, else `~/.kube/config`.
 */
export async function loadConfig(
  options: KubeconfigOptions & InClusterOptions = {},
): Promise<ConnectionConfig> {
  const { env = process.env } = options;
  if (isKubeconfigAsked(options, env)) return loadKubeconfig(options);
  if (isSet(env['KUBERNETES_SERVICE_HOST'])) return inClusterConfig(options);
  const [home = ''] = defaultPaths(env);
  if (await isThere(home)) return loadKubeconfig(options);
  throw new ConfigError(
    `find a cluster: there is no "${home}", KUBECONFIG is not set, and this process is not in a pod; set --kubeconfig`,
  );
}

const isSet = (value: string | undefined): boolean => value !== undefined && value !== '';

const isKubeconfigAsked = (
  { path, context }: KubeconfigOptions,
  env: Readonly<Record<string, string | undefined>>,
): boolean => path !== undefined || context !== undefined || isSet(env['KUBECONFIG']);

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
