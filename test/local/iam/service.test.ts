import {
  GetInstanceProfileCommand,
  GetRoleCommand,
  IAMClient,
  SimulatePrincipalPolicyCommand,
} from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalCloud, startLocalCloud } from '../../../local/cloud.js';

let cloud: LocalCloud;
let iam: IAMClient;
const SEATS = 'arn:aws:s3:::logs/seats/0.json';

beforeAll(async () => {
  cloud = await startLocalCloud({
    seed: 1,
    zones: [{ name: 'us-east-1a', subnetId: 'subnet-00000000000000001' }],
    pools: [],
    machine: null,
  });
  iam = new IAMClient({
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'me', secretAccessKey: 'x' },
    maxAttempts: 1,
  });
  const role = cloud.iam.createRole('node');
  cloud.iam.createInstanceProfile('web', 'node');
  cloud.iam.putRolePolicy('node', 'own', {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: 's3:PutObject',
        Resource: 'arn:aws:s3:::logs/seats/*',
        Condition: { StringEquals: { 'aws:RequestTag/team': 'a' } },
      },
      { Effect: 'Deny', Action: 's3:DeleteObject', Resource: '*' },
    ],
  });
  expect(role.arn).toBe('arn:aws:iam::123456789012:role/node');
});
afterAll(() => cloud.stop());

const simulate = async (role: string, action: string, tag?: string) => {
  const answer = await iam.send(
    new SimulatePrincipalPolicyCommand({
      PolicySourceArn: `arn:aws:iam::123456789012:role/${role}`,
      ActionNames: [action],
      ResourceArns: [SEATS],
      ContextEntries:
        tag === undefined
          ? []
          : [{ ContextKeyName: 'aws:RequestTag/team', ContextKeyType: 'string', ContextKeyValues: [tag] }],
    }),
  );
  return answer.EvaluationResults?.map(({ EvalActionName, EvalDecision }) => [EvalActionName, EvalDecision]);
};

describe('IAM of the local cloud', () => {
  it('simulates the policies of a role, conditions included', async () => {
    expect(await simulate('node', 's3:PutObject', 'a')).toEqual([['s3:PutObject', 'allowed']]);
    expect(await simulate('node', 's3:PutObject', 'b')).toEqual([['s3:PutObject', 'implicitDeny']]);
    expect(await simulate('node', 's3:PutObject')).toEqual([['s3:PutObject', 'implicitDeny']]);
    expect(await simulate('node', 's3:DeleteObject')).toEqual([['s3:DeleteObject', 'explicitDeny']]);
    expect(await simulate('nobody-wrote-it-a-policy', 's3:DeleteObject')).toEqual([['s3:DeleteObject', 'allowed']]);
  });

  it('tells the role of a profile, and which roles there are', async () => {
    const { InstanceProfile } = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName: 'web' }));
    expect(InstanceProfile?.Roles?.[0]).toMatchObject({
      RoleName: 'node',
      Arn: 'arn:aws:iam::123456789012:role/node',
      Path: '/',
    });
    expect((await iam.send(new GetRoleCommand({ RoleName: 'AWSServiceRoleForEC2Spot' }))).Role?.RoleName).toBe(
      'AWSServiceRoleForEC2Spot',
    );
    await expect(iam.send(new GetRoleCommand({ RoleName: 'gone' }))).rejects.toMatchObject({
      name: 'NoSuchEntityException',
    });
  });
});
