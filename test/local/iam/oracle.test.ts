import { runUnsafeSimulation } from '@cloud-copilot/iam-simulate';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePolicy } from '../../../local/iam/document.js';
import { evaluate } from '../../../local/iam/evaluate.js';

/** Our evaluation of an identity's policies against a public evaluator's, on random policies and requests. */
const ACCOUNT = '123456789012';
const EC2 = `arn:aws:ec2:us-east-1:${ACCOUNT}`;
const PRINCIPAL = `arn:aws:sts::${ACCOUNT}:assumed-role/node/i-1`;

/** A policy's variable. */
const of = (key: string): string => `\${${key}}`;

const actions = ['ec2:RunInstances', 'ec2:CreateTags', 'ec2:TerminateInstances', 'ssm:SendCommand'];
const actionPatterns = [...actions, 'ec2:*', '*', 'EC2:Run*', 'ec2:?reateTags', 'ssm:Get*'];
const resources = [
  `${EC2}:instance/i-1`,
  `${EC2}:instance/i-2`,
  `${EC2}:volume/vol-1`,
  'arn:aws:ec2:us-east-1::image/ami-1',
];
const resourcePatterns = [
  ...resources,
  '*',
  `${EC2}:instance/*`,
  'arn:aws:ec2:*:*:instance/*',
  'arn:aws:ec2:us-east-1:*:*/i-?',
  `${EC2}:instance/${of('aws:PrincipalTag/id')}`,
  `${EC2}:instance/${of('missing:Key')}`,
  'arn:aws:ec2:*',
];
const arns = [`${EC2}:instance/i-1`, `${EC2}:instance/i-2`];
const texts = ['web', 'api', 'CreateFleet', 'AROA1:i-1', 'i-1'];
/** Kinds of keys: what a request may hold, the operators that are for them, and what a policy may want. */
const kinds = [
  {
    keys: ['aws:RequestTag/cluster', 'ec2:CreateAction', 'aws:userid', 'ec2:InstanceID', 'AWS:Userid'],
    values: texts,
    operators: ['StringEquals', 'StringNotEquals', 'StringLike', 'StringNotLike', 'StringEqualsIgnoreCase'],
    wanted: [
      ...texts,
      'w*',
      '*:i-?',
      `*:${of('ec2:InstanceID')}`,
      of('aws:userid'),
      'WEB',
      of("aws:PrincipalTag/id, 'web'"),
    ],
  },
  {
    keys: ['ec2:SourceInstanceARN'],
    values: arns,
    operators: ['ArnEquals', 'ArnLike', 'ArnNotEquals', 'ArnNotLike', 'StringEquals', 'StringLike'],
    wanted: [...arns, `${EC2}:instance/*`, 'arn:aws:ec2:*:*:instance/i-1', `${EC2}:instance/${of('ec2:InstanceID')}`],
  },
  {
    keys: ['ec2:VolumeSize'],
    values: ['5', '6', '7'],
    operators: ['NumericEquals', 'NumericNotEquals', 'NumericLessThan', 'NumericGreaterThanEquals'],
    wanted: ['5', '6'],
  },
  { keys: ['aws:SecureTransport'], values: ['true', 'false'], operators: ['Bool'], wanted: ['true', 'false'] },
];
const tagKeyOperators = ['ForAllValues:StringEquals', 'ForAnyValue:StringEquals', 'ForAllValues:StringLike'];

const oneOf = <T>(list: readonly T[]) => fc.constantFrom(...list);
const some = (list: readonly string[]) => fc.uniqueArray(oneOf(list), { minLength: 1, maxLength: 3 });
const condition = oneOf(kinds).chain(({ keys: ofKind, operators, wanted }) =>
  fc.oneof(
    fc.tuple(
      fc.tuple(oneOf(operators), oneOf(['', 'IfExists'])).map((parts) => parts.join('')),
      oneOf(ofKind),
      some(wanted),
    ),
    fc.tuple(fc.constant('Null'), oneOf(ofKind), some(['true', 'false'])),
  ),
);
const tagKeys = fc.tuple(oneOf(tagKeyOperators), fc.constant('aws:TagKeys'), some(['state', 'cluster', 's*']));
const statement = fc
  .record({
    Effect: fc.oneof({ weight: 4, arbitrary: fc.constant('Allow') }, { weight: 1, arbitrary: fc.constant('Deny') }),
    actions: some(actionPatterns),
    notAction: fc.boolean(),
    resources: some(resourcePatterns),
    notResource: fc.boolean(),
    conditions: fc.array(fc.oneof(condition, tagKeys), { maxLength: 2 }),
  })
  .map(({ Effect, actions: Action, notAction, resources: Resource, notResource, conditions }) => {
    const Condition: Record<string, Record<string, string[]>> = {};
    for (const [operator, key, wanted] of conditions) Condition[operator] = { [key]: wanted };
    return {
      Effect,
      [notAction ? 'NotAction' : 'Action']: Action,
      [notResource ? 'NotResource' : 'Resource']: Resource,
      ...(conditions.length === 0 ? {} : { Condition }),
    };
  });
const context = fc
  .record(
    {
      ...Object.fromEntries(
        kinds.flatMap(({ keys: ofKind, values }) => ofKind.slice(0, 4).map((key) => [key, oneOf(values)])),
      ),
      'aws:PrincipalTag/id': oneOf(['i-1', 'i-2']),
      'aws:TagKeys': fc.uniqueArray(oneOf(['state', 'cluster', 'name']), { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: [] },
  )
  .map((one) => one as Record<string, string | string[]>);

test('random policies are evaluated as a public evaluator does', () => {
  fc.assert(
    fc.property(
      fc.array(statement, { minLength: 1, maxLength: 4 }),
      oneOf(actions),
      oneOf(resources),
      context,
      (Statement, action, resource, given) => {
        const policy = { Version: '2012-10-17', Statement };
        const ours = evaluate(
          { action, resource, context: given },
          [{ name: 'p', document: parsePolicy('p', policy) }],
          [],
          { kind: 'AWS', id: PRINCIPAL, accountId: ACCOUNT },
        );
        const theirs = runUnsafeSimulation(
          {
            request: {
              principal: PRINCIPAL,
              action,
              resource: { resource, accountId: ACCOUNT },
              contextVariables: given,
            },
            identityPolicies: [{ name: 'p', policy }],
            serviceControlPolicies: [],
            resourceControlPolicies: [],
          },
          {},
        );
        expect(ours.allowed).toBe(theirs === 'Allowed');
      },
    ),
    { numRuns: 3_000 },
  );
});
