import { type PolicyDocument, PolicyError, parsePolicy } from './document.js';
import type { NamedPolicy } from './evaluate.js';
import { AWS_MANAGED, awsManagedName } from './managed.js';

export interface Role {
  readonly name: string;
  readonly arn: string;
  /** `AROA...`, the first part of `aws:userid`. */
  readonly roleId: string;
  readonly tags: Readonly<Record<string, string>>;
}

interface RoleRecord {
  readonly role: Role;
  readonly inline: Map<string, PolicyDocument>;
  readonly attached: Set<string>;
}

/** A role with every policy that it ever had, the latest of each name. */
export interface PastRole {
  readonly role: Role;
  readonly policies: readonly NamedPolicy[];
}

const MAX_THINGS = 5_000;

/** Roles, their policies, and instance profiles. A role that isn't here may do everything: nobody wrote it a policy. */
export class IamDirectory {
  readonly accountId: string;
  readonly #roles = new Map<string, RoleRecord>();
  readonly #managed = new Map<string, PolicyDocument>();
  readonly #profiles = new Map<string, string>();
  /** By role ARN: what there ever was, so that a stack that is gone can still be judged. */
  readonly #past = new Map<string, { readonly role: Role; readonly policies: Map<string, PolicyDocument> }>();
  readonly #resourcePolicies = new Map<string, PolicyDocument>();
  readonly #resourceTags = new Map<string, Readonly<Record<string, string>>>();

  constructor(accountId: string) {
    this.accountId = accountId;
  }

