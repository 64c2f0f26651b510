/** Each check both ways: what is fine, what isn't, and what couldn't be looked at. */
import { describe, expect, it } from 'vitest';
import {
  checkPools,
  checkQuotas,
  checkScores,
  checkSubnets,
  quotaGroup,
} from '../../../cli/ops/doctor/capacity-checks.js';
import { examine } from '../../../cli/ops/doctor/checks.js';
import type { Fact, Facts, Finding, GroupFacts } from '../../../cli/ops/doctor/facts.js';
import { filesIn } from '../../../cli/ops/doctor/gather-ec2.js';
import { asksOf } from '../../../cli/ops/doctor/gather-iam.js';
import {
  checkContainers,
  checkFiles,
  checkGossip,
  checkImage,
  checkRights,
  checkRoles,
  checkTemplate,
} from '../../../cli/ops/doctor/machine-checks.js';
import { checkClock, checkNodes, checkTargetGroups } from '../../../cli/ops/doctor/traffic-checks.js';
import type { Spec } from '../../../core/spec/spec.js';
import { specOf, TARGET_GROUP } from '../../core/fixtures.js';
import { opsNode, view } from './scene.js';

const ok = <T>(value: T): Fact<T> => ({ ok: true, value });
const denied: Fact<never> = { ok: false, why: 'denied', text: 'ada may not call ec2:X.' };

const GROUP: GroupFacts = {
  arn: TARGET_GROUP,
  name: 'web',
  vpcId: 'vpc-1',
  protocol: 'HTTP',
  targetType: 'instance',
  healthPath: '/health',
  intervalMs: 10_000,
  unhealthyAfter: 2,
  deregistrationMs: 45_000,
  slowStartMs: 0,
  balancers: 1,
};

const WELL_NODES = [opsNode(0), opsNode(1, 1, { instanceType: 'm6g.large' }), opsNode(2, 1, { zone: 'us-east-1b' })];

function facts(change: Partial<Facts> = {}, spec: Partial<Spec> = {}): Facts {
  return {
    spec: specOf(spec),
    region: 'us-east-1',
    view: ok(view(WELL_NODES)),
    identity: ok({ account: '123456789012', arn: 'arn:aws:iam::123456789012:user/ada' }),
    clockAheadMs: 300,
    types: ok([
      { instanceType: 'm7g.large', vCpus: 2, architectures: ['arm64'] },
      { instanceType: 'm6g.large', vCpus: 2, architectures: ['arm64'] },
    ]),
    subnets: ok([
      { subnetId: 'subnet-a', zone: 'us-east-1a', zoneId: 'use1-az1', vpcId: 'vpc-1', freeAddresses: 200 },
      { subnetId: 'subnet-b', zone: 'us-east-1b', zoneId: 'use1-az2', vpcId: 'vpc-1', freeAddresses: 200 },
    ]),
    template: ok({
      imageId: 'ami-1',
      instanceProfile: 'web',
      securityGroupIds: ['sg-1'],
      tokensRequired: true,
      tagsInMetadata: true,
      files: ['s3://b/agent.mjs'],
      newestVersion: 3,
    }),
    image: ok({ imageId: 'ami-1', state: 'available', architecture: 'arm64' }),
    files: ok([{ url: 's3://b/agent.mjs', there: true }]),
    quotas: ok([
      { code: 'L-34B43A08', name: 'All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests', value: 64 },
      { code: 'L-1216C47A', name: 'Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances', value: 64 },
    ]),
    roles: ok([
      { name: 'AWSServiceRoleForEC2Spot', there: true },
      { name: 'AWSServiceRoleForEC2Fleet', there: true },
    ]),
    groups: ok([GROUP]),
    rules: ok([{ groupId: 'sg-1', protocol: '-1', fromPort: null, toPort: null, groups: ['sg-1'], cidrs: [] }]),
    rights: ok([{ action: 'ec2:CreateFleet', resource: '*', allowed: true }]),
    scores: ok([
      { zoneId: 'use1-az1', score: 9 },
      { zoneId: 'use1-az2', score: 3 },
    ]),
    bucket: ok(null),
    ...change,
  };
}

const levels = (findings: readonly Finding[]): string[] => findings.map(({ level }) => level);
const mends = (findings: readonly Finding[]): string => findings.map(({ mend }) => mend ?? '').join('\n');

