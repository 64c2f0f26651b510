import type { Command } from 'commander';
import pc from 'picocolors';
import { findBundles } from './bundles.js';
import { writeJson } from './rehearse/json-file.js';
import { type RunFigures, verdictJson, verdictText } from './rehearse/report.js';
import type { HeldOpen } from './rehearse/run.js';
import { liveScreen, plainScreen } from './rehearse/screen.js';
import { DEFAULTS, type RehearseFlags, readSettings, type Settings } from './rehearse/settings.js';
import { addStackOptions, type ParsedStackFlags, stackFlagsOf } from './rehearse/stack/flags.js';
import { addTaskOptions, taskFlagsOf } from './rehearse/tasks/flags.js';
import type { TaskFlags } from './rehearse/tasks/settings.js';
import type { Timeline } from './rehearse/timeline.js';
import { judge } from './rehearse/verdict.js';
import { onSignals } from './signals.js';

const EXAMPLES = `
Examples:
  synkti rehearse                                     a bad day on the spot market
  synkti rehearse --seed 42                           the same day again
  synkti rehearse --interrupt 0,1,2@5s                half of the nodes at once
  synkti rehearse --kill 2@10s                        a node dies without a word
  synkti rehearse --trace us-east-1f_v100_1.json      a recorded trace of spot capacity
  synkti rehearse --workload "node server.js" --port 3000 --health /healthz
                                                      your own service; it listens on $HOST:$PORT
  synkti rehearse --app "npx tsx bin/app.ts"          your own stack, with its functions and policies
  synkti rehearse --tasks 200                         batch tasks that survive the loss of their nodes
  synkti rehearse --ui                                a page shows it live: take nodes away by hand
  synkti rehearse --keep                              leaves the cluster running: look around with the AWS CLI

Exit code: 0 when every promise was kept, 1 when one was broken, 2 when the command line is wrong.`;

/** Of an option that can be given several times. */
const collect = (value: string, before: unknown): readonly string[] => [...listOf(before), value];
const listOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value : []);

export function register(program: Command): void {
  const command = program
    .command('rehearse')
    .summary('rehearse spot interruptions on this machine')
    .description(
      'Starts a cluster on a local cloud, sends it traffic, takes nodes away, and says whether every promise was kept.',
    )
    .option('--nodes <number>', 'nodes of the cluster', DEFAULTS.nodes)
    .option('--rate <number>', 'requests a second', DEFAULTS.rate)
    .option('--seed <text>', 'the same seed, the same market and faults (default: random, printed)')
    .option('--notice <time>', 'time from an interruption notice to the end (default: 20s)')
    .option('--no-notice', 'interruptions come without a notice')
    .option('--real-time', "AWS's own times: 120 s of notice, 16 s to launch, 5 s between health checks")
    .optionsGroup('Scenario (default: a seeded market):')
    .option('--interrupt <slots@time>', 'EC2 takes nodes back, such as 3@15s or 0,1@5s; repeatable', collect)
    .option('--kill <slots@time>', 'nodes die without a word, such as 2@10s; repeatable', collect)
    .option('--rebalance <slots@time>', 'rebalance recommendation, such as 1@5s; repeatable', collect)
    .option('--reclaim-zone <zone@time>', 'all spot nodes of a zone are taken, such as b@20s; repeatable', collect)
    .option('--partition <groups@time+time>', "gossip is cut between groups: '0,1|2,3,4,5@10s+15s'", collect)
    .option('--trace <file>', 'recorded spot capacity of a zone; repeatable, one file a zone', collect)
    .option('--from <time>', 'where in the trace to start (default: before the first loss)')
    .option('--for <time>', `how much of the trace to play (default: ${DEFAULTS.for})`)
    .option('--speed <number>', `how many times as fast (default: ${DEFAULTS.speed})`)
    .optionsGroup('Your own service:')
    .option('--workload <command>', 'what each node runs; it must listen on $HOST:$PORT (default: an example service)')
    .option('--port <number>', 'its port', DEFAULTS.port)
    .option('--health <path>', 'its health check', DEFAULTS.health)
    .option('--path <path>', 'what the traffic asks for', DEFAULTS.path)
    .option('--wait <time>', 'how long it may take until all nodes are healthy (default: 45s)')
    .optionsGroup('An unkind cloud:')
    .option('--double-events', 'EventBridge delivers every event twice')
    .option('--upload-rate <size>', 'what each node can send to S3 in a second, such as 64KiB')
    .option('--throttle <number>', 'each AWS API allows so many calls a second')
    .option('--describe-lag <time>', 'describes show the past')
    .option('--lose-replies <share>', 'AWS acts, and its answer is lost')
    .option('--lose-events <share>', 'EventBridge loses events')
    .option('--packet-loss <share>', 'gossip loses datagrams')
    .option('--imds-errors <share>', 'IMDS answers 503 for a while')
    .option(
      '--no-capacity <pool>',
      'a type, a zone, type/zone, or spot; spot@10s+20s: for a while; repeatable',
      collect,
    );
  addStackOptions(command, collect);
  addTaskOptions(command, collect);
  command
    .optionsGroup('Output:')
    .option('--json <file>', 'writes the verdict for programs')
    .option(
      '--ui',
      'prints the address of a page that shows the cluster live, and acts on it; with --keep, no script of its own',
    )
    .option('--keep', 'holds everything open at the end, until Ctrl-C')
    .option('--keep-logs <folder>', "leaves the nodes' logs there")
    .option('--endpoint-port <number>', 'port of the local AWS endpoint; 0 is any', '0')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: ParsedFlags, command: Command) => {
      const given = Object.keys(flags).filter((name) => command.getOptionValueSource(name) === 'cli');
      process.exitCode = await rehearse(flags, given);
    });
}

