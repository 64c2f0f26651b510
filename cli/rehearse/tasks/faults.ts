import { taskKey } from '../../../core/tasks/task.js';
import type { RecordFound, TaskFacts, TaskWrite } from './facts.js';

type LeaseWrite = Extract<TaskWrite, { type: 'lease' }>;

/** What the writes to the registers came to, over all tasks. */
export interface RegisterStory {
  /** Writes that nobody may make, a line each. */
  readonly faults: readonly string[];
  /** Times that a node took a task whose holder had let its lease run out. */
  readonly takeovers: readonly { readonly task: string; readonly atMs: number; readonly from: string }[];
  /** Times that a holder gave its task to another node. */
  readonly handOvers: number;
  /** Writes that made a task done, by task. */
  readonly completions: ReadonlyMap<string, readonly LeaseWrite[]>;
}

/** S3 dates an object in whole seconds, so a lease may look this much older than it is. */
const S3_SECOND_MS = 1_000;

const isFinal = (write: LeaseWrite | null): boolean =>
  write !== null && write.state !== 'held' && write.state !== 'free';

/**
 * Goes through all writes in S3's own order. The rules are those of core/tasks: fences never fall, a held lease is changed
 * by its holder, by a node that finds it run out, or cancelled by a user; what is final stays; nobody touches what others
 * have under their fence.
 */
export function readRegisters({ writes, leaseMs, records }: Pick<TaskFacts, 'writes' | 'leaseMs' | 'records'>) {
  const story = {
    faults: [] as string[],
    takeovers: [] as { task: string; atMs: number; from: string }[],
    handOvers: 0,
    completions: new Map<string, LeaseWrite[]>(),
  };
  const registers = new Map<string, OneRegister>();
  for (const write of writes) {
    let register = registers.get(write.task);
    if (register === undefined) {
      register = new OneRegister(write.task, leaseMs);
      registers.set(write.task, register);
    }
    register.take(write);
  }
  for (const [task, register] of registers) {
    story.faults.push(...register.faults);
    story.takeovers.push(...register.takeovers);
    story.handOvers += register.handOvers;
    story.completions.set(task, register.completions);
  }
  story.faults.push(...recordFaults(records, registers));
  return story satisfies RegisterStory;
}

class OneRegister {
  readonly faults: string[] = [];
  readonly takeovers: { task: string; atMs: number; from: string }[] = [];
  readonly completions: LeaseWrite[] = [];
  readonly holders = new Map<number, string>();
  handOvers = 0;
  /** The last final write; it may be deleted since. */
  final: LeaseWrite | null = null;
  readonly #task: string;
  readonly #leaseMs: number;
  #now: LeaseWrite | null = null;

  constructor(task: string, leaseMs: number) {
    this.#task = task;
    this.#leaseMs = leaseMs;
  }

  take(write: TaskWrite): void {
    const now = this.#now;
    const others = (who: string): boolean => now?.state === 'held' && now.holder !== who;
    switch (write.type) {
      case 'lease':
        this.#change(write, now);
        return;
      case 'lease-deleted':
        // A claim on a task that was archived meanwhile is taken back.
        if (!isFinal(now) && others(write.by)) this.#fault(write, `deleted the lease that ${now?.holder} held`);
        this.#now = null;
        return;
      case 'open':
        return;
      case 'open-deleted':
        if (this.final === null && write.by !== 'user') this.#fault(write, 'took it from the queue before its end');
        return;
      case 'checkpoint': {
        const owner = this.holders.get(write.fence);
        if (owner !== undefined && owner !== write.by) {
          this.#fault(write, `wrote into a checkpoint of ${owner} (fence ${write.fence})`);
        }
        return;
      }
      case 'checkpoint-deleted': {
        if (this.final !== null) return;
        const owner = this.holders.get(write.fence);
        if (write.manifest !== null && write.manifest === now?.checkpoint) {
          this.#fault(write, 'deleted the checkpoint that the lease names');
        } else if (owner !== write.by && others(write.by)) {
          this.#fault(write, `deleted a checkpoint of ${owner ?? 'nobody'} while ${now?.holder} held the lease`);
        }
      }
    }
  }

  #change(write: LeaseWrite, now: LeaseWrite | null): void {
    const last = now ?? this.final;
    // A request whose reply was lost may be sent again.
    if (now !== null && now.nonce === write.nonce && now.fence === write.fence && now.state === write.state) {
      this.#now = write;
      return;
    }
    if (isFinal(now)) this.#fault(write, `wrote "${write.state}" after its end (${now?.state}, fence ${now?.fence})`);
    else if (now === null && this.final !== null && isFinal(write)) this.#fault(write, 'ended it again');
    else if (last !== null && write.fence < last.fence) {
      this.#fault(write, `wrote fence ${write.fence} after fence ${last.fence}`);
    } else if (now?.state === 'held') this.#overHeld(write, now);
    if (write.state === 'done') this.completions.push(write);
    if (write.holder !== null) this.holders.set(write.fence, write.holder);
    if (isFinal(write)) this.final ??= write;
    this.#now = write;
  }

  #overHeld(write: LeaseWrite, now: LeaseWrite): void {
    if (write.by === now.holder) {
      if (write.fence > now.fence) this.handOvers++;
      return;
    }
    if (write.by === 'user') {
      if (write.state !== 'cancelled') this.#fault(write, `wrote "${write.state}" over the lease of ${now.holder}`);
      return;
    }
    const ageMs = write.atMs - now.atMs;
    if (ageMs < this.#leaseMs - S3_SECOND_MS) {
      this.#fault(write, `wrote "${write.state}" over the lease of ${now.holder}, ${ageMs} ms old`);
    } else if (write.fence <= now.fence) {
      this.#fault(write, `took the lease of ${now.holder} with the same fence ${write.fence}`);
    } else this.takeovers.push({ task: this.#task, atMs: write.atMs, from: now.holder ?? '' });
  }

  #fault(write: TaskWrite, what: string): void {
    this.faults.push(`${this.#task}: ${write.by} ${what}`);
  }
}

/** A record must say what the register said at its end. */
function recordFaults(records: readonly RecordFound[], registers: ReadonlyMap<string, OneRegister>): string[] {
  return records.flatMap(({ lease }) => {
    const key = taskKey(lease);
    const final = registers.get(key)?.final ?? null;
    if (final === null) return [`${key}: its record says "${lease.state}", its register never did`];
    return final.state === lease.state && final.fence === lease.fence && final.nonce === lease.nonce
      ? []
      : [
          `${key}: its record says "${lease.state}" (fence ${lease.fence}), its register "${final.state}" (${final.fence})`,
        ];
  });
}
