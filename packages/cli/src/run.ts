// SPDX-License-Identifier: Apache-2.0
import { CommanderError } from 'commander';
import type { CommandContext } from './cli.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { toCliError } from './failure.ts';
import { buildProgram } from './program.ts';
import { painter, printable } from './render/style.ts';

/** Runs one command line. Never throws; the answer is the process's exit code. */
export async function run(
  cli: CommandContext,
  args: readonly string[],
  name?: string,
): Promise<ExitCode> {
  try {
    await buildProgram(cli, name).parseAsync(args, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return ofCommander(error);
    const { message, hint, code } = toCliError(error);
    const paint = painter(cli.io.colors);
    cli.io.err(`${paint('bad', 'Error:')} ${lines(message)}`);
    if (hint !== undefined) cli.io.err(`${paint('dim', 'Hint:')}  ${lines(hint)}`);
    return code;
  }
}

/** commander has already printed its message. `--help` and `--version` also end here. */
const ofCommander = ({ exitCode }: CommanderError): ExitCode =>
  exitCode === 0 ? EXIT.ok : EXIT.usage;

const lines = (text: string): string =>
  text
    .split('\n')
    .map((line) => printable(line))
    .join('\n');
