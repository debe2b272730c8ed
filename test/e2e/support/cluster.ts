// SPDX-License-Identifier: Apache-2.0

import { temporaryDir } from '../../cluster/temporary.ts';
import { startCluster, type Cluster } from '../../cluster/cluster.ts';

/** Starts a control plane of the calling test file's own; stop it in `after`. Its files go with it. */
export async function ownCluster(): Promise<Cluster> {
  const dir = await temporaryDir();
  const cluster = await startCluster({
    dir: dir.path,
    log: (line) => {
      process.stderr.write(`# ${line}\n`);
    },
  });
  return {
    ...cluster,
    stop: async () => {
      await cluster.stop();
      await dir.remove();
    },
  };
}
