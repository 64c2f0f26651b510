import type { PastRole } from './directory.js';
import { type Asker, evaluate, type NamedPolicy } from './evaluate.js';
import type { Asked } from './ledger.js';

/** A statement that could go: everything that was asked for would still be allowed. */
export interface Unneeded {
  readonly roleArn: string;
  readonly policy: string;
  readonly sid: string | null;
  /** Of the statement in its policy, from 0. */
  readonly index: number;
}

/**
 * Takes each statement away by itself and asks again for all that was asked for and allowed. What is named in the answer
 * is superfluous, or a run didn't come to use it. Pure.
 */
export function unneeded(
  roles: readonly PastRole[],
  asked: readonly Asked[],
  resourcePolicies: (arn: string) => readonly NamedPolicy[],
): Unneeded[] {
  return roles.flatMap(({ role, policies }) => {
    const asker: Asker = { kind: 'AWS', id: role.arn, accountId: role.arn.split(':')[4] ?? '' };
    const own = asked.filter(({ roleArn, allowed }) => allowed && roleArn === role.arn);
    const suffice = (reduced: readonly NamedPolicy[]): boolean =>
      own.every(({ ask }) => evaluate(ask, reduced, resourcePolicies(ask.resource), asker).allowed);
    return policies.flatMap(({ name, document }) =>
      document.statements.flatMap((statement, index) => {
        if (statement.effect === 'Deny') return [];
        const statements = document.statements.filter((_, i) => i !== index);
        const reduced = policies.map((one) =>
          one.name === name ? { name, document: { ...document, statements } } : one,
        );
        return suffice(reduced) ? [{ roleArn: role.arn, policy: name, sid: statement.sid, index }] : [];
      }),
    );
  });
}
