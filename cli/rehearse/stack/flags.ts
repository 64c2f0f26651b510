import type { Command } from 'commander';
import type { StackScriptFlags } from './script.js';
import type { StackFlags } from './settings.js';

type Lists = StackScriptFlags & Pick<StackFlags, 'parameter' | 'standIn'>;

/** As the argument parser gives them: lists are missing when empty. */
export type ParsedStackFlags = Partial<Omit<StackFlags, 'stack' | 'given'> & Lists> & {
  readonly stack?: string | undefined;
  readonly doubleEvents?: boolean | undefined;
};

/** @param collect gathers an option that can be given several times */
export function addStackOptions(
  command: Command,
  collect: (value: string, before: unknown) => readonly string[],
): void {
  command
    .optionsGroup('Your own stack:')
    .option('--app [command]', 'a CDK app, such as "npx tsx bin/app.ts" (without a command: the app of cdk.json)')
    .option('--template <file>', 'a template that cdk synth wrote, its assets beside it')
    .option('--stack <name>', 'which stack, when several hold a SynktiCluster')
    .option('--cluster <name>', 'which cluster, when the stack holds several (default: the first)')
    .option('--parameter <name=value>', 'a parameter of the template; repeatable', collect)
    .option(
      '--stand-in <name=command>',
      'a program in the place of a workload, such as web="node app.js"; repeatable',
      collect,
    )
    .option('--docker', 'containers run as they are (default: the example service stands in)')
    .optionsGroup('Scenarios of a stack:')
    .option('--kill-agent <slots@time>', 'an agent hangs, then its node is taken: 2@10s; repeatable', collect)
    .option('--kill-all-agents <@time>', 'every agent hangs, then a node is taken: @10s', collect)
    .option('--race <slots@time>', 'a node is taken, agent and functions act at once: 1@5s; repeatable', collect)
    .option('--update <@time>', 'a new version of the launch template, rolled out under traffic: @10s', collect)
    .option('--scale <nodes@time>', 'another number of nodes, such as 9@10s; repeatable', collect)
    .option('--delete <@time>', 'the stack is deleted, whatever goes on: @20s', collect);
}

export const stackFlagsOf = (flags: ParsedStackFlags, given: readonly string[]): StackFlags & StackScriptFlags => ({
  app: flags.app,
  template: flags.template,
  stack: flags.stack,
  cluster: flags.cluster,
  docker: flags.docker,
  parameter: flags.parameter ?? [],
  standIn: flags.standIn ?? [],
  killAgent: flags.killAgent ?? [],
  killAllAgents: flags.killAllAgents ?? [],
  race: flags.race ?? [],
  update: flags.update ?? [],
  scale: flags.scale ?? [],
  delete: flags.delete ?? [],
  given,
});