  /** From now on, calls of this role need a policy that allows them. */
  createRole(name: string, options: { readonly path?: string; readonly tags?: Role['tags'] } = {}): Role {
    const known = this.#roles.get(name);
    if (known !== undefined) return known.role;
    if (this.#roles.size >= MAX_THINGS) throw new PolicyError(`More than ${MAX_THINGS} roles`);
    const role: Role = {
      name,
      arn: `arn:aws:iam::${this.accountId}:role${options.path ?? '/'}${name}`,
      roleId: `AROA${String(this.#roles.size + 1).padStart(17, '0')}`,
      tags: options.tags ?? {},
    };
    this.#roles.set(name, { role, inline: new Map(), attached: new Set() });
    for (const arn of this.#past.keys()) {
      if (this.#past.size < MAX_THINGS) break;
      this.#past.delete(arn);
    }
    this.#past.set(role.arn, { role, policies: new Map() });
    return role;
  }

  /** Its name is free again, and its calls are denied no more. */
  deleteRole(name: string): void {
    this.#roles.delete(name);
  }

  /** Creates or replaces. @throws PolicyError */
  putRolePolicy(roleName: string, policyName: string, document: unknown): void {
    const parsed = parsePolicy(policyName, document);
    const { role, inline } = this.#record(roleName);
    inline.set(policyName, parsed);
    this.#past.get(role.arn)?.policies.set(policyName, parsed);
  }

  deleteRolePolicy(roleName: string, policyName: string): void {
    this.#roles.get(roleName)?.inline.delete(policyName);
  }

  /** Creates or replaces a policy of the user's own. @throws PolicyError */
  putManagedPolicy(arn: string, document: unknown): void {
    const parsed = parsePolicy(lastName(arn), document);
    this.#managed.set(arn, parsed);
    for (const { role, attached } of this.#roles.values()) {
      if (attached.has(arn)) this.#past.get(role.arn)?.policies.set(lastName(arn), parsed);
    }
  }

  deleteManagedPolicy(arn: string): void {
    this.#managed.delete(arn);
    for (const { attached } of this.#roles.values()) attached.delete(arn);
  }

  /** @throws PolicyError for a policy that isn't known, among them most of AWS's own. */
  attachRolePolicy(roleName: string, policyArn: string): void {
    const name = awsManagedName(policyArn);
    if (name !== null && !this.#managed.has(policyArn)) {
      const document = AWS_MANAGED[name];
      if (document === undefined) {
        throw new PolicyError(
          `The local cloud doesn't have AWS's managed policy ${name} of role ${roleName}: give the role a policy of its own, or detach it for the rehearsal`,
        );
      }
      this.#managed.set(policyArn, parsePolicy(name, document));
    }
    const managed = this.#managed.get(policyArn);
    if (managed === undefined) throw new PolicyError(`There is no policy ${policyArn}`);
    const { role, attached } = this.#record(roleName);
    attached.add(policyArn);
    this.#past.get(role.arn)?.policies.set(lastName(policyArn), managed);
  }

  detachRolePolicy(roleName: string, policyArn: string): void {
    this.#roles.get(roleName)?.attached.delete(policyArn);
  }

  /** ARN of the profile. */
  createInstanceProfile(name: string, roleName: string, path = '/'): string {
    this.#profiles.set(name, roleName);
    return `arn:aws:iam::${this.accountId}:instance-profile${path}${name}`;
  }

  deleteInstanceProfile(name: string): void {
    this.#profiles.delete(name);
  }

  /** The role of an instance profile, by its name or ARN; a profile that isn't here has a role of its own name. */
  roleOfProfile(nameOrArn: string): { readonly name: string; readonly arn: string } {
    const profile = nameOrArn.split('/').at(-1) ?? nameOrArn;
    const name = this.#profiles.get(profile) ?? profile;
    return this.#roles.get(name)?.role ?? { name, arn: `arn:aws:iam::${this.accountId}:role/${name}` };
  }

  /** The policy of a queue, a function, a bucket, a secret, by its ARN; null takes it away. @throws PolicyError */
  putResourcePolicy(arn: string, document: unknown): void {
    if (document === null) this.#resourcePolicies.delete(arn);
    else this.#resourcePolicies.set(arn, parsePolicy(arn.split(':').slice(5).join(':'), document));
  }

  /** Of a resource; of an object its bucket's. */
  resourcePolicies(arn: string): readonly NamedPolicy[] {
    const owner = arn.startsWith('arn:aws:s3:::') ? (arn.split('/')[0] ?? arn) : arn;
    const document = this.#resourcePolicies.get(owner);
    return document === undefined ? [] : [{ name: owner, document }];
  }

  /** Tags of a resource whose service keeps none of its own here, for `aws:ResourceTag`. */
  tagResource(arn: string, tags: Readonly<Record<string, string>> | null): void {
    if (tags === null) this.#resourceTags.delete(arn);
    else this.#resourceTags.set(arn, tags);
  }

  tagsOf(arn: string): Readonly<Record<string, string>> {
    return this.#resourceTags.get(arn) ?? {};
  }

  role(arn: string): Role | null {
    const record = this.#roles.get(arn.split('/').at(-1) ?? arn);
    return record?.role.arn === arn ? record.role : null;
  }

  roles(): Role[] {
    return [...this.#roles.values()].map(({ role }) => role);
  }

  /** Everything that the role's policies say, in a steady order. */
  policiesOf(roleArn: string): readonly NamedPolicy[] {
    const role = this.role(roleArn);
    const record = role === null ? undefined : this.#roles.get(role.name);
    if (record === undefined) return [];
    const named = [
      ...[...record.inline].map(([name, document]) => ({ name, document })),
      ...[...record.attached].flatMap((arn) => {
        const document = this.#managed.get(arn);
        return document === undefined ? [] : [{ name: lastName(arn), document }];
      }),
    ];
    return named.sort(byName);
  }

  /** Every role that there ever was, in order of creation. */
  past(): PastRole[] {
    return [...this.#past.values()].map(({ role, policies }) => ({
      role,
      policies: [...policies].map(([name, document]) => ({ name, document })).sort(byName),
    }));
  }

  #record(name: string): RoleRecord {
    const record = this.#roles.get(name);
    if (record === undefined) throw new PolicyError(`There is no role ${name}`);
    return record;
  }
}

const lastName = (arn: string): string => arn.split('/').at(-1) ?? arn;

const byName = (a: NamedPolicy, b: NamedPolicy): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
