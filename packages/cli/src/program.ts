// SPDX-License-Identifier: Apache-2.0
import { PHASES, type Phase } from '@altershield/api';
import { Command, InvalidArgumentError, Option, type OptionValues } from 'commander';
import type { CommandContext } from './cli.ts';
import { complete } from './commands/complete.ts';
import { COMPLETE, SHELL_NAMES, completionScript } from './commands/completion.ts';
import { decide, type DecideOptions, type Verb } from './commands/decide.ts';
import { get, type GetOptions } from './commands/get.ts';
import { install, type InstallCommandOptions } from './commands/install.ts';
import { status, type StatusOptions } from './commands/status.ts';
import { uninstall, type UninstallOptions } from './commands/uninstall.ts';
import { version, type VersionOptions } from './commands/version.ts';
import { why, type WhyOptions } from './commands/why.ts';
import { parseDuration } from './duration.ts';
import { EXIT_MEANINGS } from './exit.ts';
import { DEFAULT_OPTIONS } from './manifests/manifest.ts';
import { FORMATS } from './render/structured.ts';
import { painter } from './render/style.ts';
import { RELEASE } from './version.ts';

/** `ShellCompDirectiveNoFileComp` of cobra, which completes for kubectl. */
const NO_FILES = ':4';

/** The whole command line. `name` is how it was called: `altershield` or `kubectl altershield`. */
export function buildProgram(cli: CommandContext, name = 'altershield'): Command {
  const program = new Command(name)
    .description('Safe changes of workloads: held, released in batches, checked, rolled back.')
    .version(RELEASE, '-V, --version', 'print the version of this program')
    .option(
      '--kubeconfig <file>',
      'kubeconfig to use; default: KUBECONFIG, the pod, ~/.kube/config',
    )
    .option('--context <name>', 'context of the kubeconfig')
    .option('-n, --namespace <name>', 'namespace; default: that of the context', namespaceName)
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError(`Hint:  see \`${name} --help\``)
    .configureOutput({
      writeOut: (text) => {
        cli.io.out(text.trimEnd());
      },
      writeErr: (text) => {
        cli.io.err(text.trimEnd());
      },
      outputError: (text, write) => {
        write(text.replace(/^error:/, painter(cli.io.colors)('bad', 'Error:')));
      },
      getOutHelpWidth: () => cli.io.columns ?? HELP_WIDTH,
      getErrHelpWidth: () => cli.io.columns ?? HELP_WIDTH,
    })
    .exitOverride()
    .addHelpText('after', exitHelp());
  addReading(program, cli);
  addStatus(program, cli);
  addDeciding(program, cli);
  addInstalling(program, cli);
  addRest(program, cli);
  return program;
}

const HELP_WIDTH = 100;

function addReading(program: Command, cli: CommandContext): void {
  program
    .command('get')
    .description('list changes with their batches, newest last, or policies')
    .argument(
      '[what]',
      'changes, policies, or a workload as deploy/NAME: its newest change with pods',
      'changes',
    )
    .argument('[name]', 'only this workload, change or policy')
    .option('-A, --all-namespaces', 'all namespaces')
    .addOption(phaseOption())
    .addOption(
      new Option('--since <time>', 'only changes seen within: 30m, 2h, 1d').argParser(
        seconds1To(31_536_000),
      ),
    )
    .option('-w, --watch', 'print each transition of a change, until Ctrl-C')
    .addOption(operatorNamespaceOption())
    .addOption(
      new Option('-o, --output <format>', 'format of the output').choices([
        'wide',
        'name',
        ...FORMATS,
      ]),
    )
    .action((what: string, name: string | undefined, _, command: Command) =>
      get(cli, name === undefined ? [what] : [what, name], optionsOf<GetOptions>(command)),
    );
  program
    .command('why')
    .description('explain a change: who made it, its checks, and the actions of the operator')
    .argument('<target...>', TARGET)
    .addOption(operatorNamespaceOption())
    .addOption(formatOption())
    .action((words: string[], _, command: Command) =>
      why(cli, words, optionsOf<WhyOptions>(command)),
    );
}

function addStatus(program: Command, cli: CommandContext): void {
  program
    .command('status')
    .description('print the status of the newest change of a workload, or wait for its end')
    .argument('<target...>', TARGET)
    .option('--wait', 'wait for the end; the exit code shows the outcome')
    .addOption(
      new Option(
        '--since-time <time>',
        'with --wait, only for a change seen since then, e.g. 2026-01-31T09:00:00Z; without one, end with 0',
      ).argParser(timestamp),
    )
    .addOption(timeoutOption('how long to wait for the end', 600))
    .addOption(operatorNamespaceOption())
    .addOption(formatOption())
    .action((words: string[], _, command: Command) =>
      status(cli, words, optionsOf<StatusOptions>(command)),
    );
}

const TARGET = 'deploy/NAME (its newest change) or change/NAME';

const DECISION_COMMANDS: readonly (readonly [Verb, string])[] = [
  ['approve', 'approve the batch that waits for approval, or the whole change'],
  ['reject', 'reject a change: it is rolled back'],
  ['pause', 'release no more pods of a change until a user resumes it'],
  ['resume', 'resume a suspended change despite its verdict'],
  ['skip', 'accept the pods of the batch as they are, without the rest of its soak time'],
  ['rollback', 'roll a change back to the previous revision, in flight or after its end'],
  ['lift', 'allow a quarantined revision again'],
];

