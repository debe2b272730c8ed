// SPDX-License-Identifier: Apache-2.0
import type { Cluster } from '../../test/cluster/cluster.ts';
import { ownCluster } from '../../test/e2e/support/cluster.ts';
import { prepareCluster } from '../../test/e2e/support/operator.ts';
import { OperatorUnderTest } from './operator-process.ts';

export interface Live {
  readonly cluster: Cluster;
  readonly operator: OperatorUnderTest;
  readonly say: (line: string) => void;
}

/** Measures on a real control plane of its own, with the operator as a process beside it. */
export async function live<T>(
  say: Live['say'],
  work: (live: Live) => Promise<T>,
  operatorArgs: readonly string[] = [],
): Promise<T> {
  say('a control plane of its own');
  const cluster = await ownCluster();
  try {
    await prepareCluster(cluster);
    const operator = await OperatorUnderTest.start(cluster.kubeconfig('operator'), operatorArgs);
    try {
      return await work({ cluster, operator, say });
    } finally {
      await operator.stop();
    }
  } finally {
    await cluster.stop();
  }
}
