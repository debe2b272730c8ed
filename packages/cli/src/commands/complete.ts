// SPDX-License-Identifier: Apache-2.0
import type { Command, Option } from 'commander';
import { mostUrgentFirst, targetName } from '../change.ts';
import { withSession, type CommandContext, type GlobalOptions } from '../cli.ts';
import { listChanges } from '../cluster/records.ts';
import { SHELL_NAMES } from './completion.ts';

/** One completion with its description. */
interface Completion {
  readonly value: string;
  readonly about?: string;
}

/** A partially typed command line. */
interface Line {
  readonly command: Command;
  /** Arguments of the command. */
  readonly words: readonly string[];
  readonly options: GlobalOptions;
  /** An option that waits for its value. */
  readonly open: Option | undefined;
}

/** Completions of the last of `words`: one per line, with its description after a tab. */
export async function complete(
  cli: CommandContext,
  program: Command,
  words: readonly string[],
): Promise<string[]> {
  // Bash breaks `--output=json` in three.
  const [typed = '', ...before] = words.filter((word) => word !== '=').toReversed();
  const completions = await completionsFor(
    cli,
    program,
    readLine(program, before.toReversed()),
    typed,
  );
  return completions
    .filter(({ value }) => value.startsWith(typed))
    .map(({ value, about }) => (about === undefined ? value : `${value}\t${about}`));
}

function readLine(program: Command, before: readonly string[]): Line {
  let line: Line = { command: program, words: [], options: {}, open: undefined };
  for (const word of before) line = readWord(program, line, word);
  return line;
}

function readWord(program: Command, line: Line, word: string): Line {
  const { command, open } = line;
  if (open !== undefined) return withValue(line, open, word);
  const [flag, value] = word.split(/=(.*)/s);
  const option = optionsOf(program, command).find(
    ({ long, short }) => flag === long || flag === short,
  );
  if (option?.required === true) {
    return value === undefined ? { ...line, open: option } : withValue(line, option, value);
  }
  if (word.startsWith('-')) return line;
  const named =
    command === program ? commandsOf(program).find((each) => each.name() === word) : undefined;
  return named === undefined
    ? { ...line, words: [...line.words, word] }
    : { ...line, command: named };
}

const withValue = (line: Line, option: Option, value: string): Line => ({
  ...line,
  options: { ...line.options, [option.attributeName()]: value },
  open: undefined,
});

const optionsOf = (program: Command, command: Command): readonly Option[] =>
  command === program ? program.options : [...command.options, ...program.options];

/** The visible commands. */
export const commandsOf = (program: Command): readonly Command[] => {
  const visible = program.createHelp().visibleCommands(program);
  return program.commands.filter((command) => visible.includes(command));
};

const WORDS: Readonly<Record<string, readonly string[]>> = {
  get: ['changes', 'policies'],
  completion: SHELL_NAMES,
};

async function completionsFor(
  cli: CommandContext,
  program: Command,
  { command, words, options, open }: Line,
  typed: string,
): Promise<readonly Completion[]> {
  if (open !== undefined) return (open.argChoices ?? []).map((value) => ({ value }));
  if (typed.startsWith('-')) {
    const known = optionsOf(program, command);
    return [
      ...known.map(({ long, description }) => ({ value: long ?? '', about: description })),
      { value: '--help' },
    ];
  }
  if (words.length > 0) return [];
  if (command === program) {
    return commandsOf(program).map((each) => ({ value: each.name(), about: each.description() }));
  }
  const takesTarget = command.registeredArguments.some((each) => each.name() === 'target');
  if (takesTarget) return targets(cli, options);
  return (WORDS[command.name()] ?? []).map((value) => ({ value }));
}

/** Workloads with changes. Errors are not shown during completion. */
async function targets(
  cli: CommandContext,
  options: GlobalOptions,
): Promise<readonly Completion[]> {
  try {
    return await withSession(cli, options, async ({ client, namespace }) => {
      const records = await listChanges(client, { namespace: options.namespace ?? namespace });
      const names = records.toSorted(mostUrgentFirst).map(({ spec }) => targetName(spec.target));
      return [...new Set(names)].map((value) => ({ value }));
    });
  } catch {
    return [];
  }
}
