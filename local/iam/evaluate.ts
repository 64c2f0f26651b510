/**
 * IAM's evaluation within one account: an explicit deny wins; otherwise an allow of the identity's policies or of the
 * resource's own is enough. No boundaries, session or organization policies. A test compares it with a public evaluator
 * on random policies.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
import { type Condition, holds } from './conditions.js';
import type { PolicyDocument, Statement } from './document.js';
import { compile, type Values, valuesOf } from './match.js';

/** One permission that a call needs. */
export interface Ask {
  /** `ec2:RunInstances` */
  readonly action: string;
  /** ARN, or `*` for actions that know no resources. */
  readonly resource: string;
  readonly context: Readonly<Record<string, string | readonly string[]>>;
}

/** Who asks, as policies of resources name him. */
export interface Asker {
  /** `AWS` with the role's ARN, or `Service` with `events.amazonaws.com`. */
  readonly kind: 'AWS' | 'Service';
  readonly id: string;
  readonly accountId: string;
}

export interface NamedPolicy {
  readonly name: string;
  readonly document: PolicyDocument;
}

export interface Found {
  readonly policy: string;
  readonly index: number;
  readonly statement: Statement;
}

/** A statement about this action and resource whose conditions didn't hold. */
export interface NearMiss extends Found {
  readonly failed: readonly Condition[];
}

export interface Decision {
  readonly allowed: boolean;
  /** The statements that allow, or those that deny. */
  readonly by: readonly Found[];
  readonly nearMisses: readonly NearMiss[];
}

export function evaluate(
  ask: Ask,
  identity: readonly NamedPolicy[],
  resource: readonly NamedPolicy[],
  asker: Asker,
): Decision {
  const values = valuesOf(ask.context);
  const allows: Found[] = [];
  const denies: Found[] = [];
  const nearMisses: NearMiss[] = [];
  const look = ({ name, document }: NamedPolicy, ofResource: boolean): void => {
    for (const [index, statement] of document.statements.entries()) {
      const variables = document.variables ? values : null;
      if (ofResource && !namesAsker(statement, asker)) continue;
      if (!isAbout(statement, ask, variables)) continue;
      const failed = statement.conditions.filter((one) => !holds(one, values, variables));
      const found = { policy: name, index, statement };
      if (failed.length === 0) (statement.effect === 'Allow' ? allows : denies).push(found);
      else if (statement.effect === 'Allow') nearMisses.push({ ...found, failed });
    }
  };
  for (const policy of identity) look(policy, false);
  for (const policy of resource) look(policy, true);
  const allowed = denies.length === 0 && allows.length > 0;
  return { allowed, by: denies.length > 0 ? denies : allows, nearMisses };
}

/** Is this pattern of actions, such as `ec2:Describe*`, about the action? */
export const matchesAction = (pattern: string, action: string): boolean =>
  compile(pattern, { wildcards: true, arn: false, ignoreCase: true, variables: null })?.test(action) ?? false;

function isAbout(statement: Statement, ask: Ask, variables: Values | null): boolean {
  const named = statement.actions.some((pattern) => matchesAction(pattern, ask.action));
  if (named === statement.notActions) return false;
  const { resources, notResources } = statement;
  // What is left out may be anything that a variable without a value stands for: then the statement says nothing of it.
  const unresolved = notResources ? 'anything' : 'nothing';
  const listed = resources.some((pattern) => matchesResource(pattern, ask.resource, { variables, unresolved }));
  return listed !== notResources;
}

/** A kind of resource, such as the `instance` of `instance/i-1`, with a wildcard or variable in it. IAM takes none there. */
const KIND_OPEN = /^(?:[^:]*:){5}[^/:]*[*?$][^/:]*[/:]/;

function matchesResource(
  given: string,
  resource: string,
  options: { readonly variables: Values | null; readonly unresolved: 'nothing' | 'anything' },
): boolean {
  if (given === '*') return true;
  // A short ARN stands for everything below it.
  const missing = given.startsWith('arn:') ? 6 - given.split(':').length : 0;
  const pattern = given + ':*'.repeat(Math.max(missing, 0));
  if (!pattern.startsWith('arn:aws:s3:::') && KIND_OPEN.test(pattern)) return false;
  return compile(pattern, { ...options, wildcards: true, arn: true, ignoreCase: false })?.test(resource) ?? false;
}

function namesAsker({ principals, notPrincipals }: Statement, asker: Asker): boolean {
  if (principals === null) return false;
  const named = (principals[asker.kind] ?? []).some((one) =>
    asker.kind === 'Service'
      ? one === '*' || one === asker.id
      : one === '*' || one === asker.id || one === asker.accountId || one === `arn:aws:iam::${asker.accountId}:root`,
  );
  return named !== notPrincipals;
}
