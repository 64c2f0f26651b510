/** What a stack's roles asked for, and what of their rights they used, from the local IAM's ledger. */
import type { Role } from '../../../local/iam/directory.js';
import type { NamedPolicy } from '../../../local/iam/evaluate.js';
import type { Iam } from '../../../local/iam/iam.js';
import type { DenialFact, RoleFact } from './facts.js';

export class Permissions {
  readonly #iam: Iam;
  readonly #names: ReadonlyMap<string, string>;
  /** Roles go with the stack: what they were allowed is kept from before. */
  readonly #roles = new Map<string, { readonly role: Role; readonly policies: readonly NamedPolicy[] }>();

  /** @param names logical ids by physical ones */
  constructor(iam: Iam, names: ReadonlyMap<string, string>) {
    this.#iam = iam;
    this.#names = names;
  }

  /** Keeps what the roles' policies say now. */
  look(): void {
    for (const role of this.#iam.roles()) {
      const policies = this.#iam.policiesOf(role.arn);
      // A role that is being deleted may have lost its policies already.
      if (policies.length > 0) this.#roles.set(role.arn, { role, policies });
    }
  }

  facts(): { readonly asked: number; readonly denials: readonly DenialFact[]; readonly roles: readonly RoleFact[] } {
    const directory = {
      roles: () => [...this.#roles.values()].map(({ role }) => role),
      policiesOf: (arn: string) => this.#roles.get(arn)?.policies ?? [],
    };
    const { ledger } = this.#iam;
    return {
      asked: ledger.asked().length,
      denials: ledger.denials().map((denial) => denialFact(denial, this.#names)),
      roles: ledger.report(directory).map(({ roleName, statements }) => {
        const counts = new Map<string, number>();
        for (const { action, count } of statements.flatMap(({ permissions }) => permissions)) {
          counts.set(action, (counts.get(action) ?? 0) + count);
        }
        const actions = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
        return {
          role: this.#names.get(roleName) ?? roleName,
          used: actions.flatMap(([action, count]) => (count > 0 ? [{ action, count }] : [])),
          unused: actions.flatMap(([action, count]) => (count > 0 ? [] : [action])),
        };
      }),
    };
  }
}

type Denial = ReturnType<Iam['ledger']['denials']>[number];

export function denialFact(denial: Denial, names: ReadonlyMap<string, string> = new Map()): DenialFact {
  const { roleArn, action, resource, needed, why, count } = denial;
  const name = roleArn.split('/').at(-1) ?? roleArn;
  return { role: names.get(name) ?? name, action, resource, needed: JSON.stringify(needed), why, count };
}

/** One line for people. */
export const denialText = ({ role, action, resource, needed, why }: DenialFact): string =>
  `${role} may not ${action} on ${resource}. ${why} Missing: ${needed}`;
