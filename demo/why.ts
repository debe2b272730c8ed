// SPDX-License-Identifier: Apache-2.0
import { run } from '../packages/cli/src/run.ts';
import { NAMESPACE, type Cluster } from './cluster.ts';

export interface WhyAnswer {
  /** Exit code of the command. */
  readonly code: number;
  readonly text: string;
}

export interface WhyScene {
  readonly cluster: Cluster;
  readonly colors: boolean;
  readonly columns: number | undefined;
}

/** `altershield why change/NAME`, the command itself, over the connection of the stage. */
export async function why(
  { cluster, colors, columns }: WhyScene,
  change: string,
): Promise<WhyAnswer> {
  const lines: string[] = [];
  const write = (text: string): void => {
    lines.push(text);
  };
  const cli = {
    io: { out: write, err: write, colors, columns },
    scheduler: cluster.scheduler,
    connect: () =>
      Promise.resolve({
        client: cluster.client('developer'),
        namespace: NAMESPACE,
        server: '',
        close: () => Promise.resolve(),
      }),
  };
  const code = await run(cli, ['why', `change/${change}`, '-n', NAMESPACE]);
  return { code, text: lines.join('\n') };
}
