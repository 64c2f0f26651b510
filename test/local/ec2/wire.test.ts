import {
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  CreateTagsCommand,
  DescribeInstanceStatusCommand,
  DescribeInstancesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeSpotPriceHistoryCommand,
  DescribeTagsCommand,
  EC2Client,
  paginateDescribeInstances,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { advance } from '../../../local/ec2/model/life.js';
import { setCapacity } from '../../../local/ec2/model/pools.js';
import { ec2Service } from '../../../local/ec2/service.js';
import { stsService } from '../../../local/sts/service.js';
import { type Endpoint, startEndpoint } from '../../../local/wire/server.js';
import { world } from './world.js';

const at = world();
let endpoint: Endpoint;
let ec2: EC2Client;
let sts: STSClient;

beforeAll(async () => {
  endpoint = await startEndpoint({
    host: '127.0.0.1',
    port: 0,
    services: [
      ec2Service({ model: at.model, context: at.ctx, changed: () => {} }),
      stsService({ accountId: '123456789012' }),
    ],
    principalOf: (accessKeyId) => ({ kind: 'user', accessKeyId }),
  });
  const config = {
    endpoint: endpoint.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIDTEST', secretAccessKey: 'x' },
    maxAttempts: 1,
  };
  ec2 = new EC2Client(config);
  sts = new STSClient(config);
});

afterAll(async () => {
  ec2.destroy();
  sts.destroy();
  await endpoint.close();
});

const fleet = (token: string | undefined, more: object = {}): CreateFleetCommand =>
  new CreateFleetCommand({
    ...(token === undefined ? {} : { ClientToken: token }),
    Type: 'instant',
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId: at.templateId, Version: '1' },
        Overrides: at.model.options.zones.map(({ subnetId }) => ({ InstanceType: 'm5.large', SubnetId: subnetId })),
      },
    ],
    TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'spot' },
    SpotOptions: { AllocationStrategy: 'price-capacity-optimized' },
    TagSpecifications: [
      {
        ResourceType: 'instance',
        Tags: [
          { Key: 'synkti:slot', Value: '3' },
          { Key: 'name', Value: '<a&b> "ü"' },
        ],
      },
      { ResourceType: 'fleet', Tags: [{ Key: 'synkti:slot', Value: '3' }] },
    ],
    ...more,
  });

