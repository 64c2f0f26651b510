/** What a rehearsal of a stack adds to the timeline. */
export interface StackFacts {
  readonly name: string;
  readonly resources: number;
  /** What was done otherwise than AWS would, or not at all. */
  readonly notes: readonly string[];
  /** Permissions that were asked for, each different one once. */
  readonly asked: number;
  readonly denials: readonly DenialFact[];
  readonly roles: readonly RoleFact[];
  readonly changes: readonly ChangeFact[];
  /** EventBridge was made to lose events. */
  readonly eventsLost: boolean;
  /** From the notice to the replacement that a function asks for, at most. */
  readonly fallbackMs: number;
  /** What the deletion left, a line each; null: it wasn't deleted. */
  readonly left: readonly string[] | null;
  /** What stays by a policy of the template. */
  readonly kept: readonly string[];
  readonly deletedMs: number | null;
}

/** A call that the template's own policies don't allow. */
export interface DenialFact {
  readonly role: string;
  readonly action: string;
  readonly resource: string;
  /** The statement that is missing, as JSON. */
  readonly needed: string;
  readonly why: string;
  readonly count: number;
}

export interface RoleFact {
  readonly role: string;
  readonly used: readonly { readonly action: string; readonly count: number }[];
  readonly unused: readonly string[];
}

/** A change of the stack while it ran. */
export interface ChangeFact {
  readonly what: 'update' | 'scale' | 'delete';
  readonly atMs: number;
  /** When CloudFormation was done; null: it failed. */
  readonly endedMs: number | null;
  /** Wished from then on. */
  readonly desired: number;
  readonly templateVersion: number;
  readonly problem: string | null;
}
