/** Completion for zsh, with descriptions. */
import { pathText, quoted } from './bash.js';
import type { CommandNode, ValueKind } from './tree.js';

const PROFILES = `\${(f)"$(sed -n 's/^\\[\\(profile \\)\\{0,1\\}\\([^]]*\\)\\]$/\\2/p' ~/.aws/config ~/.aws/credentials 2>/dev/null | sort -u)"}`;

export function zshScript(tree: readonly CommandNode[]): string {
  const paths = tree.filter(({ path }) => path.length > 0).map(({ path }) => quoted(pathText(path)));
  const values = (kind: ValueKind): string[] =>
    tree.flatMap(({ path, options }) =>
      options.filter(({ value }) => value === kind).map(({ flag }) => quoted(`${pathText(path)} ${flag}`)),
    );
  const valueCase = (kind: ValueKind, body: string): string =>
    values(kind).length === 0 ? '' : `    ${values(kind).join(' | ')})\n      ${body}\n      return ;;\n`;
  const item = (name: string, summary: string): string => quoted(`${name}:${summary}`);
  const lists = tree.map(({ path, commands, options, choices, takesFiles }) => {
    const parts = [
      `      options=(${options.map(({ flag, summary }) => item(flag, summary)).join(' ')})`,
      `      commands=(${commands.map(({ name, summary }) => item(name, summary)).join(' ')})`,
      ...(choices.length > 0 ? [`      compadd -- ${choices.map(quoted).join(' ')}`] : []),
      ...(takesFiles ? ['      [[ $PREFIX == -* ]] || _files'] : []),
    ];
    return `    ${quoted(pathText(path))})\n${parts.join('\n')} ;;`;
  });
  return `#compdef synkti
# zsh completion of synkti. To use it, once: source <(synkti completion zsh)
# For always: synkti completion zsh > "\${fpath[1]}/_synkti"
_synkti() {
  local at='' i
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
    ${paths.join(' | ')}) at="$at \${words[i]}" ;;
    esac
  done
  case "$at \${words[CURRENT - 1]}" in
${valueCase('file', '_files')}${valueCase('folder', '_files -/')}${valueCase('profile', `compadd -- ${PROFILES}`)}${valueCase('other', ':')}  esac
  case "$at" in
${lists.join('\n')}
  esac
  (( \${#commands} )) && _describe -t commands 'command' commands
  _describe -o -t options 'option' options
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _synkti "$@"; else compdef _synkti synkti; fi
`;
}
