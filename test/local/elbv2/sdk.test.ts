import {
  AddTagsCommand,
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DeleteListenerCommand,
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
  DeregisterTargetsCommand,
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeTagsCommand,
  DescribeTargetGroupAttributesCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  ModifyTargetGroupAttributesCommand,
  ModifyTargetGroupCommand,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AddressBlock, allocateAddresses } from '../../../local/address.js';
import type { FinishedRequest } from '../../../local/balancer/source.js';
import { Elbv2, type TargetHealthChange } from '../../../local/elbv2/elbv2.js';
import type { Endpoint } from '../../../local/wire/server.js';
import { answer, startTarget, type TestTarget } from '../balancer/targets.js';
import { clientConfig, startTestEndpoint } from '../endpoint.js';
import { eventually } from '../eventually.js';

/** Health checks each 250 ms with a time-out of 150 ms; a deregistration delay of 30 s ends after 1.5 s. */
const TIME_SCALE = 0.05;
const LAG_MS = 200;

let addresses: AddressBlock;
let elb: Elbv2;
let endpoint: Endpoint;
let client: ElasticLoadBalancingV2Client;
const instances = new Map<string, { target: TestTarget; running: boolean }>();
const cut = new Set<string>();
const changes: TargetHealthChange[] = [];
const finished: FinishedRequest[] = [];

beforeAll(async () => {
  addresses = await allocateAddresses();
});
afterAll(() => addresses.release());

beforeEach(async () => {
  elb = new Elbv2({
    region: 'us-east-1',
    nextAddress: () => addresses.nextBalancer(),
    directory: {
      byInstanceId: (instanceId) => {
        const found = instances.get(instanceId);
        return found === undefined ? null : { instanceId, host: '127.0.0.1', running: found.running };
      },
      byAddress: () => null,
      subnet: (subnetId) =>
        subnetId.startsWith('subnet-') ? { zone: `us-east-1${subnetId.at(-1)}`, vpcId: 'vpc-1' } : null,
      isCut: (instanceId) => cut.has(instanceId),
    },
    timeScale: TIME_SCALE,
    deregistrationLagMs: LAG_MS,
    connectTimeoutMs: 200,
    onTargetHealth: (change) => changes.push(change),
    onRequest: (request) => finished.push(request),
  });
  endpoint = await startTestEndpoint([elb.service]);
  client = new ElasticLoadBalancingV2Client(clientConfig(endpoint.url));
});

afterEach(async () => {
  client.destroy();
  await endpoint.close();
  await elb.close();
  for (const { target } of instances.values()) await target.close();
  instances.clear();
  cut.clear();
  changes.length = 0;
  finished.length = 0;
});

async function newGroup(more: object = {}): Promise<string> {
  const { TargetGroups } = await client.send(
    new CreateTargetGroupCommand({
      Name: 'web',
      Protocol: 'HTTP',
      Port: 8080,
      VpcId: 'vpc-1',
      HealthCheckPath: '/health',
      HealthCheckIntervalSeconds: 5,
      HealthCheckTimeoutSeconds: 3,
      HealthyThresholdCount: 2,
      UnhealthyThresholdCount: 2,
      ...more,
    }),
  );
  return TargetGroups?.[0]?.TargetGroupArn ?? '';
}

async function newListener(TargetGroupArn: string, Name = 'front') {
  const { LoadBalancers } = await client.send(
    new CreateLoadBalancerCommand({ Name, Subnets: ['subnet-a', 'subnet-b'], Type: 'application' }),
  );
  const LoadBalancerArn = LoadBalancers?.[0]?.LoadBalancerArn ?? '';
  const { Listeners } = await client.send(
    new CreateListenerCommand({
      LoadBalancerArn,
      Protocol: 'HTTP',
      Port: 80,
      DefaultActions: [{ Type: 'forward', TargetGroupArn }],
    }),
  );
  const url = elb.balancers().find((one) => one.name === Name)?.listeners[0]?.url ?? '';
  return { LoadBalancerArn, ListenerArn: Listeners?.[0]?.ListenerArn ?? '', url };
}

