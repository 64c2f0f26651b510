import { Argument, type Command } from 'commander';
import { UserError } from './user-error.js';

const EXAMPLES = `
Examples:
  source <(synkti completion bash)                 for this shell
  synkti completion bash > ~/.local/share/bash-completion/completions/synkti
  synkti completion zsh > "\${fpath[1]}/_synkti"    then start a new shell
  synkti completion fish > ~/.config/fish/completions/synkti.fish`;

/** `synkti completion`: scripts for shells, made from the commands themselves. */
export function register(program: Command): void {
  program
    .command('completion')
    .description('Writes a completion script for a shell: commands, options, files and profiles.')
    // The complaint is run's own.
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']).argParser((word) => word))
    .addHelpText('after', EXAMPLES)
    .action((shell: string) => run(shell));
}

async function run(shell: string): Promise<void> {
  if (shell !== 'bash' && shell !== 'zsh' && shell !== 'fish') {
    throw new UserError(`There is completion for bash, zsh and fish, not for "${shell.slice(0, 40)}".`);
  }
  const [{ programFor }, { treeOf }, { bashScript }, { zshScript }, { fishScript }] = await Promise.all([
    import('./main.js'),
    import('./completion/tree.js'),
    import('./completion/bash.js'),
    import('./completion/zsh.js'),
    import('./completion/fish.js'),
  ]);
  const tree = treeOf(await programFor('all'));
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  process.stdout.write(scripts[shell](tree));
}
