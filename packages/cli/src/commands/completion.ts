// SPDX-License-Identifier: Apache-2.0
import { CliError, EXIT } from '../exit.ts';

/** What a shell can complete: commands with their words and options. */
export interface Completions {
  readonly commands: readonly CommandWords[];
  readonly globals: readonly string[];
}

export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly words: readonly string[];
  readonly options: readonly string[];
  /** Takes a workload, which is completed by asking the cluster. */
  readonly takesTarget: boolean;
}

const SHELLS = { bash, zsh, fish } as const;

export const SHELL_NAMES = Object.keys(SHELLS);

/** The completion script of a shell. */
export function completionScript(shell: string, completions: Completions): string {
  switch (shell) {
    case 'bash':
    case 'zsh':
    case 'fish':
      return SHELLS[shell](completions);
    default:
      throw new CliError(
        EXIT.usage,
        `no completion for "${shell}"`,
        `use ${SHELL_NAMES.join(', ')}`,
      );
  }
}

const TARGETS = 'altershield get changes --output name 2>/dev/null';

function bash({ commands, globals }: Completions): string {
  const names = commands.map(({ name }) => name).join(' ');
  const cases = commands.map(({ name, words, options, takesTarget }) => {
    const list = [...words, ...options, ...globals].join(' ');
    return `    ${name}) words="${list}${takesTarget ? ` $(${TARGETS})` : ''}" ;;`;
  });
  return `# altershield completion for bash: source <(altershield completion bash)
_altershield() {
  local words="${[names, ...globals].join(' ')}"
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  [[ $COMP_CWORD -eq 1 ]] && words="${[names, ...globals].join(' ')}"
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -F _altershield altershield
complete -F _altershield kubectl-altershield`;
}

function zsh({ commands, globals }: Completions): string {
  const names = commands.map(({ name, description }) => `    '${name}:${quoted(description)}'`);
  const cases = commands.map(({ name, words, options, takesTarget }) => {
    const list = [...words, ...options, ...globals].join(' ');
    return `    ${name}) compadd -- ${list}${takesTarget ? ` \${(f)"$(${TARGETS})"}` : ''} ;;`;
  });
  return `#compdef altershield kubectl-altershield
# altershield completion for zsh: source <(altershield completion zsh)
_altershield() {
  local -a commands
  commands=(
${names.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  case "$words[2]" in
${cases.join('\n')}
  esac
}
compdef _altershield altershield kubectl-altershield`;
}

function fish({ commands, globals }: Completions): string {
  const lines = commands.flatMap(({ name, description, words, options, takesTarget }) => {
    const seen = `-n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c altershield -f -n __fish_use_subcommand -a ${name} -d '${quoted(description)}'`,
      ...words.map((word) => `complete -c altershield -f ${seen} -a ${word}`),
      ...[...options, ...globals].map(
        (option) => `complete -c altershield ${seen} ${fishOption(option)}`,
      ),
      ...(takesTarget ? [`complete -c altershield -f ${seen} -a '(${TARGETS})'`] : []),
    ];
  });
  return ['# altershield completion for fish: altershield completion fish | source', ...lines].join(
    '\n',
  );
}

const fishOption = (option: string): string =>
  option.startsWith('--') ? `-l ${option.slice(2)}` : `-s ${option.slice(1)}`;

const quoted = (text: string): string => text.replaceAll("'", '’').replaceAll(':', ' -');
