import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventBridgeClient, PutRuleCommand } from '@aws-sdk/client-eventbridge';
import { App, aws_ec2 as ec2, Size, Stack } from 'aws-cdk-lib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientOptions } from '../../aws/client.js';
import { findBundles } from '../../cli/bundles.js';
import { type HeldOpen, type RunEnd, run } from '../../cli/rehearse/run.js';
import { readSettings } from '../../cli/rehearse/settings.js';
import { NO_STACK_SCRIPT } from '../../cli/rehearse/stack/script.js';
import { clientConfig } from '../../cli/rehearse/stage.js';
import { judge } from '../../cli/rehearse/verdict.js';
import { TAG } from '../../core/seats/tags.js';
import { SynktiCluster, Workload } from '../../lib/index.js';
import type { InstanceView, LocalCloud } from '../../local/cloud-types.js';
import { unneeded } from '../../local/iam/needed.js';
import { flags } from '../cli/rehearse/flags.js';

/**
 * One rehearsal of a stack in which every hand of it has something to do: nodes, and each of the functions. What was asked
 * of IAM is then asked again of policies that lack one statement.
 */
const NODES = 3;
const folder = mkdtempSync(join(tmpdir(), 'synkti-integ-'));
let end: RunEnd;
let cloud: LocalCloud;

function synthesize(): string {
  const { agent } = findBundles();
  const outdir = join(folder, 'cdk.out');
  const app = new App({
    outdir,
    builtinCloudFormationValidation: false,
    treeMetadata: false,
    analyticsReporting: false,
    context: { 'synkti:bundles': join(agent, '..') },
  });
  const stack = new Stack(app, 'Rehearsed', { env: { region: 'eu-west-1' } });
  const vpc = new ec2.Vpc(stack, 'Vpc', { availabilityZones: ['eu-west-1a', 'eu-west-1b'], natGateways: 1 });
  new SynktiCluster(stack, 'Web', {
    vpc,
    capacity: {
      desired: NODES,
      requirements: { vCpuMin: 2, vCpuMax: 4, memoryMin: Size.gibibytes(8), excludedInstanceTypes: ['m5*', 'r*'] },
    },
    workload: Workload.container({ image: 'nginx', port: 8080, healthCheck: { path: '/health' } }),
  });
  app.synth();
  const template = readdirSync(outdir).find((name) => name.endsWith('.template.json'));
  return join(outdir, template ?? '');
}

const running = (): InstanceView[] => cloud.instances().filter(({ state }) => state === 'running');
const slotOf = ({ tags }: InstanceView): number => Number(tags[TAG.slot]);
const holder = (slot: number): InstanceView => {
  const found = running().findLast((instance) => slotOf(instance) === slot && !instance.cut);
  if (found === undefined) throw new Error(`slot ${slot} has no node`);
  return found;
};