describe('EC2 over its own protocol', () => {
  test('a fleet launches, is described with its tags, and ends', async () => {
    const answer = await ec2.send(fleet('t1'));
    const id = answer.Instances?.[0]?.InstanceIds?.[0] ?? '';
    expect(id).toMatch(/^i-[0-9a-f]{17}$/);
    expect(answer.Errors).toEqual([]);
    expect((await ec2.send(fleet('t1'))).Instances?.[0]?.InstanceIds).toEqual([id]);
    await expect(ec2.send(fleet('t1', { SpotOptions: { AllocationStrategy: 'lowest-price' } }))).rejects.toMatchObject({
      name: 'IdempotentParameterMismatch',
    });

    at.now += 16_000;
    advance(at.model, at.ctx());
    const found = await ec2.send(
      new DescribeInstancesCommand({ Filters: [{ Name: 'tag:synkti:slot', Values: ['3'] }] }),
    );
    const instance = found.Reservations?.[0]?.Instances?.[0];
    expect(instance?.State?.Name).toBe('running');
    expect(instance?.InstanceLifecycle).toBe('spot');
    expect(instance?.LaunchTime?.toISOString()).toBe('2026-01-17T10:00:00.000Z');
    expect(Object.fromEntries((instance?.Tags ?? []).map((tag) => [tag.Key, tag.Value]))).toMatchObject({
      'synkti:slot': '3',
      name: '<a&b> "ü"',
      'aws:ec2:fleet-id': answer.FleetId,
    });
    const status = await ec2.send(new DescribeInstanceStatusCommand({ InstanceIds: [id] }));
    expect(status.InstanceStatuses?.[0]?.InstanceStatus?.Status).toBe('ok');

    await ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'synkti:state', Value: 'serving' }] }));
    const tags = await ec2.send(
      new DescribeTagsCommand({
        Filters: [
          { Name: 'resource-id', Values: [id] },
          { Name: 'key', Values: ['synkti:*'] },
        ],
      }),
    );
    expect(tags.Tags?.map(({ Key, Value }) => `${Key}=${Value}`)).toEqual(['synkti:slot=3', 'synkti:state=serving']);

    const ended = await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    expect(ended.TerminatingInstances?.[0]).toMatchObject({
      CurrentState: { Name: 'shutting-down', Code: 32 },
      PreviousState: { Name: 'running' },
    });
    await expect(ec2.send(fleet('t1'))).rejects.toMatchObject({ name: 'IdempotentInstanceTerminated' });
    await expect(
      ec2.send(new TerminateInstancesCommand({ InstanceIds: [id, 'i-00000000000000000'] })),
    ).rejects.toMatchObject({ name: 'InvalidInstanceID.NotFound' });
  });

  test('pools without capacity are listed beside what was launched', async () => {
    setCapacity(at.model, { zone: 'us-east-1a', market: 'spot' }, 0, 'MaxSpotInstanceCountExceeded');
    const answer = await ec2.send(fleet('t2'));
    expect(answer.Instances?.[0]?.InstanceIds).toHaveLength(1);
    expect(answer.Errors?.[0]).toMatchObject({
      ErrorCode: 'MaxSpotInstanceCountExceeded',
      Lifecycle: 'spot',
      LaunchTemplateAndOverrides: { Overrides: { SubnetId: 'subnet-a', InstanceType: 'm5.large' } },
    });
    setCapacity(at.model, {}, 0);
    const none = await ec2.send(fleet('t3'));
    expect(none.Instances).toEqual([]);
    expect(none.Errors).toHaveLength(3);
    const run = new RunInstancesCommand({ MinCount: 1, MaxCount: 1, InstanceType: 'm5.large', SubnetId: 'subnet-a' });
    await expect(ec2.send(run)).rejects.toMatchObject({
      name: 'InsufficientInstanceCapacity',
      $metadata: { httpStatusCode: 500 },
    });
    setCapacity(at.model, {}, null);
  });

  test('what it does not emulate is refused, not ignored', async () => {
    const refusals: [object, string][] = [
      [{ Type: 'maintain' }, 'Type'],
      [{ ExcessCapacityTerminationPolicy: 'termination' }, 'ExcessCapacityTerminationPolicy'],
      [{ SpotOptions: { MaxTotalPrice: '1' } }, 'SpotOptions.MaxTotalPrice'],
      [
        { TargetCapacitySpecification: { TotalTargetCapacity: 1, TargetCapacityUnitType: 'vcpu' } },
        'TargetCapacityUnitType',
      ],
    ];
    for (const [more, named] of refusals) {
      await expect(ec2.send(fleet(undefined, more))).rejects.toMatchObject({
        name: 'InvalidParameterValue',
        message: expect.stringContaining(named),
      });
    }
    await expect(
      ec2.send(new DescribeInstancesCommand({ Filters: [{ Name: 'colour', Values: ['red'] }] })),
    ).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(ec2.send(new DescribeInstancesCommand({ DryRun: true }))).rejects.toMatchObject({
      name: 'DryRunOperation',
    });
  });

  test('pages hold everything once', async () => {
    for (let i = 0; i < 12; i++) await ec2.send(fleet(`page-${i}`));
    const seen: string[] = [];
    for await (const page of paginateDescribeInstances({ client: ec2, pageSize: 5 }, {})) {
      expect(page.Reservations?.length).toBeLessThanOrEqual(5);
      for (const { Instances } of page.Reservations ?? [])
        seen.push(...(Instances ?? []).map((one) => one.InstanceId ?? ''));
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBe(at.model.instances.size);
    await expect(ec2.send(new DescribeInstancesCommand({ NextToken: 'nonsense' }))).rejects.toMatchObject({
      name: 'InvalidNextToken',
    });
  });

  test('a launch template comes back as it was given', async () => {
    const { LaunchTemplate } = await ec2.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: 'full',
        LaunchTemplateData: {
          ImageId: 'ami-123',
          UserData: 'IyEvYmluL3No',
          MetadataOptions: { HttpTokens: 'required', InstanceMetadataTags: 'enabled', HttpPutResponseHopLimit: 2 },
          IamInstanceProfile: { Arn: 'arn:aws:iam::123456789012:instance-profile/node' },
          NetworkInterfaces: [{ DeviceIndex: 0, Groups: ['sg-1', 'sg-2'], AssociatePublicIpAddress: true }],
          BlockDeviceMappings: [
            { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 20, Encrypted: true, VolumeType: 'gp3' } },
          ],
          TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'team', Value: 'x' }] }],
        },
      }),
    );
    const { LaunchTemplateVersions } = await ec2.send(
      new DescribeLaunchTemplateVersionsCommand({
        LaunchTemplateId: LaunchTemplate?.LaunchTemplateId ?? '',
        Versions: ['$Latest'],
      }),
    );
    expect(LaunchTemplateVersions?.[0]).toMatchObject({
      VersionNumber: 1,
      DefaultVersion: true,
      LaunchTemplateData: {
        ImageId: 'ami-123',
        MetadataOptions: { InstanceMetadataTags: 'enabled', HttpPutResponseHopLimit: 2 },
        NetworkInterfaces: [{ DeviceIndex: 0, Groups: ['sg-1', 'sg-2'], AssociatePublicIpAddress: true }],
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 20, Encrypted: true } }],
        TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'team', Value: 'x' }] }],
      },
    });
  });

  test('spot prices and the caller', async () => {
    const { SpotPriceHistory } = await ec2.send(
      new DescribeSpotPriceHistoryCommand({
        InstanceTypes: ['m5.large'],
        AvailabilityZone: 'us-east-1b',
        ProductDescriptions: ['Linux/UNIX'],
        StartTime: new Date('2026-01-17T12:00:00Z'),
      }),
    );
    expect(SpotPriceHistory?.map(({ SpotPrice }) => SpotPrice)).toEqual(['0.031000']);
    expect((await sts.send(new GetCallerIdentityCommand({}))).Account).toBe('123456789012');
    expect(endpoint.history.counts()).toContainEqual({
      service: 'sts',
      action: 'GetCallerIdentity',
      principal: 'user',
      code: 'OK',
      count: 1,
    });
  });
});
