// SPDX-License-Identifier: Apache-2.0
import { ADMIN, type Sandbox } from '@altershield/sandbox';

/** What nodes are labeled with that a workload of one pod for each node is to run on. */
export const NODE_LABEL = { pool: 'checkout' } as const;

/** The most nodes that a test asks for. */
export const NODES = 20;

/** Labels as many nodes. */
export async function setNodes(sandbox: Sandbox, count: number): Promise<void> {
  for (let node = 1; node <= NODES; node += 1) {
    const pool = node <= count ? NODE_LABEL.pool : null;
    const body = { metadata: { labels: { pool } } };
    await sandbox.call('PATCH', { path: `/api/v1/nodes/node-${node}`, body, user: ADMIN });
  }
}
