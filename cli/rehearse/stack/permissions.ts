/** What a stack's roles asked for, and what of their rights they used, from the local IAM's ledger. */
import type { Iam } from '../../../local/iam/iam.js';
import type { Denial } from '../../../local/iam/ledger.js';
import type { DenialFact, RoleFact } from './facts.js';

export interface PermissionFacts {
  readonly asked: number;
  readonly denials: readonly DenialFact[];
  readonly roles: readonly RoleFact[];
}

/** @param names logical ids by physical ones */
export function permissionFacts(iam: Iam, names: ReadonlyMap<string, string>): PermissionFacts {
  const { ledger } = iam;
  return {
    asked: ledger.asked().length,
    denials: ledger.denials().map((denial) => denialFact(denial, names)),
    roles: ledger.report(iam).map(({ roleName, statements }) => {
      const counts = new Map<string, number>();
      for (const { action, count } of statements.flatMap(({ permissions }) => permissions)) {
        counts.set(action, (counts.get(action) ?? 0) + count);
      }
      const actions = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
      return {
        role: names.get(roleName) ?? roleName,
        used: actions.flatMap(([action, count]) => (count > 0 ? [{ action, count }] : [])),
        unused: actions.flatMap(([action, count]) => (count > 0 ? [] : [action])),
      };
    }),
  };
}

export function denialFact(denial: Denial, names: ReadonlyMap<string, string> = new Map()): DenialFact {
  const { roleArn, action, resource, needed, why, count } = denial;
  const name = roleArn.split('/').at(-1) ?? roleArn;
  return { role: names.get(name) ?? name, action, resource, needed: JSON.stringify(needed), why, count };
}

/** One line for people. */
export const denialText = ({ role, action, resource, needed, why }: DenialFact): string =>
  `${role} may not ${action} on ${resource}. ${why} Missing: ${needed}`;
