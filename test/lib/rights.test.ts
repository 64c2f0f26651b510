import { aws_ecr as ecr, Stack, aws_s3 as s3 } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { FileSource, SynktiCluster, Workload } from '../../lib/index.js';
import { EXAMPLES } from './examples.js';
import { newApp, newStack, synth, WEB } from './synth.js';

interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const list = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** Every policy document of roles in a template. */
function documents(template: Template): readonly { readonly Statement: readonly Statement[] }[] {
  return Object.values(template.findResources('AWS::IAM::Policy')).map(({ Properties }) => Properties.PolicyDocument);
}

const statements = (template: Template): readonly Statement[] => documents(template).flatMap((d) => d.Statement);

function statement(template: Template, sid: string): Statement {
  const found = statements(template).find(({ Sid }) => Sid === sid);
  if (found === undefined) throw new Error(`No statement ${sid}.`);
  return found;
}

/** An ARN with its references in short, for reading. */
const short = (resource: unknown): string =>
  typeof resource === 'string'
    ? resource
    : JSON.stringify(resource)
        .replaceAll(/\{"Ref":"([^"]+)"\}/g, '<$1>')
        .replaceAll(/\{"Fn::GetAtt":\["([^"]+)","[^"]+"\]\}/g, '<$1>')
        .replace(/^\{"Fn::Join":\["",\[(.*)\]\]\}$/, '$1')
        .replaceAll(/"?,"?|"/g, '');

/** A control channel of SSM's agent only listens. */
const READS =
  /^(ec2:Describe|ec2:GetInstanceTypesFromInstanceRequirements$|elasticloadbalancing:Describe|ssmmessages:(Create|Open)ControlChannel$|s3:Get|s3:List|ssm:Get|secretsmanager:Get|ecr:Get|ecr:BatchGet|kms:Decrypt)/;

describe.each(Object.entries(EXAMPLES))('rights in example %s', (_name, make) => {
  const template = Template.fromStack(Stack.of(make(newApp())));

  it('name every resource of what changes something', () => {
    const open = statements(template).filter(
      ({ Action, Resource }) =>
        list(Resource).some((resource) => resource === '*') && !list(Action).every((action) => READS.test(action)),
    );
    expect(open).toEqual([]);
  });

  it('have no wildcard in an action', () => {
    expect(statements(template).flatMap(({ Action }) => list(Action).filter((a) => a.includes('*')))).toEqual([]);
  });

  it('stay under the 6,144 characters of a policy, references at full length', () => {
    for (const document of documents(template)) {
      expect(rendered(document)).toBeLessThan(6_144);
    }
  });
});

/** Length of a document when each reference is an id or ARN of 40 characters, and each join is done. */
function rendered(value: unknown): number {
  if (value === null || typeof value !== 'object') return JSON.stringify(value).length;
  if (Array.isArray(value)) return value.reduce((sum, entry) => sum + rendered(entry) + 1, 2);
  const join = (value as { 'Fn::Join'?: [string, unknown[]] })['Fn::Join'];
  if (join !== undefined) return join[1].reduce<number>((sum, part) => sum + rendered(part) - 2, 2);
  if ('Ref' in value || 'Fn::GetAtt' in value || 'Fn::Select' in value || 'Fn::Sub' in value) return 42;
  return Object.entries(value).reduce((sum, [key, entry]) => sum + key.length + 4 + rendered(entry), 2);
}

describe('the rights of a node', () => {
  const { template } = synth();

  it('let it launch only into its own cluster', () => {
    const { Action, Resource, Condition } = statement(template, 'LaunchInto');
    expect(Action).toEqual(['ec2:CreateFleet', 'ec2:RunInstances']);
    expect(
      list(Resource)
        .map(short)
        .map((arn) => arn.split(':').at(-1)),
    ).toEqual(['fleet/*', 'instance/*', 'volume/*', 'network-interface/*']);
    expect(Object.keys(Condition?.StringEquals ?? {})).toEqual([
      'aws:RequestTag/synkti:cluster',
      'aws:RequestTag/synkti:epoch',
    ]);
    expect(Condition?.StringEquals?.['aws:RequestTag/synkti:cluster']).toBe('web');
  });

  it('let it launch only with its own template, subnets and group', () => {
    const named = list(statement(template, 'LaunchWith').Resource).map(short);
    const ends = named.map((arn) =>
      arn
        .split(':')
        .at(-1)
        ?.replace(/[0-9A-F]{8}>$/, '>'),
    );
    expect(ends).toEqual([
      'launch-template/<WebLaunchTemplate>',
      'subnet/<VpcPrivateSubnet1Subnet>',
      'subnet/<VpcPrivateSubnet2Subnet>',
      'subnet/<VpcPrivateSubnet3Subnet>',
      'security-group/<WebSecurityGroup>',
      'spot-instances-request/*',
      'image/*',
    ]);
  });

  it.each(['EndItself', 'TagItself'])('%s reaches no instance but its own', (sid) => {
    const own = short(statement(template, sid).Condition?.ArnEquals?.['ec2:SourceInstanceARN']);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy variable of IAM
    expect(own.endsWith(':instance/${ec2:InstanceID}')).toBe(true);
  });

  it('let it change only its state among its tags', () => {
    expect(statement(template, 'TagItself').Condition?.['ForAllValues:StringEquals']).toEqual({
      'aws:TagKeys': ['synkti:state', 'synkti:waiting', 'synkti:hears'],
    });
  });

  it('let it pass only its own role, and only to EC2', () => {
    const { Resource, Condition } = statement(template, 'PassNodeRole');
    expect(short(Resource)).toMatch(/^<WebNodeRole[0-9A-F]{8}>$/);
    expect(Condition).toEqual({ StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } });
  });

  it('let it register only with its own target group', () => {
    expect(short(statement(template, 'Targets').Resource)).toMatch(/^<WebLoadBalancerTargets[0-9A-F]{8}>$/);
  });

  it('let it read the one agent that its template names', () => {
    const [arn] = list(statement(template, 'FetchAgent').Resource);
    expect(JSON.stringify(arn)).toMatch(/[0-9a-f]{64}\.mjs/);
  });

  it('are there before the spec that nodes act on', () => {
    const parameter = Object.values(
      template.findResources('AWS::SSM::Parameter', { Properties: { Name: '/synkti/web/spec' } }),
    )[0];
    expect(parameter?.DependsOn).toContainEqual(expect.stringMatching(/^WebNodePolicy/));
  });
});

