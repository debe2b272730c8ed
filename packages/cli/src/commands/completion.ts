// SPDX-License-Identifier: Apache-2.0
import { CliError, EXIT } from '../exit.ts';

/** The hidden command that the completion scripts call. */
export const COMPLETE = '__complete';

const BASH = `# altershield completion for bash: source <(altershield completion bash)
_altershield() {
  mapfile -t COMPREPLY < <("\${COMP_WORDS[0]}" ${COMPLETE} -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1)
}
complete -o default -F _altershield altershield kubectl-altershield`;

const ZSH = `#compdef altershield kubectl-altershield
# altershield completion for zsh: source <(altershield completion zsh)
_altershield() {
  local -a found
  found=("\${(@f)$("\${words[1]}" ${COMPLETE} -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -z "$found[1]" ]]; then
    _files
  else
    found=("\${(@)found//$'\\t'/:}")
    _describe altershield found
  fi
}
compdef _altershield altershield kubectl-altershield`;

const FISH = `# altershield completion for fish: altershield completion fish | source
function __altershield_complete
  set -l line (commandline -opc) (commandline -ct)
  $line[1] ${COMPLETE} -- $line[2..-1] 2>/dev/null
end
for name in altershield kubectl-altershield
  complete -c $name -f -a '(__altershield_complete)'
end`;

const SHELLS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

export const SHELL_NAMES = Object.keys(SHELLS);

/** The completion script of a shell; it only calls the hidden command. */
export function completionScript(shell: string): string {
  const script = SHELLS[shell];
  if (script !== undefined) return script;
  throw new CliError(EXIT.usage, `no completion for "${shell}"`, `use ${SHELL_NAMES.join(', ')}`);
}
