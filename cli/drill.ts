import type { Command } from 'commander';
import { type ActFlags, addActOptions, runAct } from './ops/acts/run-act.js';
import { UserError } from './user-error.js';
import { readWhole } from './values.js';

const EXAMPLES = `
Examples:
  synkti drill --role arn:aws:iam::123456789012:role/fis       one spot node of the only cluster
  synkti drill --role ... --nodes 3 --alarm arn:aws:cloudwatch:...   three, until the alarm fires
  synkti drill --role ... --zone us-east-1b --dry-run          the spot nodes of a zone, five at most
  synkti drill --local -- --reclaim-zone b@10s                 a rehearsal; what comes after -- is for synkti rehearse

The role is FIS's: it trusts fis.amazonaws.com and may ec2:SendSpotInstanceInterruptions and ec2:DescribeInstances.
The nodes are really taken, after two minutes of notice. FIS charges for the action by the minute.
Exit code: 0 when every promise was kept, 1 when one was broken, 2 when the command line is wrong.`;

const collect = (value: string, before: unknown): readonly string[] => [
  ...(Array.isArray(before) ? (before as string[]) : []),
  value,
];

export interface DrillFlags extends ActFlags {
  readonly nodes?: string;
  readonly node?: readonly string[];
  readonly zone?: string;
  readonly role?: string;
  readonly alarm?: readonly string[];
  readonly output: string;
  readonly local?: boolean;
}

/** `synkti drill`: real interruptions on purpose, and a verdict. */
export function register(program: Command): void {
  const command = program
    .command('drill')
    .summary('interrupts nodes on purpose, and judges every promise')
    .description(
      'Interrupts spot nodes of a cluster through AWS Fault Injection Service, watches how the seats heal, and writes a record, as JSON and HTML, with pass or fail for every promise, who ran it and when. With --local it plays a rehearsal on this machine.',
    )
    .argument('[rehearse-flags...]', 'with --local, after --')
    .option('--nodes <number>', 'how many spot nodes, chosen at random (default: 1, at most 5)')
    .option('--node <node>', 'this one: instance id, its beginning, or slot; repeatable', collect)
    .option('--zone <zone>', 'the spot nodes of a zone, at most 5')
    .option('--role <arn>', "FIS's role (or SYNKTI_FIS_ROLE)")
    .option('--alarm <arn>', 'a CloudWatch alarm that stops the experiment; repeatable', collect)
    .option('--output <folder>', 'where the record goes', 'drill')
    .option('--local', 'a rehearsal instead');
  addActOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (rest: readonly string[], flags: DrillFlags) => {
      if (flags.local === true) {
        const { drillLocally } = await import('./ops/acts/drill/local.js');
        process.exitCode = await drillLocally(rest, flags);
        return;
      }
      if (rest.length > 0) throw new UserError(`${rest[0]?.slice(0, 60)} is a flag for --local only.`);
      const choices = [flags.nodes, flags.node, flags.zone].filter((choice) => choice !== undefined);
      if (choices.length > 1) throw new UserError('--nodes, --node and --zone are different choices; give one.');
      const count = flags.nodes === undefined ? 1 : readWhole(flags.nodes, '--nodes', 1, 5);
      const { drillPlan } = await import('./ops/acts/drill/run.js');
      await runAct('drill', flags, (scene) => drillPlan({ flags, count }, scene));
    });
}