describe('the doctor', () => {
  it('of a deployment that is well finds nothing but what is fine, and a hint at few types', () => {
    const findings = examine(facts());
    expect(findings.filter(({ level }) => level !== 'fine').map(({ check }) => check)).toEqual(['pools']);
  });

  it('where nothing may be looked at says so for each, and judges nothing', () => {
    const dark = Object.fromEntries(
      Object.entries(facts()).map(([name, fact]) =>
        typeof fact === 'object' && fact !== null && 'ok' in fact ? [name, denied] : [name, fact],
      ),
    ) as unknown as Facts;
    const findings = examine(dark);
    expect(findings.filter(({ level }) => level === 'problem')).toEqual([]);
    expect(findings.filter(({ level }) => level === 'unknown').length).toBeGreaterThanOrEqual(12);
    for (const { text } of findings.filter(({ level }) => level === 'unknown'))
      expect(text).toContain('ada may not call');
  });

  it('every problem and warning that one command mends names it whole', () => {
    const bad = facts({
      quotas: ok([{ code: 'L-34B43A08', name: 'All Standard (A) Spot Instance Requests', value: 4 }]),
      roles: ok([{ name: 'AWSServiceRoleForEC2Spot', there: false }]),
      rules: ok([]),
      groups: ok([{ ...GROUP, deregistrationMs: 300_000 }]),
    });
    const commands = examine(bad)
      .flatMap(({ mend }) => mend ?? [])
      .filter((mend) => mend.startsWith('aws '));
    expect(commands).toHaveLength(5);
    for (const command of commands) expect(command).not.toMatch(/undefined|null|NaN/);
  });
});

describe('quotas', () => {
  it('enough, too few, none, not listed', () => {
    expect(levels(checkQuotas(facts()))).toEqual(['fine', 'fine']);
    const few = (value: number) =>
      checkQuotas(
        facts(
          { quotas: ok([{ code: 'L-34B43A08', name: 'All Standard (A) Spot Instance Requests', value }]) },
          { launch: { ...specOf().launch, onDemandAfter: null } },
        ),
      );
    expect(levels(few(8))).toEqual(['fine']);
    expect(levels(few(7))).toEqual(['problem']);
    expect(mends(few(7))).toContain('--quota-code L-34B43A08 --desired-value 8 --region us-east-1');
    expect(few(1)[0]?.text).toContain('not one can be launched');
    expect(levels(checkQuotas(facts({ quotas: ok([]) })))).toEqual(['warning', 'warning']);
  });

  it.each([
    ['m7g.large', 'Standard'],
    ['im4gn.large', 'Standard'],
    ['g5.xlarge', 'G and VT'],
    ['vt1.3xlarge', 'G and VT'],
    ['p5.48xlarge', 'P'],
    ['inf2.xlarge', 'Inf'],
    ['trn1.2xlarge', 'Trn'],
    ['x2gd.medium', 'X'],
    ['hpc7g.4xlarge', 'HPC'],
    ['dl1.24xlarge', 'DL'],
  ])('%s counts to %s', (type, group) => {
    expect(quotaGroup(type)).toBe(group);
  });

  it('P types are counted by the older name, too', () => {
    const p = facts(
      {
        types: ok([{ instanceType: 'p3.2xlarge', vCpus: 8, architectures: ['x86_64'] }]),
        quotas: ok([{ code: 'L-7212CCBC', name: 'All P4, P3 and P2 Spot Instance Requests', value: 64 }]),
      },
      { launch: { ...specOf().launch, onDemandAfter: null } },
    );
    expect(levels(checkQuotas(p))).toEqual(['fine']);
  });
});

