import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import {
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  EC2Client,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterEach, describe, expect, test } from 'vitest';
import {
  CloudError,
  type CloudEvent,
  type LocalCloud,
  type LocalCloudOptions,
  startLocalCloud,
} from '../../local/cloud.js';
import type { Delivery } from '../../local/events/bus.js';

const zones = ['a', 'b', 'c'].map((letter) => ({ name: `us-east-1${letter}`, subnetId: `subnet-${letter}` }));
const pools = zones.map(({ name }) => ({
  instanceType: 'm5.large',
  zone: name,
  spotPrice: 0.03,
  onDemandPrice: 0.1,
  capacity: null,
}));

/** A cloud, what happened in it, and the clients of somebody at the command line. */
interface Run {
  readonly cloud: LocalCloud;
  readonly events: CloudEvent[];
  readonly deliveries: Delivery[];
  readonly ec2: EC2Client;
  /** Waits until something has happened; 15 s at most. */
  until(what: string, test: () => boolean): Promise<void>;
  launch(token: string): Promise<string>;
}

let runs: Run[] = [];

afterEach(async () => {
  for (const { cloud, ec2 } of runs) {
    ec2.destroy();
    await cloud.stop();
  }
  runs = [];
});

const clientConfig = (cloud: LocalCloud) => ({
  endpoint: cloud.endpoint,
  region: cloud.region,
  credentials: { accessKeyId: 'user', secretAccessKey: 'x' },
  maxAttempts: 1,
});

async function start(options: Partial<LocalCloudOptions> = {}): Promise<Run> {
  const events: CloudEvent[] = [];
  const deliveries: Delivery[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of waiting) look();
  };
  const cloud = await startLocalCloud({
    seed: 1,
    zones,
    pools,
    launchDelayMs: 0,
    shutdownMs: 500,
    noticeMs: 1_000,
    machine: null,
    onEvent: (event) => {
      events.push(event);
      wake();
    },
    deliver: (delivery) => {
      deliveries.push(delivery);
      wake();
    },
    ...options,
  });
  const ec2 = new EC2Client(clientConfig(cloud));
  const { LaunchTemplate } = await ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: 'nodes',
      LaunchTemplateData: {
        ImageId: 'ami-1',
        IamInstanceProfile: { Name: 'node' },
        MetadataOptions: { HttpTokens: 'required', InstanceMetadataTags: 'enabled' },
      },
    }),
  );
  const run: Run = {
    cloud,
    events,
    deliveries,
    ec2,
    until: (what, happened) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!happened()) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve();
        };
        const timer = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`not within 15 s: ${what}`));
        }, 15_000);
        waiting.add(look);
        look();
      }),
    launch: async (token) => {
      const { Instances, Errors } = await ec2.send(
        new CreateFleetCommand({
          ClientToken: token,
          Type: 'instant',
          TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'spot' },
          LaunchTemplateConfigs: [
            {
              LaunchTemplateSpecification: { LaunchTemplateId: LaunchTemplate?.LaunchTemplateId, Version: '1' },
              Overrides: zones.map(({ subnetId }) => ({ InstanceType: 'm5.large', SubnetId: subnetId })),
            },
          ],
          TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'token', Value: token }] }],
        }),
      );
      return Instances?.[0]?.InstanceIds?.[0] ?? Errors?.[0]?.ErrorCode ?? '';
    },
  };
  runs.push(run);
  return run;
}

const reached = (run: Run, instanceId: string, state: string) => (): boolean =>
  run.events.some((one) => one.type === 'instance-state' && one.instanceId === instanceId && one.to === state);

/** Writes what IMDS says of its notice, once a tenth of a second, and "TERM" on SIGTERM. */
const MACHINE = `
const base = process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT + '/latest/';
console.log('environment ' + JSON.stringify(process.env));
process.on('SIGTERM', () => { console.log('TERM'); process.exit(0); });
(async () => {
  const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' };
  const token = await (await fetch(base + 'api/token', { method: 'PUT', headers })).text();
  const get = (path) => fetch(base + 'meta-data/' + path, { headers: { 'x-aws-ec2-metadata-token': token } });
  console.log('id ' + (await (await get('instance-id')).text()));
  setInterval(async () => {
    const answer = await get('spot/instance-action');
    if (answer.status === 200) console.log('notice ' + (await answer.text()));
  }, 100);
})();
`;

