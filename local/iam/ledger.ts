import type { IamDirectory } from './directory.js';
import { type Ask, type Found, matchesAction, type NearMiss } from './evaluate.js';

/** A call that the policies don't allow. */
export interface Denial {
  readonly roleArn: string;
  readonly action: string;
  readonly resource: string;
  /** What a policy would have to say. */
  readonly needed: object;
  /** Why the denial, in a sentence. */
  readonly why: string;
  readonly count: number;
}

/** One permission of a statement: one pattern of actions in it. */
export interface PermissionUse {
  readonly action: string;
  readonly count: number;
}

export interface StatementUse {
  readonly policy: string;
  readonly sid: string | null;
  /** Of the statement in its policy, from 0. */
  readonly index: number;
  readonly permissions: readonly PermissionUse[];
}

export interface RoleUse {
  readonly roleArn: string;
  readonly roleName: string;
  readonly statements: readonly StatementUse[];
  readonly denials: readonly Denial[];
}

/** A permission that a role asked for, and whether it had it. */
export interface Asked {
  readonly roleArn: string;
  readonly ask: Ask;
  readonly allowed: boolean;
}

const MAX_USES = 20_000;
const MAX_DENIALS = 1_000;
const MAX_ASKED = 20_000;

/** What was asked for, by whom, and which statement served. Bounded: what is beyond is counted no more. */
export class Ledger {
  readonly #uses = new Map<string, number>();
  readonly #denials = new Map<string, Denial>();
  readonly #asked = new Map<string, Asked>();

  allowed(roleArn: string, ask: Ask, by: readonly Found[]): void {
    for (const found of by) {
      const key = useKey(roleArn, found, ask.action);
      if (this.#uses.has(key) || this.#uses.size < MAX_USES) this.#uses.set(key, (this.#uses.get(key) ?? 0) + 1);
    }
    this.#remember(roleArn, ask, true);
  }

  /** `isNew`: this role was never denied this, for this reason, before. */
  denied(
    roleArn: string,
    ask: Ask,
    explicit: string | null,
    nearMisses: readonly NearMiss[],
  ): { readonly denial: Denial; readonly isNew: boolean } {
    const reason = why(explicit, nearMisses);
    const key = [roleArn, ask.action, ask.resource, reason].join('\n');
    const known = this.#denials.get(key);
    this.#remember(roleArn, ask, false);
    if (known !== undefined) {
      const again = { ...known, count: known.count + 1 };
      this.#denials.set(key, again);
      return { denial: again, isNew: false };
    }
    const denial: Denial = {
      roleArn,
      action: ask.action,
      resource: ask.resource,
      needed: { Effect: 'Allow', Action: ask.action, Resource: ask.resource },
      why: reason,
      count: 1,
    };
    if (this.#denials.size < MAX_DENIALS) this.#denials.set(key, denial);
    return { denial, isNew: true };
  }

  denials(): Denial[] {
    return [...this.#denials.values()];
  }

  /** Each different permission asked for, once. */
  asked(): Asked[] {
    return [...this.#asked.values()];
  }

  /** Per role that there ever was, each statement of its policies with how often its permissions served. */
  report(directory: IamDirectory): RoleUse[] {
    return directory.past().map(({ role, policies }) => ({
      roleArn: role.arn,
      roleName: role.name,
      statements: policies.flatMap(({ name, document }) =>
        document.statements.flatMap((statement, index) =>
          statement.effect === 'Deny'
            ? []
            : [
                {
                  policy: name,
                  sid: statement.sid,
                  index,
                  permissions: this.#permissions(role.arn, { policy: name, index, statement }),
                },
              ],
        ),
      ),
      denials: this.denials().filter(({ roleArn }) => roleArn === role.arn),
    }));
  }

  #permissions(roleArn: string, found: Found): PermissionUse[] {
    const prefix = useKey(roleArn, found, '');
    const used = [...this.#uses].filter(([key]) => key.startsWith(prefix));
    return found.statement.actions.map((pattern) => ({
      action: pattern,
      count: used.reduce((sum, [key, n]) => sum + (matchesAction(pattern, key.slice(prefix.length)) ? n : 0), 0),
    }));
  }

  #remember(roleArn: string, ask: Ask, allowed: boolean): void {
    const key = JSON.stringify([roleArn, ask.action, ask.resource, allowed, ask.context]);
    if (this.#asked.size < MAX_ASKED) this.#asked.set(key, { roleArn, ask, allowed });
  }
}

/** A statement keeps its name when its policy changes; one without a name has its place. */
const useKey = (roleArn: string, { policy, index, statement }: Found, action: string): string =>
  `${roleArn}\n${policy}\n${statement.sid ?? index}\n${action}`;

function why(explicit: string | null, nearMisses: readonly NearMiss[]): string {
  if (explicit !== null) return `${explicit} denies it.`;
  const near = nearMisses[0];
  if (near === undefined) return 'No statement allows it.';
  const failed = near.failed.map(({ operator, key, wanted }) => `${operator} ${key} ${wanted.join(' or ')}`);
  const name = near.statement.sid ?? `statement ${near.index + 1} of ${near.policy}`;
  return `${name} would allow it, but this doesn't hold: ${failed.join('; ')}.`;
}
