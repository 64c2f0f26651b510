/** What CloudFormation's API knows of a stack: its state, its resources and what happened, as long as the cloud lives. */
import type { WallMs } from '../../core/time.js';
import type { Stack } from './deploy.js';
import type { ResourceEvent } from './engine.js';
import type { JsonObject } from './json.js';

export type StackStatus =
  | 'CREATE_IN_PROGRESS'
  | 'CREATE_COMPLETE'
  | 'ROLLBACK_IN_PROGRESS'
  | 'ROLLBACK_COMPLETE'
  | 'ROLLBACK_FAILED'
  | 'UPDATE_IN_PROGRESS'
  | 'UPDATE_COMPLETE'
  | 'UPDATE_ROLLBACK_IN_PROGRESS'
  | 'UPDATE_ROLLBACK_COMPLETE'
  | 'UPDATE_ROLLBACK_FAILED'
  | 'DELETE_IN_PROGRESS'
  | 'DELETE_COMPLETE'
  | 'DELETE_FAILED';

/** What a stack is created or changed with, checked. */
export interface StackWish {
  readonly name: string;
  readonly templateText: string;
  readonly template: JsonObject;
  readonly parameters: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
  readonly tags: readonly { readonly key: string; readonly value: string }[];
  readonly roleArn: string | null;
  readonly onFailure: 'ROLLBACK' | 'DELETE';
  readonly timeoutMinutes: number | null;
  readonly token: string | null;
}

export interface StackEvent {
  readonly eventId: string;
  readonly logicalId: string;
  readonly physicalId: string;
  readonly type: string;
  readonly status: string;
  readonly reason: string | null;
  readonly atMs: WallMs;
  readonly token: string | null;
}

export const STACK_TYPE = 'AWS::CloudFormation::Stack';

/** Of one stack; what is oldest goes first. */
const MAX_EVENTS = 5_000;

export class StackRecord {
  readonly id: string;
  readonly createdMs: WallMs;
  updatedMs: WallMs | null = null;
  deletedMs: WallMs | null = null;
  wish: StackWish;
  status: StackStatus = 'CREATE_IN_PROGRESS';
  reason: string | null = null;
  /** In the order of time. */
  readonly events: StackEvent[] = [];
  /** The last that was heard of each, by logical id. */
  readonly resources = new Map<string, StackEvent>();
  /** What it is now; null: nothing stands. */
  stack: Stack | null = null;
  /** Gives up a creation that is under way. */
  readonly giveUp = new AbortController();
  /** Operations, one after the other. */
  work: Promise<void> = Promise.resolve();
  readonly #now: () => WallMs;
  readonly #newId: () => string;

  constructor(id: string, wish: StackWish, now: () => WallMs, newId: () => string) {
    this.id = id;
    this.wish = wish;
    this.#now = now;
    this.#newId = newId;
    this.createdMs = now();
    this.enter('CREATE_IN_PROGRESS', 'User Initiated');
  }

  get name(): string {
    return this.wish.name;
  }

  /** The stack's own state. */
  enter(status: StackStatus, reason: string | null = null): void {
    this.status = status;
    this.reason = reason;
    if (status === 'DELETE_COMPLETE') this.deletedMs = this.#now();
    this.#push({ logicalId: this.name, physicalId: this.id, type: STACK_TYPE, status, reason }, this.#now());
  }

  /** The engine tells of a resource when it is done; it began `ms` earlier. */
  take({ what, logicalId, type, physicalId, ms, reason }: ResourceEvent): void {
    const [began, ended] = this.#states(what);
    const resource = { logicalId, physicalId: physicalId ?? '', type };
    const now = this.#now();
    const from = Math.max(this.events.at(-1)?.atMs ?? 0, now - Math.round(ms)) as WallMs;
    if (began !== null) this.#push({ ...resource, status: began, reason: null }, from);
    const event = this.#push({ ...resource, status: ended, reason: what === 'failed' ? reason : null }, now);
    this.resources.set(logicalId, event);
    if (what !== 'failed') return;
    const which = `[${logicalId}]`;
    if (this.status === 'CREATE_IN_PROGRESS') {
      const asked = this.wish.onFailure === 'DELETE' ? 'Delete' : 'Rollback';
      this.enter(
        'ROLLBACK_IN_PROGRESS',
        `The following resource(s) failed to create: ${which}. ${asked} requested by user.`,
      );
    } else if (this.status === 'UPDATE_IN_PROGRESS') {
      this.enter('UPDATE_ROLLBACK_IN_PROGRESS', `The following resource(s) failed to update: ${which}. `);
    }
  }

  /** Resources that couldn't be deleted. */
  undeleted(): string[] {
    return [...this.resources.values()].flatMap(({ logicalId, status }) =>
      status === 'DELETE_FAILED' ? [logicalId] : [],
    );
  }

  #states(what: ResourceEvent['what']): [began: string | null, ended: string] {
    switch (what) {
      case 'created':
        return ['CREATE_IN_PROGRESS', 'CREATE_COMPLETE'];
      case 'updated':
      case 'replaced':
        return ['UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE'];
      case 'deleted':
        return ['DELETE_IN_PROGRESS', 'DELETE_COMPLETE'];
      case 'retained':
        return [null, 'DELETE_SKIPPED'];
      case 'failed':
        if (this.status === 'CREATE_IN_PROGRESS') return ['CREATE_IN_PROGRESS', 'CREATE_FAILED'];
        return this.status.startsWith('UPDATE_') ? [null, 'UPDATE_FAILED'] : ['DELETE_IN_PROGRESS', 'DELETE_FAILED'];
    }
  }

  #push(event: Omit<StackEvent, 'eventId' | 'atMs' | 'token'>, atMs: WallMs): StackEvent {
    const whole = { ...event, eventId: this.#newId(), atMs, token: this.wish.token };
    this.events.push(whole);
    if (this.events.length > MAX_EVENTS) this.events.shift();
    return whole;
  }
}