describe('nodes', () => {
  test('boot with what they need and nothing of the user, see their notice, and are taken', async () => {
    const run = await start({
      machine: { command: [process.execPath, '-e', MACHINE], environment: { COLOUR: 'red' } },
    });
    const { cloud } = run;
    const id = await run.launch('t');
    await run.until('the machine started', () => run.events.some(({ type }) => type === 'machine'));
    const view = cloud.instances()[0];
    expect(view).toMatchObject({ instanceId: id, state: 'running', tags: { token: 't' } });
    const log = () => readFile(`${cloud.runDir}/${id}/agent.log`, 'utf8').catch(() => '');
    await expect.poll(log, { timeout: 10_000 }).toContain(`id ${id}`);

    cloud.interrupt(id);
    await expect.poll(log, { timeout: 10_000 }).toContain('notice {"action":"terminate"');
    await run.until('it was cut off', () => run.events.some(({ type }) => type === 'cut-off'));
    await run.until('it ended', reached(run, id, 'terminated'));
    expect(await log()).not.toContain('TERM');
    expect(cloud.network.isCut(id)).toBe(true);

    const environment = JSON.parse(/^environment (.*)$/m.exec(await log())?.[1] ?? '{}');
    expect(environment).toMatchObject({
      COLOUR: 'red',
      AWS_ENDPOINT_URL: cloud.endpoint,
      AWS_REGION: 'us-east-1',
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://${view?.privateIp}:1338`,
      SYNKTI_BIND_ADDRESS: view?.insideIp,
    });
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) {
      expect(environment).not.toHaveProperty(name);
    }
  });

  test('TerminateInstances lets them end themselves; a silent death does not', async () => {
    const run = await start({ machine: { command: [process.execPath, '-e', MACHINE] } });
    const { cloud } = run;
    const [polite, sudden] = [await run.launch('polite'), await run.launch('sudden')];
    const log = (id: string) => readFile(`${cloud.runDir}/${id}/agent.log`, 'utf8').catch(() => '');
    for (const id of [polite, sudden]) await expect.poll(() => log(id), { timeout: 10_000 }).toContain(`id ${id}`);
    await run.ec2.send(new TerminateInstancesCommand({ InstanceIds: [polite] }));
    cloud.fail(sudden, { seenAfterMs: 100 });
    expect(cloud.instances().find(({ instanceId }) => instanceId === sudden)).toMatchObject({
      state: 'running',
      cut: true,
    });
    await run.until('both ended', () => [polite, sudden].every((id) => reached(run, id, 'terminated')()));
    expect(await log(polite)).toContain('TERM');
    expect(await log(sudden)).not.toContain('TERM');
    expect(run.events.filter(({ type }) => type === 'cut-off')).toMatchObject([
      { instanceId: sudden, cause: 'failure' },
    ]);
  });

  test('are known by the credentials of their IMDS', async () => {
    const run = await start();
    const id = await run.launch('t');
    await run.until('it runs', reached(run, id, 'running'));
    const base = `http://${run.cloud.instances()[0]?.privateIp}:1338/latest/`;
    const get = async (path: string) => {
      const put = { method: 'PUT', headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' } };
      const token = await (await fetch(`${base}api/token`, put)).text();
      return (await fetch(base + path, { headers: { 'x-aws-ec2-metadata-token': token } })).text();
    };
    const imdsUp = () => get('meta-data/instance-id').catch(() => '');
    await expect.poll(imdsUp, { timeout: 10_000 }).toBe(id);
    const keys = JSON.parse(await get('meta-data/iam/security-credentials/node'));
    const sts = new STSClient({
      ...clientConfig(run.cloud),
      credentials: { accessKeyId: keys.AccessKeyId, secretAccessKey: keys.SecretAccessKey, sessionToken: keys.Token },
    });
    expect((await sts.send(new GetCallerIdentityCommand({}))).Arn).toBe(
      `arn:aws:sts::123456789012:assumed-role/node/${id}`,
    );
    sts.destroy();
    expect(run.cloud.calls()).toContainEqual(
      expect.objectContaining({ service: 'sts', action: 'GetCallerIdentity', principal: 'node', count: 1 }),
    );
  });
});

describe('events', () => {
  const watch = async (run: Run): Promise<void> => {
    const client = new EventBridgeClient(clientConfig(run.cloud));
    const EventPattern = JSON.stringify({ source: ['aws.ec2'], 'detail-type': [{ prefix: 'EC2 Spot' }] });
    await client.send(new PutRuleCommand({ Name: 'warnings', EventPattern }));
    await client.send(new PutTargetsCommand({ Rule: 'warnings', Targets: [{ Id: '1', Arn: 'arn:aws:lambda:x' }] }));
    client.destroy();
  };

  test("EC2's warning reaches its target", async () => {
    const run = await start();
    await watch(run);
    const id = await run.launch('t');
    await run.until('it runs', reached(run, id, 'running'));
    run.cloud.interrupt(id, { noticeMs: 50 });
    await run.until('the warning came', () => run.deliveries.length > 0);
    expect(run.deliveries).toMatchObject([
      { target: { arn: 'arn:aws:lambda:x' }, event: { detail: { 'instance-id': id } } },
    ]);
    await run.until('it ended', reached(run, id, 'terminated'));
  });

  test('may come twice or never, and an interruption may be announced nowhere', async () => {
    const twice = await start({ unkind: { events: { duplicateRate: 1 } } });
    await watch(twice);
    const id = await twice.launch('t');
    twice.cloud.interrupt(id);
    await twice.until('both copies came', () => twice.deliveries.length === 2);

    const never = await start({ unkind: { events: { lossRate: 1 }, notices: { missingRate: 1 } } });
    await watch(never);
    const other = await never.launch('t');
    never.cloud.interrupt(other, { noticeMs: 0 });
    await never.until('it ended', reached(never, other, 'terminated'));
    expect(never.deliveries).toEqual([]);
    expect(never.events.find(({ type }) => type === 'interruption-notice')).toMatchObject({
      interruption: { announce: 'none' },
    });
  });
});

