/** The node's policy, put to an IAM evaluator: what agents do is allowed, what they shouldn't do is denied. */
import { runSimulation } from '@cloud-copilot/iam-simulate';
import { describe, expect, it } from 'vitest';
import { deployed } from './resolve.js';
import { synth } from './synth.js';

type Context = Readonly<Record<string, string | string[]>>;
type Call = readonly [what: string, action: string, resource: string, context?: Context];

const ACCOUNT = '111122223333';
const ec2 = (resource: string): string => `arn:aws:ec2:eu-west-1:${ACCOUNT}:${resource}`;
const SELF = ec2('instance/i-0aaaaaaaaaaaaaaaa');
const OTHER = ec2('instance/i-0bbbbbbbbbbbbbbbb');
const BUCKET = 'arn:aws:s3:::test-bucket';
const EPOCH = 'a4b5c6d7e8f9';
const tags = (cluster: string, epoch = EPOCH): Context => ({
  'aws:RequestTag/synkti:cluster': cluster,
  'aws:RequestTag/synkti:epoch': epoch,
  'aws:TagKeys': ['synkti:cluster', 'synkti:epoch'],
});
const on = (instance: string): Context => ({
  'ec2:InstanceID': instance.split('/')[1] ?? '',
  'ec2:SourceInstanceARN': SELF,
});

const LAUNCHED = ['fleet/*', 'instance/*', 'volume/*', 'network-interface/*'];
const USED = ['launch-template/lt-0123456789abcdef0', 'subnet/subnet-0123456789abcdef0', 'spot-instances-request/*'];

/** What core/cloud.ts lists, as AWS asks for it. */
const NEEDED: readonly Call[] = [
  ['make the fleet', 'ec2:CreateFleet', ec2('fleet/*'), tags('web')],
  ['use the template', 'ec2:CreateFleet', ec2('launch-template/lt-0123456789abcdef0')],
  ...LAUNCHED.slice(1).map((r): Call => [`launch ${r}`, 'ec2:RunInstances', ec2(r), tags('web')]),
  ...USED.map((r): Call => [`launch with ${r}`, 'ec2:RunInstances', ec2(r)]),
  ['launch with the group', 'ec2:RunInstances', ec2('security-group/sg-0123456789abcdef0')],
  ['launch with the image', 'ec2:RunInstances', 'arn:aws:ec2:eu-west-1::image/ami-0123456789abcdef0'],
  ...LAUNCHED.map(
    (r): Call => [`tag ${r}`, 'ec2:CreateTags', ec2(r), { ...tags('web'), 'ec2:CreateAction': 'CreateFleet' }],
  ),
  ['tag a volume', 'ec2:CreateTags', ec2('volume/*'), { ...tags('web'), 'ec2:CreateAction': 'RunInstances' }],
  ['pass its role', 'iam:PassRole', '$ROLE', { 'iam:PassedToService': 'ec2.amazonaws.com' }],
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
];

const FORBIDDEN: readonly Call[] = [
  ['launch into another cluster', 'ec2:RunInstances', ec2('instance/*'), tags('other')],
  ['launch into a former one of the name', 'ec2:RunInstances', ec2('instance/*'), tags('web', '000000000000')],
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
  ['join a cluster later', 'ec2:CreateTags', OTHER, { ...on(OTHER), ...tags('web') }],
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
  ['read incidents', 's3:GetObject', `${BUCKET}/incidents/a.json`],
  ['delete a hint', 's3:DeleteObject', `${BUCKET}/seats/3.json`],
  ['write the spec', 'ssm:PutParameter', `arn:aws:ssm:eu-west-1:${ACCOUNT}:parameter/synkti/web/spec`],
  ['read another spec', 'ssm:GetParameter', `arn:aws:ssm:eu-west-1:${ACCOUNT}:parameter/synkti/other/spec`],
  ['change the key', 'secretsmanager:PutSecretValue', `arn:aws:secretsmanager:eu-west-1:${ACCOUNT}:secret:test-AbCdEf`],
];

interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: string | string[];
  readonly Resource: string | string[];
  readonly Condition?: Record<string, Record<string, string | string[]>>;
}

const { template } = synth();
const resources = template.toJSON().Resources;
const fill = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(fill);
  if (typeof value !== 'object' || value === null) return value;
  const [first = ''] = Object.keys(value);
  if (first === 'Ref' || first.startsWith('Fn::')) return deployed(value, resources);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner)]));
};
const [policy] = Object.values(template.findResources('AWS::IAM::Policy'));
const statements = fill(policy?.Properties.PolicyDocument.Statement) as readonly Statement[];
const resourceOf = (sid: string): string => [statements.find(({ Sid }) => Sid === sid)?.Resource ?? ''].flat()[0] ?? '';

async function allowed([, action, resource, context = {}]: Call, policies = statements): Promise<boolean> {
  const named = resource
    .replace('$ROLE', resourceOf('PassNodeRole'))
    .replace('$TARGETS', resourceOf('Targets'))
    .replace('$AGENT', resourceOf('FetchAgent'));
  const response = await runSimulation(
    {
      identityPolicies: [{ name: 'node', policy: { Version: '2012-10-17', Statement: policies } }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      request: {
        action,
        principal: `arn:aws:sts::${ACCOUNT}:assumed-role/node/i-0aaaaaaaaaaaaaaaa`,
        resource: { accountId: ACCOUNT, resource: named },
        contextVariables: context,
      },
    },
    { simulationMode: 'Strict' },
  );
  if (response.resultType === 'error') throw new Error(JSON.stringify(response.errors));
  return response.overallResult === 'Allowed';
}

describe('a node may', () => {
  for (const call of NEEDED) it(call[0], async () => expect(await allowed(call)).toBe(true));
});

describe('a node may not', () => {
  for (const call of FORBIDDEN) it(call[0], async () => expect(await allowed(call)).toBe(false));
});

it.each(statements.map(({ Sid }) => Sid))('statement %s is needed', async (sid) => {
  const rest = statements.filter(({ Sid }) => Sid !== sid);
  const still = await Promise.all(NEEDED.map((call) => allowed(call, rest)));
  expect(still).toContain(false);
});
