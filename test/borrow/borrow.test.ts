/** Borrowing and giving back, call by call, from an account that answers as each test says. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireBootstrap } from '../../borrow/assets.js';
import { openAws } from '../../borrow/aws.js';
import { borrow } from '../../borrow/borrow.js';
import { borrowed } from '../../borrow/borrowed.js';
import { BorrowError } from '../../borrow/error.js';
import type { BorrowOptions } from '../../borrow/options.js';
import { Workload } from '../../lib/index.js';
import { ec2Error, queryError } from '../aws/scripted-aws.js';
import { ACCOUNT, type Account, ARN, BUCKET, make, type Scenario, startAccount } from './scripted.js';

const BUNDLES = { context: { 'synkti:bundles': join(import.meta.dirname, '../lib/bundles') } };
const workload = Workload.process({ command: ['true'] });

let account: Account;
let saved: NodeJS.ProcessEnv;
const said: string[] = [];

beforeEach(() => {
  saved = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  said.length = 0;
});

afterEach(async () => {
  process.env = saved;
  await account.aws.close();
});

async function play(scenario: Scenario): Promise<void> {
  account = await startAccount(scenario);
}

const wish = (more: Partial<BorrowOptions> = {}): BorrowOptions => ({
  region: 'eu-west-1',
  endpoint: account.aws.endpoint,
  name: 'mine',
  nodes: 2,
  ready: 0,
  workload,
  onProgress: (line) => said.push(line),
  ...more,
});

const failure = async (promise: Promise<unknown>): Promise<BorrowError> => {
  const error = await promise.then(
    () => new Error('it went well'),
    (reason) => reason,
  );
  if (!(error instanceof BorrowError)) throw error;
  expect(error.message, 'one sentence').toMatch(/^[^\n]+\.$/);
  return error;
};

const asked = (name: string): number => account.calls().filter((call) => call === name).length;

describe('a borrowed cluster', () => {
  it('is a stack of its own, and goes with its scope', async () => {
    await play({
      making: ['CREATE_IN_PROGRESS', 'CREATE_COMPLETE'],
      deleting: ['DELETE_IN_PROGRESS', 'DELETE_COMPLETE'],
    });
    {
      await using cluster = await borrow(wish({ tags: { team: 'a' } }), BUNDLES);
      expect(cluster).toMatchObject({ name: 'mine', endpoint: null, bucket: 'the-bucket', stackId: ARN });
      expect(account.stack.tags).toMatchObject({ team: 'a', 'synkti:borrowed': 'true' });
      expect(asked('cloudformation DeleteStack')).toBe(0);
    }
    expect(asked('cloudformation CreateStack')).toBe(1);
    expect(asked('cloudformation DeleteStack')).toBe(1);
    expect(account.leases.length).toBe(1);
    expect(JSON.parse(account.leases[0] ?? '')).toMatchObject({ pid: process.pid, leaseSeconds: 900 });
    // Assets are for the next one, too; the template isn't.
    expect([...account.objects.keys()].filter((key) => key.endsWith('.zip')).length).toBe(4);
    expect([...account.objects.keys()].filter((key) => key.endsWith('.json'))).toEqual([]);
  });

  it('is created by the role of the bootstrap, which a deletion by its own sweep needs', async () => {
    await play({});
    await (await borrow(wish(), BUNDLES)).giveBack();
    const create = account.aws.calls.find(({ body }) => body.includes('Action=CreateStack'));
    const params = new URLSearchParams(create?.body);
    expect(params.get('RoleARN')).toBe(`arn:aws:iam::${ACCOUNT}:role/cdk-hnb659fds-cfn-exec-role-${ACCOUNT}-eu-west-1`);
    expect(params.get('OnFailure')).toBe('DELETE');
  });

  it('is given back when the scope throws, and the exception comes through', async () => {
    await play({});
    const scope = async (): Promise<void> => {
      await using _cluster = await borrow(wish(), BUNDLES);
      throw new RangeError('of the program');
    };
    await expect(scope()).rejects.toThrow(RangeError);
    expect(account.stack.status).toBe('DELETE_COMPLETE');
  });

  it('is given back once, however often that is asked for, and then answers nothing', async () => {
    await play({});
    const cluster = await borrow(wish(), BUNDLES);
    await Promise.all([cluster.giveBack(), cluster.giveBack()]);
    await cluster.giveBack();
    expect(asked('cloudformation DeleteStack')).toBe(1);
    expect((await failure(cluster.nodes())).code).toBe('GIVEN_BACK');
  });

  it('uploads no asset twice', async () => {
    await play({});
    await (await borrow(wish(), BUNDLES)).giveBack();
    expect(said.some((line) => line.startsWith('5 of 5 assets'))).toBe(true);
    said.length = 0;
    account.stack.status = null;
    account.stack.looks = 0;
    await (await borrow(wish(), BUNDLES)).giveBack();
    expect(said.some((line) => line.includes('assets'))).toBe(false);
  });
});

describe('what fails half-way is given back before anybody hears of it', () => {
  it('CloudFormation can not make it: the first reason is told', async () => {
    await play({
      making: ['CREATE_IN_PROGRESS', 'DELETE_IN_PROGRESS'],
      events: [
        [
          'synkti-borrowed-mine',
          'AWS::CloudFormation::Stack',
          'DELETE_IN_PROGRESS',
          'The following resource(s) failed',
        ],
        ['Role', 'AWS::IAM::Role', 'CREATE_FAILED', 'Resource creation cancelled'],
        [
          'Alb',
          'AWS::ElasticLoadBalancingV2::LoadBalancer',
          'CREATE_FAILED',
          'The limit of load balancers is reached.',
        ],
      ],
    });
    const { code, message } = await failure(borrow(wish(), BUNDLES));
    expect(code).toBe('STACK_FAILED');
    expect(message).toContain(
      'Alb (AWS::ElasticLoadBalancingV2::LoadBalancer): The limit of load balancers is reached',
    );
    expect(account.stack.status).toBe('DELETE_COMPLETE');
  });

  it('the caller aborts while the stack is being made', async () => {
    await play({ making: ['CREATE_IN_PROGRESS'] });
    const given = new AbortController();
    const onProgress = (line: string): void => {
      if (line.includes('resources stand')) given.abort();
    };
    const { code } = await failure(borrow(wish({ signal: given.signal, onProgress }), BUNDLES));
    expect(code).toBe('ABORTED');
    expect(account.stack.status).toBe('DELETE_COMPLETE');
    expect([...account.objects.keys()].filter((key) => key.endsWith('.json'))).toEqual([]);
  });

  it('the caller had aborted before: nothing is asked for', async () => {
    await play({});
    const { code } = await failure(borrow(wish({ signal: AbortSignal.abort() }), BUNDLES));
    expect(code).toBe('ABORTED');
    expect(account.calls()).toEqual([]);
  });

  it('the nodes do not get ready in time', async () => {
    await play({});
    const { code, message } = await failure(borrow(wish({ ready: 2, timeout: 2 }), BUNDLES));
    expect(code).toBe('NOT_READY');
    expect(message).toContain('0 of 2 nodes serve');
    expect(account.stack.status).toBe('DELETE_COMPLETE');
  });

  it('the answer to CreateStack is lost: the stack is found by its tag', async () => {
    let cuts = 0;
    await play({
      instead: ({ body }, name, { stack }) => {
        if (name !== 'cloudformation CreateStack') return null;
        if (stack.status === null) make(stack, new URLSearchParams(body));
        cuts += 1;
        return 'cut';
      },
    });
    const cluster = await borrow(wish(), BUNDLES);
    expect(cuts).toBeGreaterThan(0);
    await cluster.giveBack();
    expect(account.stack.status).toBe('DELETE_COMPLETE');
  });

  it('the stack is gone while it is made: somebody else deleted it', async () => {
    await play({ making: ['CREATE_IN_PROGRESS', 'DELETE_COMPLETE'], deleting: ['DELETE_COMPLETE'] });
    const { code, message } = await failure(borrow(wish(), BUNDLES));
    expect(code).toBe('STACK_FAILED');
    expect(message).toContain('somebody else deleted it');
  });
});

describe("somebody else's stack of the same name", () => {
  it('is left alone', async () => {
    await play({});
    account.stack.status = 'CREATE_COMPLETE';
    account.stack.tags = { 'synkti:borrowed': 'true', 'synkti:attempt': 'synkti-of-another' };
    const { code, message } = await failure(borrow(wish(), BUNDLES));
    expect(code).toBe('NAME_TAKEN');
    expect(message).toContain('synkti-borrowed-mine');
    expect(asked('cloudformation DeleteStack')).toBe(0);
    expect([...account.objects.keys()].filter((key) => key.endsWith('.json'))).toEqual([]);
  });
});

describe('what can not be given back', () => {
  it('is named, and the deletion was tried twice', async () => {
    await play({
      deleting: ['DELETE_FAILED'],
      events: [
        ['Vpc', 'AWS::EC2::SecurityGroup', 'DELETE_FAILED', 'resource sg-1 has a dependent object'],
        ['Vpc', 'AWS::EC2::SecurityGroup', 'CREATE_COMPLETE', ''],
        ['Bucket', 'AWS::S3::Bucket', 'DELETE_COMPLETE', ''],
        ['Bucket', 'AWS::S3::Bucket', 'CREATE_COMPLETE', ''],
      ],
    });
    const cluster = await borrow(wish(), BUNDLES);
    const { code, message } = await failure(cluster.giveBack());
    expect(code).toBe('LEFT_BEHIND');
    expect(message).toContain('resource sg-1 has a dependent object');
    expect(message).toContain('left: Vpc (AWS::EC2::SecurityGroup):');
    expect(message).toContain('aws cloudformation delete-stack --stack-name synkti-borrowed-mine');
    expect(asked('cloudformation DeleteStack')).toBe(2);
  });
});

describe('mistakes and missing things, one sentence each', () => {
  it('no credentials', async () => {
    await play({});
    process.env.AWS_SHARED_CREDENTIALS_FILE = join(import.meta.dirname, 'none');
    process.env.AWS_CONFIG_FILE = join(import.meta.dirname, 'none');
    process.env.AWS_EC2_METADATA_DISABLED = 'true';
    const { code, message } = await failure(borrow(wish({ profile: 'nobody' }), BUNDLES));
    expect(code).toBe('CREDENTIALS');
    expect(message).toContain('"nobody" gives no credentials');
    expect(message).toContain('or give the option profile.');
    expect(account.calls()).toEqual([]);
  });

  it('a denied call names the action and what it is called on', async () => {
    const denied = `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: arn:aws:iam::${ACCOUNT}:user/me is not authorized to perform: cloudformation:CreateStack on resource: ${ARN}</Message></Error></ErrorResponse>`;
    await play({
      instead: (_, name) => (name === 'cloudformation CreateStack' ? { status: 403, body: denied } : null),
    });
    const { code, message } = await failure(borrow(wish(), BUNDLES));
    expect(code).toBe('DENIED');
    expect(message).toContain(`user/me may not call cloudformation:CreateStack on ${ARN}`);
    expect(asked('cloudformation DeleteStack')).toBe(0);
  });

  it('no bootstrap', async () => {
    await play({ instead: (_, name) => (name === 's3 HEAD' ? { status: 404 } : null) });
    const aws = await openAws({ region: 'eu-west-1', endpoint: account.aws.endpoint });
    const caller = { account: ACCOUNT, arn: '', partition: 'aws' };
    const far = { ...aws, endpoint: null };
    const { code, message } = await failure(requireBootstrap(far, BUCKET, caller, new AbortController().signal));
    expect(code).toBe('BOOTSTRAP');
    expect(message).toContain(`npx cdk bootstrap aws://${ACCOUNT}/eu-west-1`);
    aws.close();
  });

  it('an unknown subnet', async () => {
    await play({
      instead: (_, name) => (name === 'ec2 DescribeSubnets' ? ec2Error(400, 'InvalidSubnetID.NotFound') : null),
    });
    const { code, message } = await failure(borrow(wish({ subnetIds: ['subnet-x'] }), BUNDLES));
    expect(code).toBe('NETWORK');
    expect(message).toContain('subnet-x');
  });

  it('what the construct refuses', async () => {
    await play({});
    const { code, message } = await failure(borrow(wish({ capacity: { onDemandBase: 5 } }), BUNDLES));
    expect(code).toBe('TEMPLATE');
    expect(message).toContain('onDemandBase');
    expect(asked('cloudformation CreateStack')).toBe(0);
  });

  it("credentials that AWS doesn't know", async () => {
    await play({ instead: (_, name) => (name === 'ec2 DescribeVpcs' ? queryError(400, 'AuthFailure') : null) });
    expect((await failure(borrow(wish(), BUNDLES))).code).toBe('CREDENTIALS');
  });
});

describe('the list of what is borrowed', () => {
  it('tells who holds it and when he last said so', async () => {
    await play({});
    const cluster = await borrow(wish(), BUNDLES);
    const where = { region: 'eu-west-1', endpoint: account.aws.endpoint };
    expect(await borrowed(where)).toEqual([
      {
        stackName: 'synkti-borrowed-mine',
        stackId: ARN,
        status: 'CREATE_COMPLETE',
        createdAt: new Date('2026-01-01T00:00:00Z'),
        owner: expect.objectContaining({ pid: process.pid }),
        renewedAt: new Date('2026-01-01T00:10:00Z'),
      },
    ]);
    await cluster.giveBack();
    expect(await borrowed(where)).toEqual([]);
  });
});