describe('places', () => {
  it('subnets: gone, elsewhere, nearly full', () => {
    expect(levels(checkSubnets(facts()))).toEqual(['fine']);
    const [a, b] = [
      { subnetId: 'subnet-a', zone: 'us-east-1c', zoneId: null, vpcId: 'vpc-1', freeAddresses: 200 },
      { subnetId: 'subnet-b', zone: 'us-east-1b', zoneId: null, vpcId: 'vpc-1', freeAddresses: 3 },
    ];
    expect(
      checkSubnets(facts({ subnets: ok([a, b]) })).map(({ level, text }) => [
        level,
        text.includes('free') || text.includes('the spec says'),
      ]),
    ).toEqual([
      ['problem', true],
      ['warning', true],
    ]);
    expect(levels(checkSubnets(facts({ subnets: ok([b]) })))).toEqual(['problem', 'warning']);
    expect(levels(checkSubnets(facts({ subnets: ok([a, { ...b, freeAddresses: 0 }]) })))).toContain('problem');
  });

  it('pools and placement scores', () => {
    expect(checkPools(facts())[0]?.text).toContain('3 pools: 2 types in 2 zones');
    const one = specOf().launch.pools.slice(0, 1);
    expect(checkPools(facts({}, { launch: { ...specOf().launch, pools: one } }))[0]?.text).toContain(
      "One zone's shortage",
    );
    expect(checkScores(facts())[0]).toMatchObject({
      level: 'fine',
      text: expect.stringContaining('us-east-1a 9, us-east-1b 3'),
    });
    expect(levels(checkScores(facts({ scores: ok([{ zoneId: 'use1-az1', score: 2 }]) })))).toEqual(['warning']);
  });
});

describe('machines', () => {
  const template = (change: object) => {
    const { template: own } = facts();
    return facts({ template: ok(own.ok && own.value !== null ? { ...own.value, ...change } : null) });
  };

  it('the launch template', () => {
    expect(levels(checkTemplate(facts({ template: ok(null) })))).toEqual(['problem']);
    expect(
      levels(
        checkTemplate(
          template({ tagsInMetadata: false, tokensRequired: false, instanceProfile: null, newestVersion: 4 }),
        ),
      ),
    ).toEqual(['problem', 'warning', 'problem', 'warning']);
    // A deployment that changes nothing wouldn't roll it out.
    const [newer] = checkTemplate(template({ newestVersion: 4 }));
    expect(newer).toMatchObject({ mend: 'synkti update --dry-run --cluster web --region us-east-1' });
  });

  it('the image: gone, not available, of another architecture', () => {
    expect(levels(checkImage(facts({ image: ok(null) })))).toEqual(['problem']);
    expect(
      levels(checkImage(facts({ image: ok({ imageId: 'ami-1', state: 'deregistered', architecture: 'arm64' }) }))),
    ).toEqual(['problem']);
    const [wrong] = checkImage(facts({ image: ok({ imageId: 'ami-1', state: 'available', architecture: 'x86_64' }) }));
    expect(wrong?.text).toContain("m7g.large, m6g.large can't run");
    expect(levels(checkImage(template({ imageId: null })))).toEqual(['problem']);
  });

  it('files and the bucket', () => {
    expect(levels(checkFiles(facts({ files: ok([{ url: 's3://b/k', there: false }]) })))).toEqual(['fine', 'problem']);
    const script = Buffer.from(
      '#!/bin/bash\nretry aws s3 cp "s3://my-bucket/a/agent.mjs" /opt\naws s3 sync s3://my-bucket/b/ x; rm s3://\n',
    ).toString('base64');
    expect(filesIn(script)).toEqual(['s3://my-bucket/a/agent.mjs', 's3://my-bucket/b/']);
    expect(filesIn('')).toEqual([]);
  });

  it('images of containers are not looked at, and the command that does is told', () => {
    const container = (image: string) => {
      const [api] = specOf().workloads;
      return checkContainers(
        facts({}, { workloads: [{ ...api, kind: 'container', image, args: [], gpus: 0 } as never] }),
      )[0]?.mend;
    };
    expect(container('123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1.2')).toBe(
      'aws ecr describe-images --registry-id 123456789012 --repository-name team/app --image-ids imageTag=1.2 --region eu-west-1',
    );
    expect(container('nginx:1.27')).toBe('docker manifest inspect nginx:1.27');
  });

  it('rights, and roles of services', () => {
    const [wrong] = checkRights(
      facts({ rights: ok([{ action: 's3:PutObject', resource: 'arn:aws:s3:::b/seats/0.json', allowed: false }]) }),
    );
    expect(wrong).toMatchObject({
      level: 'problem',
      text: "The node's role may not call s3:PutObject on arn:aws:s3:::b/seats/0.json.",
    });
    expect(mends(checkRoles(facts({ roles: ok([{ name: 'AWSServiceRoleForEC2Fleet', there: false }]) })))).toBe(
      'aws iam create-service-linked-role --aws-service-name ec2fleet.amazonaws.com',
    );
  });

  it('all that agents do is asked, in the partition of the role', () => {
    const asks = asksOf(specOf(), '123456789012', 'cn-north-1', 'arn:aws-cn:iam::123456789012:role/web');
    expect(asks.every(({ resource }) => resource === '*' || resource.startsWith('arn:'))).toBe(true);
    expect(
      asks.filter(({ action }) => action.startsWith('s3:')).every(({ resource }) => resource.startsWith('arn:aws-cn:')),
    ).toBe(true);
    expect(new Set(asks.map(({ action }) => action))).toContain('ec2:TerminateInstances');
  });

  it('gossip: open to itself, one protocol only, another port, no group', () => {
    const rule = (change: object) => ({
      groupId: 'sg-1',
      protocol: 'udp',
      fromPort: 7946,
      toPort: 7946,
      groups: ['sg-1'],
      cidrs: [],
      ...change,
    });
    expect(levels(checkGossip(facts({ rules: ok([rule({}), rule({ protocol: 'tcp' })]) })))).toEqual(['fine']);
    const [udpOnly] = checkGossip(facts({ rules: ok([rule({})]) }));
    expect(udpOnly?.mend).toBe(
      'aws ec2 authorize-security-group-ingress --group-id sg-1 --protocol tcp --port 7946 --source-group sg-1 --region us-east-1',
    );
    expect(
      levels(
        checkGossip(
          facts({ rules: ok([rule({ toPort: 7_000, fromPort: 6_000 }), rule({ protocol: 'tcp', groups: ['sg-9'] })]) }),
        ),
      ),
    ).toEqual(['problem', 'problem']);
    expect(levels(checkGossip(template({ securityGroupIds: [] })))).toEqual(['warning']);
    const [first, ...rest] = WELL_NODES;
    const parted = facts({ view: ok(view([{ ...(first ?? opsNode(0)), hears: 1 }, ...rest])) });
    expect(checkGossip(parted)).toContainEqual(
      expect.objectContaining({ level: 'problem', text: expect.stringContaining('Gossip is parted') }),
    );
    expect(levels(checkNodes(parted))).not.toContain('warning');
  });
});

