/** Roles and policies go to the local cloud's IAM, which then asks them at every call. */
import { DeployError } from '../errors.js';
import { type Call, type Handler, type Handlers, type Host, nameFor, type Standing, textOf } from '../handler.js';
import { isObject, type Json } from '../json.js';

const NAME = { maxLength: 64 };

const role: Handler = {
  immutable: ['RoleName', 'Path'],
  create: (call) => {
    const { props, host } = call;
    const name = props.text('RoleName') ?? nameFor(call, NAME);
    const path = props.text('Path');
    const made = host.cloud.iam.createRole(name, { ...(path === undefined ? {} : { path }), tags: props.tags() });
    try {
      applyPolicies(call, name, null);
    } catch (error) {
      host.cloud.iam.deleteRole(name);
      throw error;
    }
    return { physicalId: name, attributes: { Arn: made.arn, RoleId: made.roleId } };
  },
  update: (call, before) => {
    applyPolicies(call, before.physicalId, before);
    return { physicalId: before.physicalId, attributes: before.attributes };
  },
  remove: ({ physicalId }, { cloud }) => cloud.iam.deleteRole(physicalId),
};

function applyPolicies({ props, host, logicalId }: Call, name: string, before: Standing | null): void {
  const { iam } = host.cloud;
  const inline = new Map(
    props.structs('Policies').map((one) => [one.required('PolicyName'), one.json('PolicyDocument') ?? {}] as const),
  );
  const attached = props.texts('ManagedPolicyArns');
  if (props.has('PermissionsBoundary')) host.note(logicalId, 'Permissions boundaries are not evaluated.');
  props.harmless('RoleName', 'Path', 'Tags', 'AssumeRolePolicyDocument', 'Description', 'MaxSessionDuration');
  props.harmless('PermissionsBoundary').refuseUnread();
  const former = before?.properties;
  for (const one of listOf(former?.Policies)) {
    if (isObject(one) && !inline.has(textOf(one.PolicyName))) iam.deleteRolePolicy(name, textOf(one.PolicyName));
  }
  for (const arn of listOf(former?.ManagedPolicyArns).map(textOf)) {
    if (!attached.includes(arn)) iam.detachRolePolicy(name, arn);
  }
  for (const [policyName, document] of inline) iam.putRolePolicy(name, policyName, document);
  for (const arn of attached) iam.attachRolePolicy(name, arn);
}

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);

/** An inline policy of one or more roles: `AWS::IAM::Policy` and `AWS::IAM::RolePolicy`. */
const inlinePolicy: Handler = {
  immutable: ['PolicyName'],
  create: (call) => {
    const { name } = putInline(call, null);
    return { physicalId: nameFor(call, { maxLength: 32 }), attributes: { Id: name }, memo: { name } };
  },
  update: (call, before) => {
    putInline(call, before);
    return { physicalId: before.physicalId, attributes: before.attributes, memo: before.memo };
  },
  remove: ({ properties, memo }, { cloud }) => {
    for (const one of rolesIn(properties)) cloud.iam.deleteRolePolicy(one, textOf(memo.name));
  },
};

const rolesIn = (properties: Standing['properties']): string[] => [
  ...listOf(properties.Roles).map(textOf),
  ...(typeof properties.RoleName === 'string' ? [properties.RoleName] : []),
];

function putInline({ props, host, logicalId }: Call, before: Standing | null): { name: string } {
  const name = props.required('PolicyName');
  const document = props.json('PolicyDocument') ?? {};
  const roles = rolesIn(props.all);
  refusePrincipals(props.all, logicalId);
  props.harmless('Roles', 'RoleName', 'Users', 'Groups').refuseUnread();
  for (const one of before === null ? [] : rolesIn(before.properties)) {
    if (!roles.includes(one)) host.cloud.iam.deleteRolePolicy(one, name);
  }
  for (const one of roles) host.cloud.iam.putRolePolicy(one, name, document);
  return { name };
}

function refusePrincipals(properties: Standing['properties'], logicalId: string): void {
  const other = ['Users', 'Groups'].find((name) => listOf(properties[name]).length > 0);
  if (other === undefined) return;
  throw new DeployError(
    'UNSUPPORTED',
    `${logicalId}: ${other} aren't emulated; the local cloud has roles only.`,
    logicalId,
  );
}

const managedPolicy: Handler = {
  immutable: ['ManagedPolicyName', 'Path'],
  create: (one) => {
    const name = one.props.text('ManagedPolicyName') ?? nameFor(one, { maxLength: 128 });
    const arn = `arn:aws:iam::${one.host.stack.accountId}:policy${one.props.text('Path') ?? '/'}${name}`;
    putManaged(one, arn, []);
    return { physicalId: arn, attributes: { PolicyArn: arn } };
  },
  update: (one, before) => {
    putManaged(one, before.physicalId, rolesIn(before.properties));
    return { physicalId: before.physicalId, attributes: before.attributes };
  },
  remove: ({ physicalId }, { cloud }) => cloud.iam.deleteManagedPolicy(physicalId),
};

function putManaged({ props, host, logicalId }: Call, arn: string, former: readonly string[]): void {
  const { iam } = host.cloud;
  const roles = props.texts('Roles');
  refusePrincipals(props.all, logicalId);
  iam.putManagedPolicy(arn, props.json('PolicyDocument') ?? {});
  props.harmless('ManagedPolicyName', 'Path', 'Description', 'Users', 'Groups').refuseUnread();
  for (const one of former) if (!roles.includes(one)) iam.detachRolePolicy(one, arn);
  for (const one of roles) iam.attachRolePolicy(one, arn);
}

const instanceProfile: Handler = {
  immutable: ['InstanceProfileName', 'Path', 'Roles'],
  create: (one) => {
    const { props, host } = one;
    const name = props.text('InstanceProfileName') ?? nameFor(one, { maxLength: 128 });
    const roles = props.texts('Roles');
    if (roles.length !== 1 || roles[0] === undefined) {
      throw props.unsupported('Roles', `must name one role, not ${roles.length}`);
    }
    const path = props.text('Path') ?? '/';
    props.refuseUnread();
    return { physicalId: name, attributes: { Arn: host.cloud.iam.createInstanceProfile(name, roles[0], path) } };
  },
  remove: ({ physicalId }, { cloud }: Host) => cloud.iam.deleteInstanceProfile(physicalId),
};

export const IAM: Handlers = {
  'AWS::IAM::Role': role,
  'AWS::IAM::Policy': inlinePolicy,
  'AWS::IAM::RolePolicy': inlinePolicy,
  'AWS::IAM::ManagedPolicy': managedPolicy,
  'AWS::IAM::InstanceProfile': instanceProfile,
};
