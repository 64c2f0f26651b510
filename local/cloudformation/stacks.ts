/**
 * CloudFormation's stacks as its API has them: each is deployed in the background, several at once.
 *
 *     create:  CREATE_IN_PROGRESS -> CREATE_COMPLETE | ROLLBACK_IN_PROGRESS -> ROLLBACK_COMPLETE
 *     update:  UPDATE_IN_PROGRESS -> UPDATE_COMPLETE | UPDATE_ROLLBACK_IN_PROGRESS -> UPDATE_ROLLBACK_COMPLETE
 *     delete:  DELETE_IN_PROGRESS -> DELETE_COMPLETE | DELETE_FAILED; from any state, a creation under way included
 *
 * A stack that was deleted is found by its id, not by its name.
 */
import { hash32 } from '../../core/rng.js';
import type { WallMs } from '../../core/time.js';
import type { LocalCloud } from '../cloud-types.js';
import { AwsError } from '../wire/error.js';
import type { DeployInput } from './deploy.js';
import { sameJson } from './json.js';
import { placesOf } from './places.js';
import type { RehearsalOptions } from './rehearsal-spec.js';
import { StackRecord, type StackStatus, type StackWish } from './stack-record.js';

export interface StacksOptions {
  readonly region: string;
  readonly accountId: string;
  readonly now: () => WallMs;
  readonly newId: () => string;
  /** The cloud that stacks stand on; it is there when the first one is asked for. */
  readonly cloud: () => LocalCloud;
  readonly rehearsal: RehearsalOptions;
}

const MAX_STACKS = 50;
/** Records of deleted ones. */
const MAX_DELETED = 200;

const UPDATABLE: ReadonlySet<StackStatus> = new Set(['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE']);

export class Stacks {
  readonly #options: StacksOptions;
  /** By id, in order of creation. */
  readonly #records = new Map<string, StackRecord>();
  #closed = false;

  constructor(options: StacksOptions) {
    this.#options = options;
  }

  /** By name or id; null: there is none. */
  find(nameOrId: string): StackRecord | null {
    const byId = this.#records.get(nameOrId);
    if (byId !== undefined) return byId;
    for (const record of this.#records.values()) {
      if (record.name === nameOrId && record.status !== 'DELETE_COMPLETE') return record;
    }
    return null;
  }

