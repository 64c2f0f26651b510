import { type aws_iam as iam, Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** A statement, with the reason why its resources have a wildcard, if they have. */
export interface Right {
  readonly statement: iam.PolicyStatement;
  readonly wildcards?: string;
}

/** Adds rights to a policy. Each wildcard is acknowledged for cdk-nag by itself, so that none slips in unseen. */
export function addRights(policy: iam.Policy, ...rights: readonly Right[]): void {
  for (const { statement, wildcards } of rights) {
    policy.addStatements(statement);
    if (wildcards !== undefined) acknowledgeWildcards(policy, statement.resources, wildcards);
  }
}

/** For whatever policies lie in the scope. */
export function acknowledgeWildcards(scope: IConstruct, resources: readonly string[], reason: string): void {
  for (const resource of resources) {
    const text = flat(Stack.of(scope).resolve(resource));
    if (!text.includes('*')) continue;
    Validations.of(scope).acknowledge({ id: `AwsSolutions-IAM5[Resource::${text}]`, reason });
  }
}

/** A resolved ARN as cdk-nag names it in the ids of its findings: references in angle brackets. */
function flat(value: unknown): string {
  if (typeof value === 'string') return value.replaceAll('${', '<').replaceAll('}', '>');
  if (typeof value !== 'object' || value === null) return String(value);
  if ('Ref' in value) return `<${value.Ref}>`;
  if ('Fn::GetAtt' in value && Array.isArray(value['Fn::GetAtt'])) return `<${value['Fn::GetAtt'].join('.')}>`;
  if ('Fn::Sub' in value) return flat(value['Fn::Sub']);
  if ('Fn::Join' in value && Array.isArray(value['Fn::Join'])) {
    const [delimiter, parts] = value['Fn::Join'] as [string, unknown[]];
    return parts.map(flat).join(delimiter);
  }
  return JSON.stringify(value);
}