async function boot(instanceId: string, handler = answer) {
  const target = await startTarget(instanceId, handler);
  instances.set(instanceId, { target, running: true });
  return { Id: instanceId, Port: target.candidate.port, target };
}

type Target = { Id: string; Port: number };
const plain = ({ Id, Port }: Target): Target => ({ Id, Port });
const register = (TargetGroupArn: string, ...targets: Target[]) =>
  client.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: targets.map(plain) }));
const deregister = (TargetGroupArn: string, ...targets: Target[]) =>
  client.send(new DeregisterTargetsCommand({ TargetGroupArn, Targets: targets.map(plain) }));

/** `i-1 healthy`, `i-2 unhealthy Target.Timeout`, ... */
async function health(TargetGroupArn: string, ...targets: Target[]): Promise<string[]> {
  const asked = targets.length > 0 ? { Targets: targets.map(plain) } : {};
  const { TargetHealthDescriptions } = await client.send(new DescribeTargetHealthCommand({ TargetGroupArn, ...asked }));
  return (TargetHealthDescriptions ?? []).map(({ Target: one, TargetHealth: state }) =>
    [one?.Id, state?.State, state?.Reason].filter(Boolean).join(' '),
  );
}

const healthIs = (arn: string, ...expected: string[]) =>
  eventually(expected.join(', '), async () => (await health(arn)).join() === expected.join());

