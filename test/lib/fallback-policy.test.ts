/** The functions' policies: each may make its own calls, not those that only others make, and nothing elsewhere. */
import { Duration } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import type { AnyCall } from '../../core/fallback/port.js';
import { ACCOUNT, BUCKET, type Call, type Context, EPOCH, ec2, isAllowed, launchCalls, policyOf } from './iam.js';
import { synth } from './synth.js';

type Op = AnyCall['op'];
type Name = 'Interruption' | 'Ended' | 'Sweep' | 'Seeder';

const NODE = ec2('instance/i-0aaaaaaaaaaaaaaaa');
const PARAMETER = `arn:aws:ssm:eu-west-1:${ACCOUNT}:parameter/synkti/web/spec`;
const STACK_ID = `arn:aws:cloudformation:eu-west-1:${ACCOUNT}:stack/Test/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9`;
const DOCUMENT = `arn:aws:ssm:eu-west-1:${ACCOUNT}:document/Test-Drain-1`;
const tagged = (key: string, cluster = 'web', epoch = EPOCH): Context => ({
  [`${key}/synkti:cluster`]: cluster,
  [`${key}/synkti:epoch`]: epoch,
});
const OURS = tagged('aws:ResourceTag');

/** What AWS asks for at each call of the fallback. */
const ASKED: Readonly<Record<Op, readonly Call[]>> = {
  launch: launchCalls(),
  findNodes: [['find nodes', 'ec2:DescribeInstances', '*']],
  describeNode: [
    ['see a node', 'ec2:DescribeInstances', '*'],
    ['see its checks', 'ec2:DescribeInstanceStatus', '*'],
  ],
  terminate: [['end a node', 'ec2:TerminateInstances', NODE, OURS]],
  tagNode: [['tag a node', 'ec2:CreateTags', NODE, { ...OURS, 'aws:TagKeys': ['synkti:state'] }]],
  registerTarget: [['register', 'elasticloadbalancing:RegisterTargets', '$TARGETS']],
  deregisterTarget: [['deregister', 'elasticloadbalancing:DeregisterTargets', '$TARGETS']],
  readHint: [
    ['read a hint', 's3:GetObject', `${BUCKET}/seats/3.json`],
    ['miss a hint', 's3:ListBucket', BUCKET],
  ],
  writeHint: [['write a hint', 's3:PutObject', `${BUCKET}/seats/3.json`]],
  putObject: [['report an incident', 's3:PutObject', `${BUCKET}/incidents/i-0aaaaaaaaaaaaaaaa-ended.json`]],
  readSpec: [['read the spec', 'ssm:GetParameter', PARAMETER]],
  readWish: [['read the spec', 'ssm:GetParameter', PARAMETER]],
  writeWish: [['write the spec', 'ssm:PutParameter', PARAMETER]],
  findImpaired: [['see checks', 'ec2:DescribeInstanceStatus', '*']],
  findTargets: [['see targets', 'elasticloadbalancing:DescribeTargetHealth', '*']],
  findOrphans: [
    ['see volumes', 'ec2:DescribeVolumes', '*'],
    ['see network interfaces', 'ec2:DescribeNetworkInterfaces', '*'],
  ],
  deleteOrphan: [
    ['delete a volume', 'ec2:DeleteVolume', ec2('volume/vol-0aaaaaaaaaaaaaaaa'), OURS],
    ['delete a network interface', 'ec2:DeleteNetworkInterface', ec2('network-interface/eni-0aaaaaaaaaaaaaaaa'), OURS],
  ],
  findReport: [['look for a report', 's3:ListBucket', BUCKET, { 's3:prefix': 'incidents/i-0aaaaaaaaaaaaaaaa-' }]],
  readReport: [
    ['look for a report', 's3:ListBucket', BUCKET, { 's3:prefix': 'incidents/i-0aaaaaaaaaaaaaaaa-' }],
    ['read it', 's3:GetObject', `${BUCKET}/incidents/i-0aaaaaaaaaaaaaaaa-1.json`],
  ],
  findSpotPrices: [['see prices', 'ec2:DescribeSpotPriceHistory', '*']],
  findVersions: [['list versions', 's3:ListBucketVersions', BUCKET]],
  deleteVersions: [
    ['delete an object', 's3:DeleteObject', `${BUCKET}/last-words/a.log`],
    ['delete a version', 's3:DeleteObjectVersion', `${BUCKET}/files/llama/b`],
  ],
  findInstanceTypes: [
    ['find types', 'ec2:GetInstanceTypesFromInstanceRequirements', '*'],
    ['describe types', 'ec2:DescribeInstanceTypes', '*'],
    ['see where they are', 'ec2:DescribeInstanceTypeOfferings', '*'],
  ],
  beginLease: [['begin the lease', 's3:PutObject', `${BUCKET}/owner/lease.json`]],
  readLease: [['read the lease', 's3:GetObject', `${BUCKET}/owner/lease.json`]],
  deleteStack: [['delete the stack', 'cloudformation:DeleteStack', STACK_ID]],
  sendDrain: [
    ['send the document', 'ssm:SendCommand', DOCUMENT],
    ['send it to a node', 'ssm:SendCommand', NODE, tagged('ssm:resourceTag')],
  ],
};

const ALL: readonly Op[] = ['readWish', 'readSpec', 'findNodes', 'readHint', 'launch', 'writeHint', 'findReport'];
const OPS: Readonly<Record<Name, readonly Op[]>> = {
  Interruption: [...ALL, 'deregisterTarget', 'sendDrain'],
  Ended: [...ALL, 'deregisterTarget', 'findOrphans', 'deleteOrphan', 'putObject', 'readReport'],
  Sweep: [
    ...ALL,
    'deregisterTarget',
    'findTargets',
    'findImpaired',
    'findSpotPrices',
    'describeNode',
    'findOrphans',
    'deleteOrphan',
    'terminate',
  ],
  Seeder: [...ALL, 'writeWish', 'terminate', 'findVersions', 'deleteVersions'],
};

