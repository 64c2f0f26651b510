import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  DeleteVolumeCommand,
  DescribeVolumesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import {
  CreateDocumentCommand,
  GetCommandInvocationCommand,
  ListDocumentsCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CloudEvent, type LocalCloud, startLocalCloud } from '../../../local/cloud.js';
import { eventually } from '../eventually.js';

/** Run Command against machines that run a small program in the agent's place. */
const ZONE = 'us-east-1a';
const AGENT = `process.on('SIGTERM', () => { console.log('left in good order'); process.exit(0); });
setInterval(() => {}, 1000); console.log('up');`;

let cloud: LocalCloud;
let events: CloudEvent[];
let ec2: EC2Client;
let ssm: SSMClient;
let instanceId: string;

beforeEach(async () => {
  events = [];
  cloud = await startLocalCloud({
    seed: 1,
    zones: [{ name: ZONE, subnetId: 'subnet-a' }],
    pools: [{ instanceType: 'm5.large', zone: ZONE, spotPrice: 0.03, onDemandPrice: 0.1, capacity: null }],
    launchDelayMs: 0,
    shutdownMs: 50,
    machine: { command: [process.execPath, '-e', AGENT] },
    onEvent: (event) => events.push(event),
  });
  const config = {
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'user', secretAccessKey: 'x' },
    maxAttempts: 1,
  };
  ec2 = new EC2Client(config);
  ssm = new SSMClient(config);
  const { LaunchTemplate } = await ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: 'nodes',
      LaunchTemplateData: { ImageId: 'ami-1', IamInstanceProfile: { Name: 'node' } },
    }),
  );
  await ec2.send(
    new CreateFleetCommand({
      Type: 'instant',
      TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'spot' },
      LaunchTemplateConfigs: [
        {
          LaunchTemplateSpecification: { LaunchTemplateId: LaunchTemplate?.LaunchTemplateId ?? '', Version: '1' },
          Overrides: [{ InstanceType: 'm5.large', SubnetId: 'subnet-a' }],
        },
      ],
    }),
  );
  instanceId = cloud.instances()[0]?.instanceId ?? '';
  await eventually('the agent is up', () => log().includes('up'));
});

afterEach(async () => {
  ec2.destroy();
  ssm.destroy();
  await cloud.stop();
});

function log(): string {
  try {
    return readFileSync(join(cloud.runDir, instanceId, 'agent.log'), 'utf8');
  } catch {
    return '';
  }
}

async function run(runCommand: string[], parameters: Record<string, string[]> = {}) {
  const content = {
    schemaVersion: '2.2',
    parameters: { word: { type: 'String', default: 'none' } },
    mainSteps: [{ name: 'run', action: 'aws:runShellScript', inputs: { runCommand } }],
  };
  await ssm.send(
    new CreateDocumentCommand({ Name: 'test-document', Content: JSON.stringify(content), DocumentType: 'Command' }),
  );
  const { Command } = await ssm.send(
    new SendCommandCommand({ DocumentName: 'test-document', InstanceIds: [instanceId], Parameters: parameters }),
  );
  return eventually('the command ended', async () => {
    const one = await ssm.send(
      new GetCommandInvocationCommand({ CommandId: Command?.CommandId ?? '', InstanceId: instanceId }),
    );
    return one.Status === 'InProgress' ? null : one;
  });
}

