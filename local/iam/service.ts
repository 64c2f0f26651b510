import { AwsError } from '../wire/error.js';
import { type QueryAction, queryService } from '../wire/query-service.js';
import type { Service } from '../wire/service.js';
import type { XmlObject } from '../wire/xml.js';
import type { IamDirectory, Role } from './directory.js';
import { evaluate } from './evaluate.js';

/** When roles and profiles were made: nobody asks. */
const CREATED = new Date(0);
/** Accounts have them from the first launch on. */
const SERVICE_ROLE = /^AWSServiceRoleFor[A-Za-z0-9]{1,50}$/;

/** IAM as far as one looks: roles, instance profiles, and the simulation of a role's own policies. */
export function iamService(directory: IamDirectory): Service {
  const { accountId } = directory;
  const roleXml = ({ name, arn, roleId }: Role): XmlObject => ({
    Path: pathOf(arn),
    RoleName: name,
    RoleId: roleId,
    Arn: arn,
    CreateDate: CREATED,
  });
  return queryService({
    name: 'iam',
    protocol: 'query',
    namespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
    actions: new Map<string, QueryAction>([
      [
        'GetRole',
        (params) => {
          const name = params.required('RoleName');
          params.refuseUnread();
          const service = `arn:aws:iam::${accountId}:role/aws-service-role/${name}`;
          const role = SERVICE_ROLE.test(name)
            ? { name, arn: service, roleId: 'AROA00000000000000000', tags: {} }
            : directory.role(`arn:aws:iam::${accountId}:role/${name}`);
          if (role === null) throw new AwsError('NoSuchEntity', `The role with name ${name} cannot be found.`, 404);
          return { Role: roleXml(role) };
        },
      ],
      [
        'GetInstanceProfile',
        (params) => {
          const name = params.required('InstanceProfileName');
          params.refuseUnread();
          const { name: roleName, arn } = directory.roleOfProfile(name);
          const role = directory.role(arn) ?? { name: roleName, arn, roleId: 'AROA00000000000000000', tags: {} };
          return {
            InstanceProfile: {
              Path: '/',
              InstanceProfileName: name,
              InstanceProfileId: 'AIPA00000000000000000',
              Arn: `arn:aws:iam::${accountId}:instance-profile/${name}`,
              CreateDate: CREATED,
              Roles: { member: [roleXml(role)] },
            },
          };
        },
      ],
      [
        'SimulatePrincipalPolicy',
        (params) => {
          const roleArn = params.required('PolicySourceArn');
          const actions = params.strings('ActionNames');
          const resources = params.strings('ResourceArns');
          const context = Object.fromEntries(
            params.structs('ContextEntries').map((entry) => {
              const type = entry.string('ContextKeyType') ?? 'string';
              const values = entry.strings('ContextKeyValues');
              return [entry.required('ContextKeyName'), type.endsWith('List') ? values : (values[0] ?? '')] as const;
            }),
          );
          params.refuseUnread();
          const policies = directory.policiesOf(roleArn);
          const asker = { kind: 'AWS', id: roleArn, accountId } as const;
          const free = directory.role(roleArn) === null;
          const results = actions.flatMap((action) =>
            (resources.length === 0 ? ['*'] : resources).map((resource) => {
              const { allowed, by } = evaluate({ action, resource, context }, policies, [], asker);
              // Nobody wrote this role a policy: everything is allowed here.
              const decision = free || allowed ? 'allowed' : by.length > 0 ? 'explicitDeny' : 'implicitDeny';
              return { EvalActionName: action, EvalResourceName: resource, EvalDecision: decision };
            }),
          );
          return { EvaluationResults: { member: results }, IsTruncated: false };
        },
      ],
    ]),
  });
}

/** `/a/` of `arn:aws:iam::1:role/a/name`. */
const pathOf = (arn: string): string => /:role(\/(?:.*\/)?)[^/]+$/.exec(arn)?.[1] ?? '/';