/** What the Lambda service does in a function's name. */
const LOG: Call = ['log', 'logs:PutLogEvents', `arn:aws:logs:eu-west-1:${ACCOUNT}:log-group:test:log-stream:a`];
const RECEIVE: Call = ['receive', 'sqs:ReceiveMessage', `arn:aws:sqs:eu-west-1:${ACCOUNT}:test`];
const SERVICE: Readonly<Record<Name, readonly Call[]>> = {
  Interruption: [LOG, RECEIVE],
  Ended: [LOG, RECEIVE],
  Sweep: [LOG],
  Seeder: [LOG],
};

const NOBODY: readonly Call[] = [
  ['end another cluster’s node', 'ec2:TerminateInstances', NODE, tagged('aws:ResourceTag', 'other')],
  ['end a former cluster’s node', 'ec2:TerminateInstances', NODE, tagged('aws:ResourceTag', 'web', '000000000000')],
  ['end what has no tags', 'ec2:TerminateInstances', NODE],
  [
    'delete a volume of others',
    'ec2:DeleteVolume',
    ec2('volume/vol-0bbbbbbbbbbbbbbbb'),
    tagged('aws:ResourceTag', 'x'),
  ],
  ['send another document', 'ssm:SendCommand', `arn:aws:ssm:eu-west-1:${ACCOUNT}:document/AWS-RunShellScript`],
  ['send to others', 'ssm:SendCommand', NODE, tagged('ssm:resourceTag', 'other')],
  ['write another spec', 'ssm:PutParameter', `arn:aws:ssm:eu-west-1:${ACCOUNT}:parameter/synkti/other/spec`],
  ['empty another bucket', 's3:DeleteObject', 'arn:aws:s3:::other/a'],
  ['read last words', 's3:GetObject', `${BUCKET}/last-words/a.log`],
  [
    'read the gossip key',
    'secretsmanager:GetSecretValue',
    `arn:aws:secretsmanager:eu-west-1:${ACCOUNT}:secret:test-AbCdEf`,
  ],
  [
    'pass another role',
    'iam:PassRole',
    `arn:aws:iam::${ACCOUNT}:role/admin`,
    { 'iam:PassedToService': 'ec2.amazonaws.com' },
  ],
  ['make a log group', 'logs:CreateLogGroup', `arn:aws:logs:eu-west-1:${ACCOUNT}:log-group:test`],
  [
    'deregister elsewhere',
    'elasticloadbalancing:DeregisterTargets',
    `arn:aws:elasticloadbalancing:eu-west-1:${ACCOUNT}:targetgroup/other/1`,
  ],
];

describe.each(Object.keys(OPS) as Name[])('the function %s', (name) => {
  const policy = policyOf(`Fallback${name}Policy`);
  const needed = [...OPS[name].flatMap((op) => ASKED[op]), ...SERVICE[name]];
  const others = (Object.keys(ASKED) as Op[]).filter((op) => !OPS[name].includes(op));

  it('may make its calls', async () => {
    for (const call of needed) expect([call[0], await isAllowed(call, policy)]).toEqual([call[0], true]);
  });

  it.each(others)('may not %s', async (op) => {
    const answers = await Promise.all(ASKED[op].map((call) => isAllowed(call, policy)));
    expect(answers).toContain(false);
  });

  it('may do nothing elsewhere', async () => {
    for (const call of NOBODY) expect([call[0], await isAllowed(call, policy)]).toEqual([call[0], false]);
  });

  it.each(policy.map(({ Sid }) => Sid))('needs the statement %s', async (sid) => {
    const rest = policy.filter(({ Sid }) => Sid !== sid);
    const still = await Promise.all(needed.map((call) => isAllowed(call, rest)));
    expect(still).toContain(false);
  });
});

describe('the sweep of a cluster with a lease', () => {
  const LEASE_OPS = ['beginLease', 'readLease', 'deleteStack'] as const;
  const bare = policyOf('FallbackSweepPolicy');
  const policy = policyOf('FallbackSweepPolicy', synth({ lease: Duration.hours(1) }).template);
  const added = policy.filter((one) => !bare.some(({ Sid }) => Sid === one.Sid));

  it('may look at it and delete its own stack, and no more', async () => {
    for (const call of LEASE_OPS.flatMap((op) => ASKED[op])) {
      expect([call[0], await isAllowed(call, policy)]).toEqual([call[0], true]);
    }
    expect(policy.filter((one) => !added.includes(one))).toEqual(bare);
    const others: readonly Call[] = [
      ...NOBODY,
      ['delete another stack', 'cloudformation:DeleteStack', STACK_ID.replace('/Test/', '/Other/')],
      ['delete a later stack', 'cloudformation:DeleteStack', STACK_ID.replace(/.$/, '0')],
      ['change its stack', 'cloudformation:UpdateStack', STACK_ID],
      ['write elsewhere', 's3:PutObject', `${BUCKET}/owner/other.json`],
      ['delete the lease', 's3:DeleteObject', `${BUCKET}/owner/lease.json`],
    ];
    for (const call of others) expect([call[0], await isAllowed(call, policy)]).toEqual([call[0], false]);
  });

  it.each(added.map(({ Sid }) => Sid))('needs the statement %s', async (sid) => {
    const rest = policy.filter(({ Sid }) => Sid !== sid);
    const still = await Promise.all(LEASE_OPS.flatMap((op) => ASKED[op]).map((call) => isAllowed(call, rest)));
    expect(still).toContain(false);
  });
});
