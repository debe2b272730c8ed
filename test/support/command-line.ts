// SPDX-License-Identifier: Apache-2.0
import { run, type Cli } from '@altershield/cli';
import { ADMIN, type UserInfo } from '@altershield/sandbox';
import type { Checkout } from './checkout.ts';

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line against the simulated cluster, under its clock. */
export async function commandLine(
  { simulation, scheduler }: Checkout,
  line: string,
  { user = ADMIN, columns }: { readonly user?: UserInfo; readonly columns?: number } = {},
): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const cli: Cli = {
    io: {
      out: (text) => out.push(text),
      err: (text) => err.push(text),
      colours: false,
      columns,
    },
    scheduler,
    connect: () =>
      Promise.resolve({
        client: simulation.client(user),
        namespace: 'shop',
        server: 'in-process',
        close: () => Promise.resolve(),
      }),
  };
  const code = await run(cli, line.split(' '));
  return { code, out: out.join('\n'), err: err.join('\n') };
}