describe('targets', () => {
  it('go from initial to healthy by real checks, get traffic, and drain without a failed request', async () => {
    const arn = await newGroup();
    await client.send(
      new ModifyTargetGroupAttributesCommand({
        TargetGroupArn: arn,
        Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value: '30' }],
      }),
    );
    const one = await boot('i-1');
    const two = await boot('i-2');
    await register(arn, one, two);
    expect(await health(arn)).toEqual(['i-1 unused Target.NotInUse', 'i-2 unused Target.NotInUse']);
    const { url, LoadBalancerArn } = await newListener(arn);
    await healthIs(arn, 'i-1 healthy', 'i-2 healthy');

    let done = false;
    const statuses: number[] = [];
    const clients = Array.from({ length: 4 }, async () => {
      while (!done) statuses.push((await fetch(url)).status);
    });
    const held = fetch(`${url}/hold`);
    const holder = await eventually('held', () => [one, two].find(({ target }) => target.held.length > 0));
    const before = holder.target.requests;
    await deregister(arn, holder);
    expect(await health(arn, holder)).toEqual([`${holder.Id} draining Target.DeregistrationInProgress`]);
    await eventually('still sends for a while', () => holder.target.requests > before + 5);
    // When the lag is over, nothing new comes.
    await eventually('lag over', () => elb.runtime(elb.model.group(arn)).candidates().length === 1);
    await eventually(
      'in flight to it done',
      () => elb.inFlight(elb.model.group(arn), `${holder.Id}:${holder.Port}`) === 1,
    );
    const settled = holder.target.requests;
    const total = statuses.length;
    await eventually('more traffic', () => statuses.length > total + 100);
    expect(holder.target.requests).toBe(settled);
    holder.target.release();
    expect((await held).status).toBe(200);
    expect(await health(arn, holder)).toEqual([`${holder.Id} draining Target.DeregistrationInProgress`]);
    const left = holder.Id === 'i-1' ? 'i-2' : 'i-1';
    await healthIs(arn, `${left} healthy`);
    expect(await health(arn, holder)).toEqual([`${holder.Id} unused Target.NotRegistered`]);
    done = true;
    await Promise.all(clients);
    expect(new Set(statuses)).toEqual(new Set([200]));
    const [counted] = elb.traffic.all();
    expect([counted?.balancerArn, counted?.groupArn]).toEqual([LoadBalancerArn, arn]);
    const requests = counted?.traffic.minutes().reduce((sum, minute) => sum + minute.requests, 0);
    expect(requests).toBe(finished.length);
    const seen = changes.filter((change) => change.targetId === holder.Id);
    expect(seen.map((change) => [change.state, change.reason].filter(Boolean).join(' '))).toEqual([
      'unused Target.NotInUse',
      'initial Elb.RegistrationInProgress',
      'initial Elb.InitialHealthChecking',
      'healthy',
      'draining Target.DeregistrationInProgress',
      'unused Target.NotRegistered',
    ]);
  });

  it('that fail their checks are unhealthy with the reason, get traffic only when all are, and recover', async () => {
    let status = 500;
    const sick = await boot('i-sick', (_, response) => {
      response.statusCode = status;
      response.end('sick');
    });
    const arn = await newGroup();
    const { url } = await newListener(arn);
    await register(arn, sick);
    await healthIs(arn, 'i-sick unhealthy Target.ResponseCodeMismatch');
    // Fail-open.
    expect((await fetch(url)).status).toBe(500);
    const well = await boot('i-well');
    await register(arn, well);
    await healthIs(arn, 'i-sick unhealthy Target.ResponseCodeMismatch', 'i-well healthy');
    for (let i = 0; i < 10; i++) expect(await (await fetch(url)).text()).toBe('i-well');
    status = 200;
    await healthIs(arn, 'i-sick healthy', 'i-well healthy');
  });

  it('that are cut off time out, and refused connections fail', async () => {
    const lost = await boot('i-lost');
    const dead = await boot('i-dead');
    const arn = await newGroup();
    const { url } = await newListener(arn);
    await register(arn, lost, dead);
    await healthIs(arn, 'i-lost healthy', 'i-dead healthy');
    await dead.target.close();
    cut.add('i-lost');
    elb.instanceCut('i-lost');
    await healthIs(arn, 'i-lost unhealthy Target.Timeout', 'i-dead unhealthy Target.FailedHealthChecks');
    const statuses = [(await fetch(url)).status, (await fetch(url)).status];
    expect(statuses.sort()).toEqual([502, 504]);
  });

  it('leave when their instance ends', async () => {
    const one = await boot('i-1');
    const arn = await newGroup();
    await newListener(arn);
    await register(arn, one);
    await healthIs(arn, 'i-1 healthy');
    elb.instanceEnded('i-1');
    expect(await health(arn)).toEqual([]);
    expect(await health(arn, one)).toEqual(['i-1 unused Target.InvalidState']);
  });

  it('may come back while they drain', async () => {
    const one = await boot('i-1');
    const arn = await newGroup();
    await newListener(arn);
    await register(arn, one);
    await healthIs(arn, 'i-1 healthy');
    await deregister(arn, one);
    await deregister(arn, one);
    await healthIs(arn, 'i-1 draining Target.DeregistrationInProgress');
    await register(arn, one);
    await healthIs(arn, 'i-1 healthy');
  });

  it('that cut the delay short lose the requests in flight with 502', async () => {
    const one = await boot('i-1');
    const arn = await newGroup();
    const { url } = await newListener(arn);
    await client.send(
      new ModifyTargetGroupAttributesCommand({
        TargetGroupArn: arn,
        Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value: '1' }],
      }),
    );
    await register(arn, one);
    await healthIs(arn, 'i-1 healthy');
    const held = fetch(`${url}/hold`);
    await eventually('held', () => one.target.held.length === 1);
    await deregister(arn, one);
    expect((await held).status).toBe(502);
  });

  it('must be instances that run', async () => {
    const arn = await newGroup();
    await expect(register(arn, { Id: 'i-none', Port: 80 })).rejects.toMatchObject({ name: 'InvalidTargetException' });
    const idle = await boot('i-idle');
    instances.set('i-idle', { target: idle.target, running: false });
    await expect(register(arn, idle)).rejects.toThrow(/not in a running state/);
    expect(await health(arn)).toEqual([]);
    await deregister(arn, idle);
  });
});