  /** The newest first. */
  list(): StackRecord[] {
    return [...this.#records.values()].reverse();
  }

  /** Returns at once, with the stack's id. @throws AwsError */
  create(wish: StackWish): string {
    const there = this.find(wish.name);
    if (there !== null) {
      if (wish.token !== null && there.wish.token === wish.token) return there.id;
      throw new AwsError('AlreadyExistsException', `Stack [${wish.name}] already exists`);
    }
    this.#makeRoom();
    const { region, accountId, now, newId } = this.#options;
    const id = `arn:aws:cloudformation:${region}:${accountId}:stack/${wish.name}/${newId()}`;
    const record = new StackRecord(id, wish, now, newId);
    this.#records.set(id, record);
    this.#enqueue(record, () => this.#create(record));
    return id;
  }

  /** Returns at once. @throws AwsError `ValidationError` */
  update(nameOrId: string, wish: StackWish): string {
    const record = this.find(nameOrId);
    if (record === null || record.status === 'DELETE_COMPLETE') {
      throw new AwsError('ValidationError', `Stack [${nameOrId}] does not exist`);
    }
    if (!UPDATABLE.has(record.status)) {
      throw new AwsError('ValidationError', `Stack:${record.id} is in ${record.status} state and can not be updated.`);
    }
    const before = record.wish;
    const same = sameJson(before.template, wish.template) && sameJson(before.parameters, wish.parameters);
    if (same && JSON.stringify(before.tags) === JSON.stringify(wish.tags)) {
      throw new AwsError('ValidationError', 'No updates are to be performed.');
    }
    record.wish = { ...wish, name: before.name, roleArn: wish.roleArn ?? before.roleArn };
    record.updatedMs = this.#options.now();
    record.enter('UPDATE_IN_PROGRESS', 'User Initiated');
    this.#enqueue(record, () => this.#update(record, before));
    return record.id;
  }

  /**
   * Returns at once; one that isn't there is fine. `byRole`: the role whose credentials ask; without a service role the
   * stack's resources are deleted with its rights, and the local cloud takes it that they don't suffice.
   */
  delete(nameOrId: string, byRole: string | null, roleArn: string | null): void {
    const record = this.find(nameOrId);
    if (record === null || record.status.startsWith('DELETE_') === true) {
      if (record?.status !== 'DELETE_FAILED') return;
    }
    const role = roleArn ?? record.wish.roleArn;
    record.enter('DELETE_IN_PROGRESS', 'User Initiated');
    record.giveUp.abort();
    this.#enqueue(record, async () => {
      if (role === null && byRole !== null) {
        record.enter(
          'DELETE_FAILED',
          `The stack has no service role, so its resources are deleted with the rights of ${byRole}, which may not.`,
        );
        return;
      }
      await this.#delete(record);
    });
  }

  /** Lets go of everything; nothing is deleted. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { giveUp } of this.#records.values()) giveUp.abort();
    await Promise.all([...this.#records.values()].map(({ stack }) => stack?.close()));
  }

  #enqueue(record: StackRecord, act: () => Promise<void>): void {
    record.work = record.work.then(() => (this.#closed ? undefined : act()));
  }

  async #create(record: StackRecord): Promise<void> {
    const { wish, giveUp } = record;
    const timer =
      wish.timeoutMinutes === null ? undefined : setTimeout(() => giveUp.abort(), wish.timeoutMinutes * 60_000);
    try {
      this.#addPools(wish);
      // The SDK's clients take their time to load, and few clouds need them here.
      const { deploy } = await import('./deploy.js');
      record.stack = await deploy(this.#inputOf(record), this.#options.cloud());
      if (record.status === 'CREATE_IN_PROGRESS') record.enter('CREATE_COMPLETE');
    } catch (error) {
      // Its deletion goes on from here.
      if (record.status === 'DELETE_IN_PROGRESS') return;
      if (record.status === 'CREATE_IN_PROGRESS') record.enter('ROLLBACK_IN_PROGRESS', messageOf(error));
      const { reason } = record;
      const left = record.undeleted();
      if (left.length > 0) {
        record.enter('ROLLBACK_FAILED', `The following resource(s) failed to delete: [${left.join(', ')}]. `);
      } else if (wish.onFailure === 'DELETE') record.enter('DELETE_COMPLETE');
      else {
        record.enter('ROLLBACK_COMPLETE');
        // As AWS, which keeps the reason in the events; here it is in the description, too.
        record.reason = reason;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #update(record: StackRecord, before: StackWish): Promise<void> {
    const { stack, wish } = record;
    try {
      this.#addPools(wish);
      await stack?.update({ template: wish.template, parameters: wish.parameters });
      if (record.status === 'UPDATE_IN_PROGRESS') record.enter('UPDATE_COMPLETE');
    } catch (error) {
      record.wish = { ...before, token: wish.token };
      if (record.status === 'DELETE_IN_PROGRESS') return;
      if (record.status === 'UPDATE_IN_PROGRESS') record.enter('UPDATE_ROLLBACK_IN_PROGRESS', messageOf(error));
      const failed = messageOf(error).includes('Taking it back failed');
      record.enter(failed ? 'UPDATE_ROLLBACK_FAILED' : 'UPDATE_ROLLBACK_COMPLETE', failed ? messageOf(error) : null);
    }
  }

  async #delete(record: StackRecord): Promise<void> {
    try {
      if (record.stack === null && record.undeleted().length > 0) {
        throw new Error('What a rollback left behind has to be deleted by hand.');
      }
      await record.stack?.delete();
      await record.stack?.close();
      record.stack = null;
      record.enter('DELETE_COMPLETE');
    } catch (error) {
      const left = record.undeleted();
      record.enter(
        'DELETE_FAILED',
        left.length === 0
          ? messageOf(error)
          : `The following resource(s) failed to delete: [${left.join(', ')}]. ${messageOf(error)}`,
      );
    }
  }

  #inputOf(record: StackRecord): DeployInput {
    const { wish, id, name, giveUp } = record;
    return {
      stackName: name,
      stackId: id,
      template: wish.template,
      parameters: wish.parameters,
      rehearsal: this.#options.rehearsal,
      onEvent: (event) => record.take(event),
      signal: giveUp.signal,
    };
  }

  /** Types that the template's clusters name; prices are made up. */
  #addPools({ template, parameters }: StackWish): void {
    const cloud = this.#options.cloud();
    const zones = new Set(cloud.zones());
    for (const { instanceType, zone } of placesOf(template, { region: cloud.region, parameters }).pools) {
      if (!zones.has(zone)) continue;
      const onDemandPrice = 0.08 + (hash32(instanceType) % 40) / 1_000;
      const spotPrice = onDemandPrice * (0.3 + (hash32(zone) % 10) / 100);
      cloud.addPool({ instanceType, zone, onDemandPrice, spotPrice, capacity: null });
    }
  }

  #makeRoom(): void {
    const all = [...this.#records.values()];
    const deleted = all.filter(({ status }) => status === 'DELETE_COMPLETE');
    if (all.length - deleted.length >= MAX_STACKS) {
      throw new AwsError('LimitExceededException', `Limit for stack has been exceeded: ${MAX_STACKS}`);
    }
    if (deleted.length >= MAX_DELETED) this.#records.delete(deleted[0]?.id ?? '');
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