describe('unkindness', () => {
  test('a launch whose reply is lost launches once', async () => {
    const run = await start({ unkind: { lostReplies: [{ service: 'ec2', action: 'CreateFleet', rate: 1 }] } });
    await expect(run.launch('t')).rejects.toThrow();
    await expect(run.launch('t')).rejects.toThrow();
    expect(run.cloud.instances()).toHaveLength(1);
  });

  test('throttles, shortages', async () => {
    const run = await start({
      unkind: {
        throttles: [{ service: 'ec2', action: 'CreateFleet', burst: 1, perSecond: 0 }],
        shortages: [{ market: 'spot', code: 'MaxSpotInstanceCountExceeded' }],
      },
    });
    expect(await run.launch('t')).toBe('MaxSpotInstanceCountExceeded');
    await expect(run.launch('t')).rejects.toMatchObject({ name: 'RequestLimitExceeded' });
  });
});

describe('starting and stopping', () => {
  test('a busy port and bad options are told clearly, and leave nothing', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const failing = (options: Partial<LocalCloudOptions>) =>
      start(options).then(
        () => 'started',
        (error: unknown) => (error instanceof CloudError ? error.code : error),
      );
    expect(await failing({ port })).toBe('PORT_IN_USE');
    await new Promise((resolve) => server.close(resolve));
    expect(await failing({ port: 70_000 })).toBe('BAD_OPTIONS');
    expect(await failing({ zones: [] })).toBe('BAD_OPTIONS');
    expect(await failing({ pools: [{ ...pools[0], zone: 'mars' } as (typeof pools)[0]] })).toBe('BAD_OPTIONS');
    expect(await failing({ unkind: { events: { lossRate: 2 } } })).toBe('BAD_OPTIONS');
  });

  test('after stop nothing is left: no process, port or file', async () => {
    const run = await start({ machine: { command: [process.execPath, '-e', 'setInterval(() => {}, 1000)'] } });
    const id = await run.launch('t');
    await run.until('the machine started', () => run.events.some(({ type }) => type === 'machine'));
    const { pid, privateIp } = run.cloud.instances().find(({ instanceId }) => instanceId === id) ?? {};
    expect(pid).toBeGreaterThan(0);
    await run.cloud.stop();
    await run.cloud.stop();
    expect(() => process.kill(pid ?? 0, 0)).toThrow(/ESRCH/);
    expect(existsSync(run.cloud.runDir)).toBe(false);
    await expect(fetch(run.cloud.endpoint)).rejects.toThrow();
    await expect(fetch(`http://${privateIp}:1338/`)).rejects.toThrow();
  });
});

describe("Debian's aws CLI", () => {
  test('works against the endpoint unchanged', { timeout: 60_000 }, async () => {
    if (spawnSync('aws', ['--version']).status !== 0) {
      process.stdout.write(
        'The aws CLI is not on PATH (Debian: apt install awscli): not tried against the local cloud.\n',
      );
      return;
    }
    const run = await start();
    const id = await run.launch('t');
    run.cloud.createBucket('bucket');
    const s3 = new S3Client({ ...clientConfig(run.cloud), forcePathStyle: true });
    await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'a/b', Body: 'hello' }));
    s3.destroy();
    const aws = async (...args: string[]) => {
      const { stdout } = await promisify(execFile)('aws', args, {
        env: { PATH: process.env.PATH, HOME: run.cloud.runDir, ...run.cloud.environment },
      });
      return stdout;
    };
    const instances = await aws(
      'ec2',
      'describe-instances',
      '--filters',
      'Name=tag:token,Values=t',
      '--output',
      'json',
    );
    expect(JSON.parse(instances).Reservations[0].Instances[0].InstanceId).toBe(id);
    const tags = await aws('ec2', 'describe-tags', '--filters', `Name=resource-id,Values=${id}`, '--output', 'text');
    expect(tags).toContain('token');
    expect(await aws('s3', 'ls', '--recursive', 's3://bucket')).toContain('a/b');
  });
});