async function until(what: string, condition: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error(`It never came about that ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Agents stand still: what follows is the functions' doing. */
function hangAgents(): void {
  for (const { pid } of running()) if (pid !== null) process.kill(pid, 'SIGSTOP');
}

/** So that nothing looks as if it were just being launched. */
function tenMinutesPass(): void {
  for (const { instanceId } of cloud.instances()) cloud.age(instanceId, 660_000);
}

/** From now on sweeps come when they are called. */
async function stopSchedules(): Promise<void> {
  const client = new EventBridgeClient(clientOptions(clientConfig(cloud), 3));
  for (const { name, schedule } of cloud.bus.allRules()) {
    if (schedule === null) continue;
    await client.send(new PutRuleCommand({ Name: name, ScheduleExpression: schedule, State: 'DISABLED' }));
  }
  client.destroy();
}

async function invokeSweep(): Promise<void> {
  const name = cloud.functions.list().find((one) => one.name.includes('Sweep'))?.name ?? '';
  expect(await cloud.functions.invoke(name, '{}')).toMatchObject({ ok: true });
}

async function moreToDo(): Promise<void> {
  const { tags } = holder(0);
  const ofCluster = { [TAG.cluster]: tags[TAG.cluster] ?? '', [TAG.epoch]: tags[TAG.epoch] ?? '' };
  await stopSchedules();
  hangAgents();
  tenMinutesPass();
  cloud.leaveBehind('network-interface', ofCluster);
  const first = holder(1).instanceId;
  cloud.fail(first);
  await until('the ended function filled slot 1', () =>
    running().some((one) => slotOf(one) === 1 && one.instanceId !== first && !one.cut),
  );

  hangAgents();
  tenMinutesPass();
  for (const { arn } of cloud.queues.list()) cloud.queues.setAttributes(arn, { delaySeconds: 900 });
  cloud.leaveBehind('network-interface', ofCluster);
  const second = holder(2).instanceId;
  cloud.fail(second, { seenAfterMs: null });
  await invokeSweep();
  const heirServes = (): boolean =>
    running().some((one) => slotOf(one) === 2 && one.instanceId !== second && one.tags[TAG.state] === 'serving');
  await until('the sweep filled slot 2', heirServes);
  await invokeSweep();
  await until('the sweep ended the broken node', () => !running().some(({ instanceId }) => instanceId === second));
}

beforeAll(async () => {
  const bundles = findBundles();
  const stack = {
    ...NO_STACK_SCRIPT,
    app: undefined,
    template: synthesize(),
    stack: undefined,
    cluster: undefined,
    parameter: [],
    standIn: [],
    docker: undefined,
    given: [],
    killAgent: ['2@1s'],
  };
  const settings = await readSettings(
    { ...flags(), rate: '20', seed: 'integ', notice: '8s', interrupt: ['0@1s'], keep: true, stack },
    bundles,
  );
  end = await run({
    settings,
    bundles,
    screen: { line: () => {}, pin: () => {}, refresh: () => {}, close: () => {} },
    signal: new AbortController().signal,
    hold: async (held: HeldOpen) => {
      cloud = held.cloud;
      await moreToDo();
    },
  });
}, 170_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the rehearsal of a stack', () => {
  it('launches the smallest types that have what is required, and no other', () => {
    const types = cloud.instances().map(({ instanceType }) => instanceType);
    expect(types.length).toBeGreaterThan(NODES);
    for (const type of types) expect(type).toMatch(/^(m[67][ai]\w*(-flex)?\.large|c[5-7]\w*(-flex)?\.xlarge)$/);
  });

  it('keeps every promise', () => {
    if (end.type !== 'played') throw new Error(JSON.stringify(end));
    const broken = judge(end.timeline).promises.filter(({ state }) => state === 'broken');
    expect(broken).toEqual([]);
    const kept = judge(end.timeline).promises.filter(({ state }) => state === 'kept');
    expect(kept.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['calls-allowed', 'fallback-acts', 'stack-deleted']),
    );
  });

  it('empties the bucket through the seeder before it goes', () => {
    if (end.type !== 'played') throw new Error(JSON.stringify(end));
    const { stack } = end.timeline;
    const seeder = stack?.roles.find(({ role }) => role.includes('Seeder'));
    const deleted = seeder?.used.find(({ action }) => action === 's3:DeleteObjectVersion')?.count ?? 0;
    // A report of each node that left, at the least.
    expect(deleted).toBeGreaterThanOrEqual(NODES);
    expect(stack?.left).toEqual([]);
    expect(cloud.objects().filter(({ key }) => key.startsWith('incidents/'))).toEqual([]);
  });

  it('needs each statement of its policies, and misses none', () => {
    expect(cloud.iam.ledger.denials()).toEqual([]);
    const superfluous = unneeded(cloud.iam.past(), cloud.iam.ledger.asked(), () => []);
    expect(superfluous.map(({ roleArn, sid }) => `${roleArn.split('/').at(-1)} ${sid}`)).toEqual([]);
  });
});
