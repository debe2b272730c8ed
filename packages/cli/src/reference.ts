// SPDX-License-Identifier: Apache-2.0
import { realScheduler } from '@altershield/kube';
import type { CommandContext } from './cli.ts';
import { commandsOf } from './commands/complete.ts';
import { EXIT_MEANINGS } from './exit.ts';
import { buildProgram } from './program.ts';

/** The reference page of the command line, made from its own help. */
export function cliPage(): string {
  const program = buildProgram(silent);
  program.configureHelp({ showGlobalOptions: false });
  const commands = commandsOf(program).flatMap((command) => [
    `## \`altershield ${command.name()}\``,
    fenced(command.configureHelp({ showGlobalOptions: false }).helpInformation()),
  ]);
  const parts = [
    '# The command line',
    '`altershield`, also installed as `kubectl-altershield`, so that `kubectl altershield why deploy/checkout` works; kubectl also completes it.',
    fenced(program.helpInformation()),
    ...commands,
    '## Exit codes',
    ['| Code | Meaning |', '| --- | --- |', ...exitRows].join('\n'),
    '## Environment',
    ['| Variable | Meaning |', '| --- | --- |', ...ENVIRONMENT].join('\n'),
  ];
  return `${parts.join('\n\n')}\n`;
}

const silent: CommandContext = {
  io: { out: () => undefined, err: () => undefined, colors: false },
  scheduler: realScheduler,
  connect: () => Promise.reject(new Error('a page needs no cluster')),
};

const fenced = (text: string): string => `\`\`\`text\n${text.trimEnd()}\n\`\`\``;

const exitRows = EXIT_MEANINGS.map(([code, meaning]) => `| ${code} | ${meaning} |`);

const ENVIRONMENT = [
  '| `KUBECONFIG` | kubeconfig files, as kubectl reads them; `--kubeconfig` takes precedence |',
  '| `NO_COLOR` | when set and not empty: no colors. Colors are also off when the output is not a terminal |',
];
