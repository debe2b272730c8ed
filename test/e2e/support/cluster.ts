// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto';
import type { ClusterAccess } from '../../cluster/access.ts';
import { attachCluster, startCluster, type Cluster } from '../../cluster/cluster.ts';
import { existingCluster } from '../../cluster/existing.ts';
import { temporaryDir } from '../../cluster/temporary.ts';

/** A cluster for a test file that restarts nothing. */
export interface SharedCluster extends ClusterAccess {
  /** Stops it if it was started for this test file. */
  stop(): Promise<void>;
}

/**
 * The cluster that `npm run cluster -- --dir DIR` runs when ALTERSHIELD_CLUSTER=DIR is set, the one of $KUBECONFIG when
 * USE_EXISTING_CLUSTER=true is set, else one of the test file's own. Tests keep apart by namespaces.
 */
export async function sharedCluster(): Promise<SharedCluster> {
  const running = process.env['ALTERSHIELD_CLUSTER'];
  if (running !== undefined) {
    const attached = await attachCluster({ dir: running, log });
    return { ...attached, stop: () => Promise.resolve() };
  }
  return process.env['USE_EXISTING_CLUSTER'] === 'true'
    ? await foreignCluster()
    : await ownCluster();
}

/** A control plane of the test file's own, whose parts it may stop and start. `stop` also removes its files. */
export async function ownCluster(): Promise<Cluster> {
  const dir = await temporaryDir();
  const cluster = await startCluster({ dir: dir.path, log }).catch(async (error: unknown) => {
    await dir.remove();
    throw error;
  });
  return {
    ...cluster,
    stop: async () => {
      await cluster.stop();
      await dir.remove();
    },
  };
}

/** A new namespace, in which the developer and the GitOps robot may edit; gives its name. */
export async function aNamespace(
  cluster: ClusterAccess,
  prefix = 'test',
  labels: Readonly<Record<string, string>> = {},
): Promise<string> {
  const name = `${prefix}-${randomBytes(4).toString('hex')}`;
  await cluster.createNamespace(name, labels);
  return name;
}

async function foreignCluster(): Promise<SharedCluster> {
  const dir = await temporaryDir();
  const kubeconfig = process.env['KUBECONFIG'] ?? `${process.env['HOME'] ?? ''}/.kube/config`;
  const cluster = await existingCluster({ kubeconfig, dir: dir.path, log });
  return { ...cluster, stop: () => dir.remove() };
}

function log(line: string): void {
  process.stderr.write(`# ${line}\n`);
}
