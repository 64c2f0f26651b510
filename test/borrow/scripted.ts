/** A scripted account: as much of AWS as a borrower asks for, with a stack that goes through the states that a test wants. */
import { type Call, queryError, type Reply, type ScriptedAws, startScriptedAws } from '../aws/scripted-aws.js';

export interface Account {
  readonly aws: ScriptedAws;
  /** `service action`, in order. */
  calls(): string[];
  /** Keys of the bootstrap's bucket. */
  readonly objects: Map<string, string>;
  /** Bodies of the lease, as they were written. */
  readonly leases: string[];
  readonly stack: Stack;
}

interface Stack {
  /** Null: there is none. */
  status: string | null;
  tags: Record<string, string>;
  /** Looks at it so far. */
  looks: number;
}

export interface Scenario {
  /** The stack's state at each look during its making; the last one stays. */
  readonly making?: readonly string[];
  /** The same for its deletion. */
  readonly deleting?: readonly string[];
  /** Logical id, type, status and reason, the newest first. */
  readonly events?: readonly (readonly [id: string, type: string, status: string, reason: string])[];
  /** Null: it is answered as otherwise. */
  readonly instead?: (call: Call, name: string, account: Account) => Reply | null;
}

export const ACCOUNT = '111122223333';
export const BUCKET = `cdk-hnb659fds-assets-${ACCOUNT}-eu-west-1`;
export const ARN = `arn:aws:cloudformation:eu-west-1:${ACCOUNT}:stack/synkti-borrowed-mine/0a1b`;
const OUTPUTS = { Bucket: 'the-bucket', SpecParameter: '/synkti/mine/spec' };
const MADE = [['Bucket', 'AWS::S3::Bucket', 'CREATE_COMPLETE', '']] as const;

export async function startAccount(scenario: Scenario = {}): Promise<Account> {
  const account: Omit<Account, 'aws'> = {
    calls: () => aws.calls.map(nameOf),
    objects: new Map(),
    leases: [],
    stack: { status: null, tags: {}, looks: 0 },
  };
  const aws = await startScriptedAws((call) => {
    const name = nameOf(call);
    const whole = { ...account, aws };
    return scenario.instead?.(call, name, whole) ?? answer(call, name, whole, scenario);
  });
  return { ...account, aws };
}

const nameOf = ({ service, action, body }: Call): string =>
  `${service} ${new URLSearchParams(body).get('Action') ?? action}`;

function answer(call: Call, name: string, account: Account, scenario: Scenario): Reply {
  const { stack } = account;
  const params = new URLSearchParams(call.body);
  switch (name) {
    case 'sts GetCallerIdentity':
      return query('GetCallerIdentity', `<Account>${ACCOUNT}</Account><Arn>arn:aws:iam::${ACCOUNT}:user/me</Arn>`);
    case 'ec2 DescribeVpcs':
      return ec2(
        'DescribeVpcs',
        '<vpcSet><item><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16</cidrBlock></item></vpcSet>',
      );
    case 'ec2 DescribeSubnets':
      return ec2('DescribeSubnets', `<subnetSet>${['a', 'b'].map(subnet).join('')}</subnetSet>`);
    case 'ec2 DescribeInstances':
      return ec2('DescribeInstances', '<reservationSet/>');
    case 'cloudformation CreateStack':
      if (stack.status !== null) return queryError(400, 'AlreadyExistsException');
      make(stack, params);
      return query('CreateStack', `<StackId>${ARN}</StackId>`);
    case 'cloudformation DeleteStack':
      stack.status = 'DELETE_IN_PROGRESS';
      stack.looks = 0;
      return query('DeleteStack', '');
    case 'cloudformation DescribeStacks':
      return describe(stack, params.get('StackName'), scenario);
    case 'cloudformation DescribeStackEvents':
      return query(
        'DescribeStackEvents',
        `<StackEvents>${(scenario.events ?? MADE).map(event).join('')}</StackEvents>`,
      );
    default:
      return call.service === 's3' ? s3(call, account) : { status: 500, body: `nobody scripted ${name}` };
  }
}

/** What CreateStack does, for those who answer it themselves. */
export function make(stack: Stack, params: URLSearchParams): void {
  stack.status = 'CREATE_IN_PROGRESS';
  for (let i = 1; params.has(`Tags.member.${i}.Key`); i++) {
    stack.tags[params.get(`Tags.member.${i}.Key`) ?? ''] = params.get(`Tags.member.${i}.Value`) ?? '';
  }
}

function describe(stack: Stack, asked: string | null, scenario: Scenario): Reply {
  if (stack.status === null) {
    return {
      status: 400,
      body: `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id ${asked} does not exist</Message></Error></ErrorResponse>`,
    };
  }
  const deleting = stack.status.startsWith('DELETE_');
  const states = deleting ? (scenario.deleting ?? ['DELETE_COMPLETE']) : (scenario.making ?? ['CREATE_COMPLETE']);
  stack.status = states[Math.min(stack.looks++, states.length - 1)] ?? '';
  const tags = Object.entries(stack.tags).map(([key, value]) => member(`<Key>${key}</Key><Value>${value}</Value>`));
  const outputs = Object.entries(OUTPUTS).map(([key, value]) =>
    member(`<OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue>`),
  );
  return query(
    'DescribeStacks',
    `<Stacks>${member(
      `<StackId>${ARN}</StackId><StackName>synkti-borrowed-mine</StackName><StackStatus>${stack.status}</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime><Tags>${tags.join('')}</Tags><Outputs>${outputs.join('')}</Outputs>`,
    )}</Stacks>`,
  );
}

function s3({ action, path, body }: Call, { objects, leases }: Account): Reply {
  const key = decodeURIComponent(path.split('?')[0]?.split('/').slice(2).join('/') ?? '');
  if (key === 'owner/lease.json') {
    if (action === 'PUT') leases.push(body);
    return { body: leases.at(-1) ?? '', headers: { 'last-modified': 'Thu, 01 Jan 2026 00:10:00 GMT' } };
  }
  if (action === 'PUT') objects.set(key, body);
  if (action === 'DELETE') return objects.delete(key) ? { status: 204 } : { status: 404 };
  if (action === 'HEAD' && key !== '' && !objects.has(key)) return { status: 404 };
  return {};
}

const member = (inside: string): string => `<member>${inside}</member>`;
const query = (action: string, inside: string): Reply => ({
  body: `<${action}Response><${action}Result>${inside}</${action}Result></${action}Response>`,
});
const ec2 = (action: string, inside: string): Reply => ({ body: `<${action}Response>${inside}</${action}Response>` });
const subnet = (letter: string): string =>
  `<item><subnetId>subnet-${letter}</subnetId><vpcId>vpc-1</vpcId><availabilityZone>eu-west-1${letter}</availabilityZone><availableIpAddressCount>200</availableIpAddressCount><mapPublicIpOnLaunch>true</mapPublicIpOnLaunch></item>`;
const event = ([id, type, status, reason]: readonly [string, string, string, string], index: number): string =>
  member(
    `<EventId>${index}</EventId><LogicalResourceId>${id}</LogicalResourceId><PhysicalResourceId>the-${id.toLowerCase()}</PhysicalResourceId><ResourceType>${type}</ResourceType><ResourceStatus>${status}</ResourceStatus><ResourceStatusReason>${reason}</ResourceStatusReason>`,
  );
