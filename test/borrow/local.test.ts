/**
 * Three borrowers at once on the local cloud, with real processes: one loses its scope by an exception, one is asked to end,
 * one is killed. Nothing is left of any of them. Most of the time goes into the seeder's own patience with nodes that end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DescribeLaunchTemplatesCommand } from '@aws-sdk/client-ec2';
import { DescribeLoadBalancersCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { GetParametersByPathCommand } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Aws, openAws } from '../../borrow/aws.js';
import { borrow } from '../../borrow/borrow.js';
import { borrowed } from '../../borrow/borrowed.js';
import { findStack } from '../../borrow/stack.js';
import { Workload } from '../../lib/index.js';
import { type LocalCloud, startLocalCloud } from '../../local/cloud.js';
import { planFromUserData } from '../../local/cloudformation/node-boot.js';
import { eventually } from '../local/eventually.js';

let cloud: LocalCloud;
let aws: Aws;
const children: ChildProcess[] = [];

beforeAll(async () => {
  cloud = await startLocalCloud({
    seed: 'borrow',
    zones: ['a', 'b'].map((letter) => ({ name: `us-east-1${letter}`, subnetId: `subnet-${letter}` })),
    pools: [],
    launchDelayMs: 500,
    shutdownMs: 1_000,
    timeScale: 0.1,
    machine: { command: [], plan: planFromUserData() },
    balancer: { timeScale: 0.1 },
    stacks: { timeScale: 0.05, gossip: 'local' },
  });
  aws = await openAws({ endpoint: cloud.endpoint, region: 'us-east-1' });
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  aws.close();
  await cloud.stop();
});

interface Owner {
  readonly child: ChildProcess;
  /** Exit code and signal. */
  readonly ended: Promise<unknown[]>;
  readonly stackId: string;
}

/** A process that holds a cluster. */
async function startOwner(name: string): Promise<Owner> {
  const program = join(import.meta.dirname, 'owner.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', program, cloud.endpoint, name], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  const ended = once(child, 'exit');
  let said = '';
  child.stdout?.on('data', (data: Buffer) => {
    said += data.toString('utf8');
  });
  const ready = await eventually(`${name} is ready`, () => /"stackId":"([^"]+)"/.exec(said), 25_000).catch((error) => {
    throw new Error(`${error.message}; it said: ${said}`);
  });
  return { child, ended, stackId: ready[1] ?? '' };
}

/** The lease is two minutes at least; from here on it is a second. */
async function shortenLease(stack: string): Promise<string> {
  const sweep = cloud.functions
    .list()
    .find(({ name }) => name.startsWith(stack.slice(0, 20)) && name.includes('Sweep'));
  if (sweep === undefined) throw new Error(`${stack} has no sweep`);
  await cloud.functions.create({ ...sweep, environment: { ...sweep.environment, SYNKTI_LEASE_MS: '1000' } });
  return sweep.name;
}

const statusOf = async (id: string): Promise<string | undefined> => (await findStack(aws, id))?.StackStatus;

it('three borrowers end in three ways, and nothing is left', { timeout: 60_000 }, async () => {
  const where = { endpoint: cloud.endpoint, region: 'us-east-1' };
  const owners = Promise.all([startOwner('killed'), startOwner('asked')]);
  const server =
    "require('node:http').createServer((_, r) => r.end('mine')).listen(process.env.PORT, process.env.HOST)";
  let mine = '';
  const scope = async (): Promise<void> => {
    await using cluster = await borrow({
      ...where,
      nodes: 2,
      workload: Workload.process({
        command: [process.execPath, '-e', server],
        port: 8080,
        healthCheck: { path: '/' },
      }),
    });
    mine = cluster.stackId;
    const [killed, asked] = await owners;
    expect(await (await fetch(cluster.endpoint ?? '')).text()).toBe('mine');
    expect((await cluster.nodes()).map(({ phase, slot }) => `${slot} ${phase}`)).toEqual(['0 serving', '1 serving']);

    // Each has its own, and says who holds it.
    const standing = await borrowed(where);
    expect(standing.map(({ stackId }) => stackId).sort()).toEqual([killed.stackId, asked.stackId, mine].sort());
    expect(standing.map(({ owner }) => owner?.pid).sort()).toEqual(
      [killed.child.pid, asked.child.pid, process.pid].sort(),
    );

    killed.child.kill('SIGKILL');
    asked.child.kill('SIGTERM');
    const sweep = await shortenLease('synkti-borrowed-killed');
    await eventually('the sweep of the killed one deletes its stack', async () => {
      await cloud.functions.invoke(sweep, '{}').catch(() => {});
      return (await statusOf(killed.stackId))?.startsWith('DELETE_');
    });
    expect(await statusOf(mine)).toBe('CREATE_COMPLETE');
    throw new RangeError('of the program');
  };
  await expect(scope()).rejects.toThrow(RangeError);
  expect(await statusOf(mine)).toBe('DELETE_COMPLETE');

  // It gave back first, and then ended as signals end a process.
  const [killed, asked] = await owners;
  expect(await asked.ended).toEqual([null, 'SIGTERM']);
  expect(await statusOf(asked.stackId)).toBe('DELETE_COMPLETE');
  await eventually(
    'the killed one is gone',
    async () => (await statusOf(killed.stackId)) === 'DELETE_COMPLETE',
    40_000,
  );

  expect(await borrowed(where)).toEqual([]);
  expect(new Set(cloud.instances().map(({ state }) => state))).toEqual(new Set(['terminated']));
  expect(cloud.functions.list()).toEqual([]);
  const { Buckets = [] } = await aws.s3.send(new ListBucketsCommand({}));
  expect(Buckets.map(({ Name }) => Name)).toEqual(['cdk-hnb659fds-assets-123456789012-us-east-1']);
  const { Parameters } = await aws.ssm.send(new GetParametersByPathCommand({ Path: '/synkti', Recursive: true }));
  expect(Parameters).toEqual([]);
  const { LaunchTemplates } = await aws.ec2.send(new DescribeLaunchTemplatesCommand({}));
  expect(LaunchTemplates).toEqual([]);
  const { LoadBalancers } = await aws.elbv2.send(new DescribeLoadBalancersCommand({}));
  expect(LoadBalancers).toEqual([]);
});