describe('load balancers and target groups', () => {
  it('are made, described, changed and deleted', async () => {
    const arn = await newGroup();
    expect(await newGroup()).toBe(arn);
    await expect(newGroup({ Port: 9090 })).rejects.toMatchObject({ name: 'DuplicateTargetGroupNameException' });
    const { LoadBalancerArn, ListenerArn, url } = await newListener(arn);
    expect(url).toMatch(/^http:\/\/127\.\d+\.0\.\d+:8080$/);
    const balancers = await client.send(new DescribeLoadBalancersCommand({ Names: ['front'] }));
    expect(balancers.LoadBalancers?.[0]).toMatchObject({
      LoadBalancerArn,
      State: { Code: 'active' },
      Type: 'application',
      VpcId: 'vpc-1',
      AvailabilityZones: [{ ZoneName: 'us-east-1a' }, { ZoneName: 'us-east-1b' }],
    });
    expect(url).toContain(balancers.LoadBalancers?.[0]?.DNSName);
    const groups = await client.send(new DescribeTargetGroupsCommand({ LoadBalancerArn }));
    expect(groups.TargetGroups?.[0]).toMatchObject({
      TargetGroupArn: arn,
      LoadBalancerArns: [LoadBalancerArn],
      HealthCheckIntervalSeconds: 5,
      Matcher: { HttpCode: '200' },
    });
    const listeners = await client.send(new DescribeListenersCommand({ LoadBalancerArn }));
    expect(listeners.Listeners?.[0]).toMatchObject({
      ListenerArn,
      Port: 80,
      DefaultActions: [{ TargetGroupArn: arn }],
    });
    await client.send(new ModifyTargetGroupCommand({ TargetGroupArn: arn, HealthCheckPath: '/ready' }));
    const { TargetGroups } = await client.send(new DescribeTargetGroupsCommand({ TargetGroupArns: [arn] }));
    expect(TargetGroups?.[0]).toMatchObject({ HealthCheckPath: '/ready', UnhealthyThresholdCount: 2 });
    await client.send(new AddTagsCommand({ ResourceArns: [arn], Tags: [{ Key: 'synkti:cluster', Value: 'web' }] }));
    const { TagDescriptions } = await client.send(new DescribeTagsCommand({ ResourceArns: [arn] }));
    expect(TagDescriptions?.[0]?.Tags).toEqual([{ Key: 'synkti:cluster', Value: 'web' }]);

    await expect(client.send(new DeleteTargetGroupCommand({ TargetGroupArn: arn }))).rejects.toMatchObject({
      name: 'ResourceInUseException',
    });
    await client.send(new DeleteListenerCommand({ ListenerArn }));
    await expect(fetch(url)).rejects.toThrow();
    await client.send(new DeleteLoadBalancerCommand({ LoadBalancerArn }));
    await client.send(new DeleteTargetGroupCommand({ TargetGroupArn: arn }));
    await expect(health(arn)).rejects.toMatchObject({ name: 'TargetGroupNotFoundException' });
  });

  it('refuse what they do not emulate', async () => {
    const arn = await newGroup();
    const set = (Key: string, Value: string) =>
      client.send(new ModifyTargetGroupAttributesCommand({ TargetGroupArn: arn, Attributes: [{ Key, Value }] }));
    await expect(set('stickiness.enabled', 'true')).rejects.toMatchObject({
      name: 'InvalidConfigurationRequestException',
    });
    await expect(set('slow_start.duration_seconds', '30')).rejects.toThrow(/slow_start/);
    await expect(set('deregistration_delay.timeout_seconds', '4000')).rejects.toThrow(/3600/);
    const { Attributes } = await client.send(new DescribeTargetGroupAttributesCommand({ TargetGroupArn: arn }));
    expect(Attributes).toContainEqual({ Key: 'deregistration_delay.timeout_seconds', Value: '300' });
    await expect(newGroup({ Name: 'tls', Protocol: 'HTTPS' })).rejects.toThrow(/Protocol/);
    await expect(newGroup({ Name: 'fast', HealthCheckIntervalSeconds: 4 })).rejects.toThrow(/between '5' and '300'/);
    await expect(newGroup({ Name: 'odd', HealthCheckTimeoutSeconds: 5 })).rejects.toThrow(/smaller than the interval/);
    await expect(newGroup({ Name: '-bad-' })).rejects.toThrow(/1 to 32 letters/);
    await expect(newGroup({ Name: 'match', Matcher: { HttpCode: '200-700' } })).rejects.toThrow(/matcher/);
    await expect(
      client.send(new CreateLoadBalancerCommand({ Name: 'net', Type: 'network', Subnets: ['subnet-a'] })),
    ).rejects.toThrow(/Type/);
  });
});