it('a workload brings its own rights, and no more', () => {
  const { stack, vpc } = newStack();
  const models = s3.Bucket.fromBucketName(stack, 'Models', 'models');
  const repository = ecr.Repository.fromRepositoryName(stack, 'Repository', 'app');
  new SynktiCluster(stack, 'Web', {
    vpc,
    workload: Workload.container({
      image: repository.repositoryUriForTag('1'),
      repository,
      files: [{ source: FileSource.bucket(models, '/llama/'), path: '/models' }],
    }),
  });
  const template = Template.fromStack(stack);
  const plain = Template.fromStack(synth({ workload: Workload.container({ image: 'app' }) }).stack);
  const sids = new Set(statements(plain).map(({ Sid }) => Sid));
  expect(sids.has('Targets')).toBe(false);
  const added = statements(template).filter(({ Sid }) => !sids.has(Sid) || Sid === undefined);
  expect(added.map(({ Action, Resource }) => `${list(Action).join(' ')} ${short(list(Resource)[0])}`)).toEqual([
    's3:GetObject arn:<AWS::Partition>:s3:::models/llama/*',
    's3:ListBucket arn:<AWS::Partition>:s3:::models',
    'ecr:BatchGetImage ecr:GetDownloadUrlForLayer arn:<AWS::Partition>:ecr:eu-west-1:<AWS::AccountId>:repository/app',
    'ecr:GetAuthorizationToken *',
  ]);
});

describe('two clusters in one stack', () => {
  const { stack, vpc } = newStack();
  const first = new SynktiCluster(stack, 'First', { vpc, workload: WEB });
  new SynktiCluster(stack, 'Second', { vpc, workload: WEB });
  const template = Template.fromStack(stack);

  it('have names of their own', () => {
    expect(first.clusterName).toBe('test-first');
    const names = Object.values(template.findResources('AWS::SSM::Parameter')).map(({ Properties }) => Properties.Name);
    expect(names.sort()).toEqual([
      '/synkti/test-first/attributes',
      '/synkti/test-first/spec',
      '/synkti/test-second/attributes',
      '/synkti/test-second/spec',
    ]);
  });

  it('have no right to anything of each other', () => {
    const policies = template.findResources('AWS::IAM::Policy');
    const ofFirst = Object.entries(policies).filter(([id]) => id.startsWith('First'));
    expect(ofFirst).toHaveLength(5);
    expect(JSON.stringify(ofFirst)).not.toMatch(/Second|test-second/);
  });

  it('gossip each in a group of its own', () => {
    const rules = Object.values(
      template.findResources('AWS::EC2::SecurityGroupIngress', { Properties: { FromPort: 7946 } }),
    );
    expect(rules).toHaveLength(4);
    for (const { Properties } of rules) expect(Properties.GroupId).toEqual(Properties.SourceSecurityGroupId);
  });
});