/** As the argument parser gives them: lists are missing when empty, and `--no-capacity` is a negated `capacity`. */
type ParsedFlags = Omit<RehearseFlags, ListFlag | 'noCapacity' | 'stack' | 'tasks'> &
  Partial<Pick<RehearseFlags, ListFlag>> & { readonly capacity?: unknown } & ParsedStackFlags &
  TaskFlags;
type ListFlag = 'trace' | 'kill' | 'interrupt' | 'rebalance' | 'reclaimZone' | 'partition' | 'pause';

/** @returns the exit code. @throws UserError */
async function rehearse(flags: ParsedFlags, given: readonly string[]): Promise<number> {
  const bundles = findBundles();
  const lists = {
    trace: listOf(flags.trace),
    kill: listOf(flags.kill),
    interrupt: listOf(flags.interrupt),
    rebalance: listOf(flags.rebalance),
    reclaimZone: listOf(flags.reclaimZone),
    partition: listOf(flags.partition),
    pause: listOf(flags.pause),
    noCapacity: listOf(flags.capacity),
  };
  const live = process.stdout.isTTY === true && process.env.CI === undefined;
  const write = (text: string): void => void process.stdout.write(text);
  const all = { ...flags, ...lists, stack: stackFlagsOf(flags, given), tasks: taskFlagsOf(flags) };
  const settings = await readSettings(all, bundles, (text) => write(`${text}\n`));
  write(`${settings.scenario.title}; ${settings.nodes} nodes in ${settings.ground.zones.join(', ')}\n`);
  const stop = onSignals();
  let printed = false;
  const print = (timeline: Timeline, figures: RunFigures): boolean => {
    const verdict = judge(timeline);
    if (!printed) write(verdictText(verdict, figures, timeline));
    printed = true;
    if (settings.json !== null) writeJson(settings.json, verdictJson(verdict, figures, timeline));
    return verdict.kept;
  };
  // The cloud and the SDK clients take a moment to load: not for a help text or a mistake.
  const { run } = await import('./rehearse/run.js');
  try {
    const end = await run({
      settings,
      bundles,
      screen: live ? liveScreen(process.stdout) : plainScreen(write),
      signal: stop.signal,
      hold: async (held, timeline, figures) => {
        print(timeline, figures);
        write(heldText(held, settings));
        await stop.wait();
      },
    });
    switch (end.type) {
      case 'played':
        return print(end.timeline, end.figures) ? 0 : 1;
      case 'not-deployed':
        write(
          `\n${pc.red(`The stack can't be deployed: ${end.problem}`)}\n${end.logs.map((line) => `  ${line}\n`).join('')}`,
        );
        if (settings.json !== null) {
          writeJson(settings.json, { format: 1, kept: false, problem: end.problem, logs: end.logs });
        }
        return 1;
      case 'never-healthy': {
        const seconds = Math.round(end.afterMs / 1_000);
        const must = settings.serves
          ? `GET ${settings.workload.healthPath} on port ${settings.workload.port} must answer 200 to 399.`
          : 'a node must ask S3 for tasks.';
        const why = `Only ${end.healthy} of ${settings.nodes} nodes were healthy after ${seconds} s: ${must}`;
        write(`\n${pc.red(why)}\n${end.logs.map((line) => `  ${line}\n`).join('')}`);
        if (settings.json !== null) writeJson(settings.json, { format: 1, kept: false, problem: why, logs: end.logs });
        return 1;
      }
      case 'stopped':
        if (stop.crash() !== null) throw stop.crash();
        write('\nStopped; everything that was started has ended.\n');
        return 130;
    }
  } finally {
    stop.release();
  }
}

/** How tasks of one's own get into a cluster that is held open. */
const tasksHint = (cluster: string): string[] => [
  '',
  'Tasks of your own:',
  `  synkti submit --cluster ${cluster} -- sh -c 'sleep 5; echo done'`,
  `  synkti tasks --cluster ${cluster}`,
];

function heldText({ cloud, url, deployment }: HeldOpen, settings: Settings): string {
  const exports = Object.entries(cloud.environment).map(([name, value]) => `  export ${name}=${value}`);
  const { targetGroupArn, spec } = deployment;
  return [
    '',
    pc.bold('The cluster stays up until Ctrl-C.'),
    `AWS endpoint: ${cloud.endpoint}`,
    ...(url === null ? [] : [`Service:      ${url}`]),
    ...(settings.keepLogs === null ? [`Logs:         ${cloud.runDir} (removed at the end)`] : []),
    '',
    'In another terminal:',
    ...exports,
    "  aws ec2 describe-instances --query 'Reservations[].Instances[].[InstanceId,State.Name,Placement.AvailabilityZone]' --output text",
    ...(targetGroupArn === null ? [] : [`  aws elbv2 describe-target-health --target-group-arn ${targetGroupArn}`]),
    `  aws s3 ls --recursive s3://${spec.bucket}/`,
    `  aws ssm get-parameter --name /synkti/${spec.cluster}/spec`,
    ...(settings.tasks === null ? [] : tasksHint(spec.cluster)),
    '',
  ].join('\n');
}
