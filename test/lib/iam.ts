/** Policies of a synthesized cluster, put to an IAM evaluator. */
import { runSimulation } from '@cloud-copilot/iam-simulate';
import type { Template } from 'aws-cdk-lib/assertions';
import { deployed } from './resolve.js';
import { synth } from './synth.js';

export type Context = Readonly<Record<string, string | string[]>>;

/**
 * A permission as AWS asks for it. The resources `$ROLE`, `$TARGETS` and `$AGENT` stand for those of the statements that
 * name the node's role, the target group and the agent's bundle.
 */
export type Call = readonly [what: string, action: string, resource: string, context?: Context];

export const ACCOUNT = '111122223333';
export const EPOCH = 'a4b5c6d7e8f9';
export const BUCKET = 'arn:aws:s3:::test-bucket';
export const ec2 = (resource: string): string => `arn:aws:ec2:eu-west-1:${ACCOUNT}:${resource}`;

/** A request that sets the cluster's tags. */
export const launchTags = (cluster: string, epoch = EPOCH): Context => ({
  'aws:RequestTag/synkti:cluster': cluster,
  'aws:RequestTag/synkti:epoch': epoch,
  'aws:TagKeys': ['synkti:cluster', 'synkti:epoch', 'synkti:slot', 'synkti:template'],
});

const LAUNCHED = ['fleet/*', 'instance/*', 'volume/*', 'network-interface/*'];
const USED = ['launch-template/lt-0123456789abcdef0', 'subnet/subnet-0123456789abcdef0', 'spot-instances-request/*'];

/** What one CreateFleet asks for. */
export const launchCalls = (): readonly Call[] => [
  ['make the fleet', 'ec2:CreateFleet', ec2('fleet/*'), launchTags('web')],
  ['use the template', 'ec2:CreateFleet', ec2('launch-template/lt-0123456789abcdef0')],
  ...LAUNCHED.slice(1).map((r): Call => [`launch ${r}`, 'ec2:RunInstances', ec2(r), launchTags('web')]),
  ...USED.map((r): Call => [`launch with ${r}`, 'ec2:RunInstances', ec2(r)]),
  ['launch with the group', 'ec2:RunInstances', ec2('security-group/sg-0123456789abcdef0')],
  ['launch with the image', 'ec2:RunInstances', 'arn:aws:ec2:eu-west-1::image/ami-0123456789abcdef0'],
  ...LAUNCHED.map(
    (r): Call => [`tag ${r}`, 'ec2:CreateTags', ec2(r), { ...launchTags('web'), 'ec2:CreateAction': 'CreateFleet' }],
  ),
  ['tag a volume', 'ec2:CreateTags', ec2('volume/*'), { ...launchTags('web'), 'ec2:CreateAction': 'RunInstances' }],
  ['pass its role', 'iam:PassRole', '$ROLE', { 'iam:PassedToService': 'ec2.amazonaws.com' }],
];

export interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: string | string[];
  readonly Resource: string | string[];
  readonly Condition?: Record<string, Record<string, string | string[]>>;
}

const { template } = synth();

type Resources = Parameters<typeof deployed>[1];

/** The statements of the one policy whose logical id has this in it, as deployed. */
export function policyOf(part: string, of: Template = template): readonly Statement[] {
  const found = Object.entries(of.findResources('AWS::IAM::Policy')).filter(([id]) => id.includes(part));
  const [policy] = found;
  if (policy === undefined || found.length > 1) throw new Error(`${found.length} policies have ${part} in their id.`);
  return fill(policy[1].Properties.PolicyDocument.Statement, of.toJSON().Resources) as readonly Statement[];
}

function fill(value: unknown, resources: Resources): unknown {
  if (Array.isArray(value)) return value.map((one) => fill(one, resources));
  if (typeof value !== 'object' || value === null) return value;
  const [first = ''] = Object.keys(value);
  if (first === 'Ref' || first.startsWith('Fn::')) return deployed(value, resources);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner, resources)]));
}

const node = policyOf('NodePolicy');
const resourceOf = (sid: string): string => [node.find(({ Sid }) => Sid === sid)?.Resource ?? ''].flat()[0] ?? '';
const STANDS_FOR: Readonly<Record<string, string>> = {
  $ROLE: resourceOf('PassNodeRole'),
  $TARGETS: resourceOf('Targets'),
  $AGENT: resourceOf('FetchAgent'),
};

export async function isAllowed(
  [, action, resource, context = {}]: Call,
  statements: readonly Statement[],
): Promise<boolean> {
  const response = await runSimulation(
    {
      identityPolicies: [{ name: 'policy', policy: { Version: '2012-10-17', Statement: statements } }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      request: {
        action,
        principal: `arn:aws:sts::${ACCOUNT}:assumed-role/role/i-0aaaaaaaaaaaaaaaa`,
        resource: { accountId: ACCOUNT, resource: STANDS_FOR[resource] ?? resource },
        contextVariables: context,
      },
    },
    { simulationMode: 'Strict' },
  );
  if (response.resultType === 'error') throw new Error(JSON.stringify(response.errors));
  return response.overallResult === 'Allowed';
}