function addDeciding(program: Command, cli: CommandContext): void {
  for (const [verb, description] of DECISION_COMMANDS) {
    const command = program
      .command(verb)
      .description(description)
      .argument('<target...>', TARGET)
      .option('--reason <text>', 'why, for the record')
      .addOption(timeoutOption('how long to wait for the operator', 15))
      .action((words: string[], _, command: Command) =>
        decide(cli, verb, words, optionsOf<DecideOptions>(command)),
      );
    if (verb === 'approve') addApprovalOptions(command);
  }
}

function addApprovalOptions(command: Command): void {
  command
    .addOption(
      new Option('--batch <number>', 'the batch, where it is not the one that waits').argParser(
        from1To(100),
      ),
    )
    .addOption(
      new Option('--expires <time>', 'the approval counts for: 30m, 8h, 2d').argParser(
        seconds1To(31_536_000),
      ),
    );
}

function addInstalling(program: Command, cli: CommandContext): void {
  program
    .command('install')
    .description(
      `apply CRDs, permissions and the operator (default -n ${DEFAULT_OPTIONS.namespace})`,
    )
    .option('--dry-run', 'print the YAML; needs no cluster')
    .option('--image <image>', 'image of the operator', imageName, DEFAULT_OPTIONS.image)
    .option('--replicas <count>', 'replicas of the operator', from1To(10), DEFAULT_OPTIONS.replicas)
    .option('--no-wait', 'do not wait until the operator is ready')
    .addOption(timeoutOption('bound of each wait', 120))
    .action((_, command: Command) => install(cli, optionsOf<InstallCommandOptions>(command)));
  program
    .command('uninstall')
    .description('delete the webhooks, then the operator and its permissions')
    .option('--force', 'uninstall despite changes in flight; held workloads stay held')
    .option('--crds', 'also delete the CRDs and the namespace, with every policy and every record')
    .addOption(timeoutOption('how long to wait for the operator to stop', 60))
    .action((_, command: Command) => uninstall(cli, optionsOf<UninstallOptions>(command)));
}

function addRest(program: Command, cli: CommandContext): void {
  program
    .command('version')
    .description('print client, server and operator versions (where available)')
    .addOption(formatOption())
    .action((_, command: Command) => version(cli, optionsOf<VersionOptions>(command)));
  program
    .command('completion')
    .description('print the completion script of a shell')
    .argument('<shell>', SHELL_NAMES.join(', '))
    .action((shell: string) => {
      cli.io.out(completionScript(shell));
    });
  program
    .command(COMPLETE, { hidden: true })
    .argument('[words...]')
    .option('--for-kubectl', 'end with the directive that makes kubectl not complete file names')
    .action(async (words: string[], { forKubectl }: { readonly forKubectl?: true }) => {
      const lines = await complete(cli, program, words);
      if (forKubectl) lines.push(NO_FILES);
      if (lines.length > 0) cli.io.out(lines.join('\n'));
    });
}

/** Tab completes `choices`; the parser accepts several. */
const phaseOption = (): Option =>
  new Option('--phase <phase>', 'only changes in this phase, or in several: Running,Suspend')
    .choices(PHASES)
    .argParser((text) => text.split(',').map(phaseNamed));

function phaseNamed(text: string): Phase {
  const found = PHASES.find((phase) => phase.toLowerCase() === text.trim().toLowerCase());
  if (found !== undefined) return found;
  throw new InvalidArgumentError(`Must be one of: ${PHASES.join(', ')}.`);
}

const formatOption = (): Option =>
  new Option('-o, --output <format>', 'format of the output').choices(FORMATS);

const timeoutOption = (description: string, seconds: number): Option =>
  new Option('--timeout <time>', `${description}: 90, 90s, 10m, 1h`)
    .argParser(seconds1To(86_400))
    .default(seconds, `${seconds}s`);

const operatorNamespaceOption = (): Option =>
  new Option('--operator-namespace <name>', 'namespace of the operator')
    .argParser(namespaceName)
    .default(DEFAULT_OPTIONS.namespace);

const seconds1To =
  (max: number) =>
  (text: string): number => {
    const value = parseDuration(text) ?? 0;
    if (value >= 1 && value <= max) return value;
    throw new InvalidArgumentError(
      `Must be a duration like 90, 90s, 10m or 1h30m, at most ${max} s.`,
    );
  };

/** RFC 3339, as `kubectl logs --since-time` takes it. */
function timestamp(text: string): number {
  const value = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(value)) return value;
  throw new InvalidArgumentError('Must be a time with its zone like 2026-01-31T09:00:00Z.');
}

const from1To =
  (max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
    throw new InvalidArgumentError(`Must be an integer from 1 to ${max}.`);
  };

function namespaceName(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError(
    'Must be up to 63 lower-case letters, digits and "-", with a letter or digit at both ends.',
  );
}

function imageName(text: string): string {
  if (/^[\w.-]+(:\d+)?(\/[\w.-]+)*(:[\w.-]+)?(@\w+:[0-9a-f]+)?$/.test(text)) return text;
  throw new InvalidArgumentError(
    'Must be an image name like registry.example.com/altershield:1.0.',
  );
}

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- commander types its options loosely; each command's interface repeats what was declared
const optionsOf = <T extends OptionValues>(command: Command): T => command.optsWithGlobals<T>();

const exitHelp = (): string =>
  ['', 'Exit codes:', ...EXIT_MEANINGS.map(([code, meaning]) => `  ${code}  ${meaning}`)].join(
    '\n',
  );
