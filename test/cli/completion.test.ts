import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { bashScript } from '../../cli/completion/bash.js';
import { fishScript } from '../../cli/completion/fish.js';
import { type CommandNode, treeOf } from '../../cli/completion/tree.js';
import { zshScript } from '../../cli/completion/zsh.js';
import { programFor } from '../../cli/main.js';

let tree: CommandNode[] = [];
beforeAll(async () => {
  tree = treeOf(await programFor('all'));
});

/** What bash would offer after these words. */
function offered(...words: string[]): string[] {
  const array = words.map((word) => `'${word}'`).join(' ');
  const script = `${bashScript(tree)}\nCOMP_WORDS=(${array}); COMP_CWORD=${words.length - 1}; _synkti; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.split('\n').filter((line) => line !== '');
}

describe('completion', () => {
  it('bash: commands, their subcommands and options, files', () => {
    expect(offered('synkti', 'st')).toEqual(['status']);
    expect(offered('synkti', 'status', '--wa')).toEqual(['--watch']);
    expect(offered('synkti', 'tasks', 'sh')).toEqual(['show']);
    expect(offered('synkti', 'incident', '--html', '/etc/passw')).toContain('/etc/passwd');
    expect(offered('synkti', 'status', '--region', '')).toEqual([]);
    expect(offered('synkti', 'nonsense', 'st')).toEqual(['status']);
    expect(offered('synkti', 'help', 'dr')).toEqual(['drain', 'drill']);
  });

  it('an argument that is one of a list', () => {
    expect(offered('synkti', 'completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
    expect(offered('synkti', 'status', 'zs')).toEqual([]);
    expect(zshScript(tree)).toContain("compadd -- 'bash' 'zsh' 'fish'");
    expect(fishScript(tree)).toContain("complete -c synkti -n '__fish_seen_subcommand_from completion' -a 'fish'");
  });

  it('every command and option is in every script', () => {
    for (const script of [bashScript(tree), zshScript(tree), fishScript(tree)]) {
      for (const { path, options } of tree) {
        for (const name of path) expect(script).toContain(name);
        for (const { flag } of options) expect(script).toContain(flag.slice(2));
      }
    }
  });

  it('a summary with quotes and colons does no harm', () => {
    const node: CommandNode = {
      path: [],
      commands: [{ name: 'x', summary: `it's "so": $(touch /tmp/no) \`x\`` }],
      options: [{ flag: '--y', summary: "that's: it", value: 'file' }],
      choices: [],
      takesFiles: true,
    };
    const nested: CommandNode = { ...node, path: ['x'], commands: [] };
    for (const script of [bashScript([node, nested]), zshScript([node, nested])]) {
      const { status, stderr } = spawnSync('bash', ['-n'], {
        input: script.replace('${(f)"$', '"$'),
        encoding: 'utf8',
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    }
    expect(fishScript([node])).toContain(`-d 'it\\'s "so": $(touch /tmp/no) \`x\`'`);
  });
});
