// SPDX-License-Identifier: Apache-2.0
import { run, type CommandContext } from '@altershield/cli';
import { ADMIN, type UserInfo } from '@altershield/sandbox';
import type { Checkout } from './checkout.ts';

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line against the simulated cluster, under its clock. */
export async function commandLine(
  checkout: Checkout,
  line: string,
  options: CommandOptions = {},
): Promise<Outcome> {
  const { code, lines, errors } = startCommandLine(checkout, line, options);
  return { code: await code, out: lines.join('\n'), err: errors.join('\n') };
}

interface CommandOptions {
  readonly user?: UserInfo;
  readonly columns?: number;
}

interface Running {
  readonly code: Promise<number>;
  /** What it has written so far. */
  readonly lines: readonly string[];
  readonly errors: readonly string[];
}

/** The same for a command that does not end. */
export function startCommandLine(
  { simulation, scheduler }: Checkout,
  line: string,
  { user = ADMIN, columns }: CommandOptions = {},
): Running {
  const lines: string[] = [];
  const errors: string[] = [];
  const cli: CommandContext = {
    io: {
      out: (text) => lines.push(...text.split('\n')),
      err: (text) => errors.push(...text.split('\n')),
      colors: false,
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
  return { code: run(cli, line.split(' ')), lines, errors };
}
