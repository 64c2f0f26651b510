import { z } from 'zod';
import { type Condition, operatorOf } from './conditions.js';

export interface Statement {
  readonly sid: string | null;
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  /** `Action` lists what is meant, `NotAction` what is not. */
  readonly notActions: boolean;
  readonly resources: readonly string[];
  readonly notResources: boolean;
  /** Null in an identity's policy. */
  readonly principals: Readonly<Record<string, readonly string[]>> | null;
  readonly notPrincipals: boolean;
  readonly conditions: readonly Condition[];
}

export interface PolicyDocument {
  /** Policies of the old version know no variables. */
  readonly variables: boolean;
  readonly statements: readonly Statement[];
}

/** A policy that IAM wouldn't take. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
}

const strings = z.union([z.string(), z.array(z.string())]).transform((given) => [given].flat());
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const principals = z.union([z.literal('*'), z.record(z.string(), strings)]);
const statement = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: strings.optional(),
  NotAction: strings.optional(),
  Resource: strings.optional(),
  NotResource: strings.optional(),
  Principal: principals.optional(),
  NotPrincipal: principals.optional(),
  Condition: z.record(z.string(), z.record(z.string(), z.union([scalar, z.array(scalar)]))).optional(),
});
const document = z.strictObject({
  Version: z.enum(['2008-10-17', '2012-10-17']).optional(),
  Id: z.string().optional(),
  Statement: z.union([statement, z.array(statement)]),
});

const MAX_STATEMENTS = 1_000;

/** @throws PolicyError that names the policy. */
export function parsePolicy(name: string, input: unknown): PolicyDocument {
  const refuse = (why: string): PolicyError => new PolicyError(`Policy ${name}: ${why}`);
  const checked = document.safeParse(typeof input === 'string' ? json(input) : input);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw refuse(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not a policy'}`);
  }
  const statements = [checked.data.Statement].flat();
  if (statements.length > MAX_STATEMENTS) throw refuse(`has more than ${MAX_STATEMENTS} statements`);
  return {
    variables: checked.data.Version === '2012-10-17',
    statements: statements.map((one, index): Statement => {
      const where = one.Sid ?? `statement ${index + 1}`;
      const actions = one.Action ?? one.NotAction;
      if (actions === undefined || (one.Action !== undefined && one.NotAction !== undefined)) {
        throw refuse(`${where} needs either Action or NotAction`);
      }
      const given = one.Principal ?? one.NotPrincipal ?? null;
      const conditions: Condition[] = [];
      for (const [operator, keys] of Object.entries(one.Condition ?? {})) {
        if (operatorOf(operator) === null) throw refuse(`${where} has the unknown condition operator ${operator}`);
        for (const [key, wanted] of Object.entries(keys)) {
          conditions.push({ operator, key, wanted: [wanted].flat().map(String) });
        }
      }
      return {
        sid: one.Sid ?? null,
        effect: one.Effect,
        actions,
        notActions: one.NotAction !== undefined,
        // A resource's own policy may leave the resource out.
        resources: one.Resource ?? one.NotResource ?? ['*'],
        notResources: one.NotResource !== undefined,
        principals: given === '*' ? { AWS: ['*'] } : given,
        notPrincipals: one.NotPrincipal !== undefined,
        conditions,
      };
    }),
  };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
