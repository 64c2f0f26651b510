/** Completion for fish, with descriptions. */
import { quoted } from './bash.js';
import type { CommandNode, OptionNode } from './tree.js';

export function fishScript(tree: readonly CommandNode[]): string {
  const lines = tree.flatMap(({ path, commands, options, choices, takesFiles }) => {
    const when = conditionOf(
      path,
      commands.map(({ name }) => name),
    );
    return [
      ...commands.map(
        ({ name, summary }) => `complete -c synkti ${when} -a ${quotedFish(name)} -d ${quotedFish(summary)}`,
      ),
      ...choices.map((choice) => `complete -c synkti ${conditionOf(path, [])} -a ${quotedFish(choice)}`),
      ...options.map((option) => `complete -c synkti ${conditionOf(path, [])} ${optionText(option)}`),
      ...(takesFiles ? [`complete -c synkti ${conditionOf(path, [])} -F`] : []),
    ];
  });
  return `# fish completion of synkti. To use it, once: synkti completion fish | source
# For always: synkti completion fish > ~/.config/fish/completions/synkti.fish
complete -c synkti -f
${lines.join('\n')}
`;
}

/** Each command of the path was given, and none of those that may come next. */
function conditionOf(path: readonly string[], next: readonly string[]): string {
  const seen = path.map((name) => `__fish_seen_subcommand_from ${name}`);
  const parts = path.length === 0 && next.length > 0 ? ['__fish_use_subcommand'] : seen;
  const open = path.length > 0 && next.length > 0 ? [`not __fish_seen_subcommand_from ${next.join(' ')}`] : [];
  const all = [...parts, ...open];
  if (all.length === 0) return '-n __fish_use_subcommand';
  return `-n ${quotedFish(all.join('; and '))}`;
}

function optionText({ flag, summary, value }: OptionNode): string {
  const takes =
    value === 'none'
      ? ''
      : value === 'file'
        ? ' -r -F'
        : value === 'folder'
          ? " -x -a '(__fish_complete_directories)'"
          : value === 'profile'
            ? ` -x -a ${quoted(PROFILES)}`
            : ' -x';
  return `-l ${flag.slice(2)}${takes} -d ${quotedFish(summary)}`;
}

const PROFILES = '(string replace -rf "^\\\\[(?:profile )?([^]]*)\\\\]\\$" "\\$1" < ~/.aws/config 2>/dev/null)';

/** Within single quotes fish knows two escapes. */
const quotedFish = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