describe('traffic', () => {
  const group = (change: Partial<GroupFacts>) => checkTargetGroups(facts({ groups: ok([{ ...GROUP, ...change }]) }));

  it.each<[string, Partial<GroupFacts>, string[], string]>([
    ['well', {}, ['fine'], ''],
    [
      'AWS’s default delay',
      { deregistrationMs: 300_000 },
      ['problem'],
      'Key=deregistration_delay.timeout_seconds,Value=45',
    ],
    ['a long delay', { deregistrationMs: 90_000 }, ['warning'], 'Value=45'],
    ['slow start', { slowStartMs: 30_000 }, ['warning'], 'Key=slow_start.duration_seconds,Value=0'],
    [
      'slow health checks',
      { intervalMs: 30_000, unhealthyAfter: 5 },
      ['warning'],
      '--health-check-interval-seconds 10',
    ],
    ['addresses as targets', { targetType: 'ip' }, ['problem'], ''],
    ['no load balancer', { balancers: 0 }, ['warning'], ''],
    ['a network load balancer', { protocol: 'TCP' }, ['warning'], ''],
    ['another VPC', { vpcId: 'vpc-9' }, ['problem'], ''],
  ])('a target group: %s', (_, change, expected, mend) => {
    const findings = group(change);
    expect(levels(findings)).toEqual(expected);
    expect(mends(findings)).toContain(mend);
  });

  it('one that is gone', () => {
    expect(levels(checkTargetGroups(facts({ groups: ok([]) })))).toEqual(['problem']);
    expect(checkTargetGroups(facts({ groups: ok([]) }, { workloads: [] }))).toEqual([]);
  });

  it('the clock, and the nodes as they are', () => {
    expect(levels(checkClock(facts({ clockAheadMs: -90_000 })))).toEqual(['warning']);
    expect(checkClock(facts({ clockAheadMs: null }))).toEqual([]);
    expect(levels(checkNodes(facts()))).toEqual(['fine', 'fine']);
    const old = view([...WELL_NODES.slice(0, 2), opsNode(2, 1, { templateVersion: 1, zone: 'us-east-1b' })]);
    expect(checkNodes(facts({ view: ok(old) })).map(({ check, level }) => [check, level])).toEqual([
      ['nodes', 'fine'],
      ['agent versions', 'warning'],
    ]);
    expect(levels(checkNodes(facts({ view: ok(view(WELL_NODES.slice(0, 2))) })))).toContain('problem');
  });
});
