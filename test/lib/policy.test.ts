/** The node's policy, put to an IAM evaluator: what agents do is allowed, what they shouldn't do is denied. */
import { describe, expect, it } from 'vitest';
import { ACCOUNT, BUCKET, type Call, type Context, ec2, isAllowed, launchCalls, launchTags, policyOf } from './iam.js';

const SELF = ec2('instance/i-0aaaaaaaaaaaaaaaa');
const OTHER = ec2('instance/i-0bbbbbbbbbbbbbbbb');
const on = (instance: string): Context => ({
  'ec2:InstanceID': instance.split('/')[1] ?? '',
  'ec2:SourceInstanceARN': SELF,
});

/** What core/cloud.ts lists, as AWS asks for it. */
const NEEDED: readonly Call[] = [
  ...launchCalls(),
  ['end itself', 'ec2:TerminateInstances', SELF, on(SELF)],
  [
    'tell its state',
    'ec2:CreateTags',
    SELF,
    { ...on(SELF), 'aws:RequestTag/synkti:state': 'x', 'aws:TagKeys': ['synkti:state'] },
  ],
  ['look', 'ec2:DescribeInstances', '*'],
  ['look at checks', 'ec2:DescribeInstanceStatus', '*'],
  ['register', 'elasticloadbalancing:RegisterTargets', '$TARGETS'],
  ['deregister', 'elasticloadbalancing:DeregisterTargets', '$TARGETS'],
  ['read a hint', 's3:GetObject', `${BUCKET}/seats/3.json`],
  ['write a hint', 's3:PutObject', `${BUCKET}/seats/3.json`],
  ['miss a hint', 's3:ListBucket', BUCKET],
  ['report an incident', 's3:PutObject', `${BUCKET}/incidents/a.json`],
  ['leave last words', 's3:PutObject', `${BUCKET}/last-words/a.log`],
  ['read the spec', 'ssm:GetParameter', `arn:aws:ssm:eu-west-1:${ACCOUNT}:parameter/synkti/web/spec`],
  ['read the key', 'secretsmanager:GetSecretValue', `arn:aws:secretsmanager:eu-west-1:${ACCOUNT}:secret:test-AbCdEf`],
  ['fetch the agent', 's3:GetObject', '$AGENT'],
  ['sign on at SSM', 'ssm:UpdateInstanceInformation', SELF, { 'ec2:SourceInstanceARN': SELF }],
  ['make a channel', 'ssmmessages:CreateControlChannel', '*', { 'ec2:SourceInstanceARN': SELF }],
  ['wait for commands', 'ssmmessages:OpenControlChannel', '*', { 'ec2:SourceInstanceARN': SELF }],
];

const FORBIDDEN: readonly Call[] = [
  ['launch into another cluster', 'ec2:RunInstances', ec2('instance/*'), launchTags('other')],
  ['launch into a former one of the name', 'ec2:RunInstances', ec2('instance/*'), launchTags('web', '000000000000')],
  ['launch without tags', 'ec2:RunInstances', ec2('instance/*')],
  ['launch from another template', 'ec2:RunInstances', ec2('launch-template/lt-0bbbbbbbbbbbbbbbb')],
  ['launch into another subnet', 'ec2:RunInstances', ec2('subnet/subnet-0bbbbbbbbbbbbbbbb')],
  ['end another', 'ec2:TerminateInstances', OTHER, on(OTHER)],
  [
    'tag another',
    'ec2:CreateTags',
    OTHER,
    { ...on(OTHER), 'aws:RequestTag/synkti:state': 'x', 'aws:TagKeys': ['synkti:state'] },
  ],
  [
    'change its seat',
    'ec2:CreateTags',
    SELF,
    { ...on(SELF), 'aws:RequestTag/synkti:slot': '0', 'aws:TagKeys': ['synkti:slot'] },
  ],
  ['join a cluster later', 'ec2:CreateTags', OTHER, { ...on(OTHER), ...launchTags('web') }],
  [
    'pass another role',
    'iam:PassRole',
    `arn:aws:iam::${ACCOUNT}:role/admin`,
    { 'iam:PassedToService': 'ec2.amazonaws.com' },
  ],
  ['pass its role to a Lambda', 'iam:PassRole', '$ROLE', { 'iam:PassedToService': 'lambda.amazonaws.com' }],
  [
    'register elsewhere',
    'elasticloadbalancing:RegisterTargets',
    `arn:aws:elasticloadbalancing:eu-west-1:${ACCOUNT}:targetgroup/other/1`,
  ],
  ['open a shell', 'ssmmessages:OpenDataChannel', '*', { 'ec2:SourceInstanceARN': SELF }],
  ['wait for commands with keys that left the instance', 'ssmmessages:OpenControlChannel', '*'],
  ['read incidents', 's3:GetObject', `${BUCKET}/incidents/a.json`],
  ['delete a hint', 's3:DeleteObject', `${BUCKET}/seats/3.json`],
  ['write the spec', 'ssm:PutParameter', `arn:aws:ssm:eu-west-1:${ACCOUNT}:parameter/synkti/web/spec`],
  ['read another spec', 'ssm:GetParameter', `arn:aws:ssm:eu-west-1:${ACCOUNT}:parameter/synkti/other/spec`],
  ['change the key', 'secretsmanager:PutSecretValue', `arn:aws:secretsmanager:eu-west-1:${ACCOUNT}:secret:test-AbCdEf`],
];

const policy = policyOf('NodePolicy');

describe('a node may', () => {
  for (const call of NEEDED) it(call[0], async () => expect(await isAllowed(call, policy)).toBe(true));
});

describe('a node may not', () => {
  for (const call of FORBIDDEN) it(call[0], async () => expect(await isAllowed(call, policy)).toBe(false));
});

it.each(policy.map(({ Sid }) => Sid))('statement %s is needed', async (sid) => {
  const rest = policy.filter(({ Sid }) => Sid !== sid);
  const still = await Promise.all(NEEDED.map((call) => isAllowed(call, rest)));
  expect(still).toContain(false);
});