describe('a command', () => {
  test('runs on the node, with the parameters', async () => {
    const done = await run(['echo "hello {{ word }}"', 'pwd', 'false', 'echo never >&2; exit 7'], { word: ['you'] });
    expect(done).toMatchObject({ Status: 'Failed', ResponseCode: 7 });
    expect(done.StandardOutputContent).toBe(`hello you\n${join(cloud.runDir, instanceId)}\n`);
  });

  test('stops the agent in good order, and it stays down', async () => {
    const done = await run([
      '/usr/bin/systemctl stop synkti.service',
      'systemctl is-active synkti || echo "it is down"',
    ]);
    expect(done).toMatchObject({ Status: 'Success', StandardOutputContent: 'inactive\nit is down\n' });
    expect(log()).toContain('left in good order');
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'machine',
        event: expect.objectContaining({ type: 'ended', next: { restart: false, reason: 'stopped' } }),
      }),
    );
  });

  test("never reaches this system's own units", async () => {
    const done = await run(['sudo systemctl stop ssh.service']);
    expect(done).toMatchObject({ Status: 'Failed', ResponseCode: 5 });
    expect(done.StandardErrorContent).toContain('ssh.service not loaded');
  });

  test('can switch the machine off', async () => {
    await run(['sudo shutdown -h now']);
    await eventually('it ends', () => cloud.instances()[0]?.state === 'terminated');
  });

  test("can be AWS's own script, which reads the journal", async () => {
    const line = 'journalctl -u synkti.service --no-pager -o cat --show-cursor -n 1';
    const { Command } = await ssm.send(
      new SendCommandCommand({
        DocumentName: 'AWS-RunShellScript',
        InstanceIds: [instanceId],
        Parameters: { commands: [line, '/usr/bin/journalctl --after-cursor 3'], executionTimeout: ['30'] },
      }),
    );
    const done = await eventually('the command ended', async () => {
      const one = await ssm.send(
        new GetCommandInvocationCommand({ CommandId: Command?.CommandId ?? '', InstanceId: instanceId }),
      );
      return one.Status === 'InProgress' ? null : one;
    });
    expect(done).toMatchObject({ Status: 'Success', StandardOutputContent: 'up\n-- cursor: 3\n' });
  });

  test('is found by its tag', async () => {
    const content = { schemaVersion: '2.2', mainSteps: [] };
    const create = (Name: string, Value: string) =>
      ssm.send(
        new CreateDocumentCommand({
          Name,
          Content: JSON.stringify(content),
          DocumentType: 'Command',
          Tags: [{ Key: 'synkti:cluster', Value }],
        }),
      );
    await create('web-drain', 'web');
    await create('api-drain', 'api');
    const { DocumentIdentifiers } = await ssm.send(
      new ListDocumentsCommand({
        Filters: [
          { Key: 'Owner', Values: ['Self'] },
          { Key: 'tag:synkti:cluster', Values: ['web'] },
        ],
      }),
    );
    expect(DocumentIdentifiers?.map(({ Name }) => Name)).toEqual(['web-drain']);
  });

  test('needs an instance whose role lets it be managed', async () => {
    cloud.iam.createRole('node');
    await expect(run(['true'])).rejects.toMatchObject({ name: 'InvalidInstanceId' });
    expect(cloud.iam.ledger.denials()).toMatchObject([{ action: 'ssm:UpdateInstanceInformation' }]);
    cloud.iam.attachRolePolicy('node', 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore');
    await ssm.send(new SendCommandCommand({ DocumentName: 'test-document', InstanceIds: [instanceId] }));
  });
});

test('a volume that was left behind is found by its tags, and deleted', async () => {
  const id = cloud.leaveBehind('volume', { cluster: 'web' });
  cloud.leaveBehind('volume', { cluster: 'api' });
  const find = () =>
    ec2.send(
      new DescribeVolumesCommand({
        Filters: [
          { Name: 'tag:cluster', Values: ['web'] },
          { Name: 'status', Values: ['available'] },
        ],
      }),
    );
  expect((await find()).Volumes).toMatchObject([{ VolumeId: id, State: 'available' }]);
  await ec2.send(new DeleteVolumeCommand({ VolumeId: id }));
  expect((await find()).Volumes ?? []).toEqual([]);
  await expect(ec2.send(new DeleteVolumeCommand({ VolumeId: id }))).rejects.toMatchObject({
    name: 'InvalidVolume.NotFound',
  });
});
