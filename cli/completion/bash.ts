/** Completion for bash, 3.2 of macOS included: no associative arrays, no mapfile. */
import type { CommandNode, ValueKind } from './tree.js';

const PROFILES = `sed -n 's/^\\[\\(profile \\)\\{0,1\\}\\([^]]*\\)\\]$/\\2/p' ~/.aws/config ~/.aws/credentials 2>/dev/null | sort -u`;

export function bashScript(tree: readonly CommandNode[]): string {
  const paths = tree.filter(({ path }) => path.length > 0).map(({ path }) => quoted(pathText(path)));
  const values = (kind: ValueKind): string[] =>
    tree.flatMap(({ path, options }) =>
      options.filter(({ value }) => value === kind).map(({ flag }) => quoted(`${pathText(path)} ${flag}`)),
    );
  const valueCase = (kind: ValueKind, body: string): string =>
    values(kind).length === 0 ? '' : `    ${values(kind).join(' | ')})\n      ${body}\n      return ;;\n`;
  const words = tree.map(({ path, commands, options, choices, takesFiles }) => {
    const list = [...commands.map(({ name }) => name), ...choices, ...options.map(({ flag }) => flag)].join(' ');
    const files = takesFiles ? ' files=1' : '';
    return `    ${quoted(pathText(path))}) list=${quoted(list)}${files} ;;`;
  });
  return `# bash completion of synkti. To use it, once: source <(synkti completion bash)
# For always: synkti completion bash > ~/.local/share/bash-completion/completions/synkti
_synkti() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}" at='' list='' files='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
    ${paths.join(' | ')}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case "$at $prev" in
${valueCase('file', 'COMPREPLY=($(compgen -f -- "$cur"))')}${valueCase('folder', 'COMPREPLY=($(compgen -d -- "$cur"))')}${valueCase('profile', `COMPREPLY=($(compgen -W "$(${PROFILES})" -- "$cur"))`)}${valueCase('other', ':')}  esac
  case "$at" in
${words.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$list" -- "$cur"))
  if [[ -n $files && $cur != -* ]]; then COMPREPLY+=($(compgen -f -- "$cur")); fi
}
complete -o filenames -F _synkti synkti
`;
}

/** ` tasks show`; empty of the program. */
export const pathText = (path: readonly string[]): string => path.map((name) => ` ${name}`).join('');

export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
