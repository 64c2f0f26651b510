import type { CloudClock } from '../clock.js';
import { AwsError } from '../wire/error.js';
import { type Message, type MessageAttribute, type QueueCounts, QueueModel, type Received } from './model.js';

/** A queue's settings as AWS counts them; what isn't given has AWS's default. */
export interface QueueAttributes {
  /** Seconds, default 0. */
  readonly delaySeconds?: number;
  /** Seconds, default 30. */
  readonly visibilitySeconds?: number;
  /** Seconds, default 4 days. */
  readonly retentionSeconds?: number;
  /** Seconds, default 0. */
  readonly waitSeconds?: number;
  readonly redrive?: { readonly deadLetterArn: string; readonly maxReceiveCount: number } | null;
}

export interface Queue {
  readonly name: string;
  readonly arn: string;
  readonly url: string;
  readonly createdMs: number;
  readonly attributes: Required<QueueAttributes>;
  readonly tags: Readonly<Record<string, string>>;
}

export interface DeadLetter {
  readonly from: string;
  readonly to: string;
  readonly message: Message;
}

export interface QueuesOptions {
  readonly region: string;
  readonly accountId: string;
  readonly clock: CloudClock;
  /** Real seconds per second of a queue's delay and visibility time-out. */
  readonly timeScale: number;
  /** Known once the endpoint listens. */
  readonly endpoint: () => string;
  readonly newId: () => string;
  readonly onDeadLetter: (letter: DeadLetter) => void;
}

interface QueueRecord {
  queue: Queue;
  readonly model: QueueModel;
  readonly waiting: Set<() => void>;
}

const DEFAULTS: Required<QueueAttributes> = {
  delaySeconds: 0,
  visibilitySeconds: 30,
  retentionSeconds: 345_600,
  waitSeconds: 0,
  redrive: null,
};
const MAX_QUEUES = 1_000;
const MAX_BODY = 1_048_576;

/** SQS's standard queues. */
export class Queues {
  readonly #options: QueuesOptions;
  readonly #queues = new Map<string, QueueRecord>();
  #closed = false;

  constructor(options: QueuesOptions) {
    this.#options = options;
  }

  /** The same name with the same settings is the same queue. @throws AwsError */
  create(name: string, attributes: QueueAttributes = {}, tags: Queue['tags'] = {}): Queue {
    if (!/^[\w-]{1,80}$/.test(name)) {
      throw new AwsError(
        'InvalidParameterValue',
        `'${name.slice(0, 100)}' is no queue name: 1 to 80 letters, digits, - and _ (the local cloud has no FIFO queues)`,
      );
    }
    const wish = checked({ ...DEFAULTS, ...attributes });
    const known = this.#queues.get(name);
    if (known !== undefined) {
      if (JSON.stringify(known.queue.attributes) !== JSON.stringify(wish)) {
        throw new AwsError('QueueNameExists', 'A queue already exists with the same name and a different value.');
      }
      return known.queue;
    }
    if (this.#queues.size >= MAX_QUEUES) throw new AwsError('OverLimit', `More than ${MAX_QUEUES} queues`);
    const { region, accountId, clock, endpoint } = this.#options;
    const queue: Queue = {
      name,
      arn: `arn:aws:sqs:${region}:${accountId}:${name}`,
      url: `${endpoint()}/${accountId}/${name}`,
      createdMs: clock.wall(),
      attributes: wish,
      tags,
    };
    this.#queues.set(name, { queue, model: new QueueModel(this.#settings(wish)), waiting: new Set() });
    return queue;
  }

  /** @throws AwsError */
  setAttributes(idOrArn: string, attributes: QueueAttributes): Queue {
    const record = this.#record(idOrArn);
    record.queue = { ...record.queue, attributes: checked({ ...record.queue.attributes, ...attributes }) };
    record.model.settings = this.#settings(record.queue.attributes);
    return record.queue;
  }

  /** One that isn't there is fine. */
  delete(idOrArn: string): void {
    const name = nameOf(idOrArn);
    const record = this.#queues.get(name);
    this.#queues.delete(name);
    for (const wake of record?.waiting ?? []) wake();
  }

  /** By name, URL or ARN; null when there is none. */
  find(idOrArn: string): Queue | null {
    return this.#queues.get(nameOf(idOrArn))?.queue ?? null;
  }

  list(): Queue[] {
    return [...this.#queues.values()].map(({ queue }) => queue).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Returns the message's id. `delaySeconds` over the queue's own. @throws AwsError */
  send(
    idOrArn: string,
    body: string,
    options: {
      readonly delaySeconds?: number | undefined;
      readonly attributes?: Readonly<Record<string, MessageAttribute>> | undefined;
    } = {},
  ): string {
    const record = this.#record(idOrArn);
    if (body.length === 0 || Buffer.byteLength(body) > MAX_BODY) {
      throw new AwsError('InvalidParameterValue', `A message has 1 to ${MAX_BODY} bytes`);
    }
    const seconds = options.delaySeconds ?? record.queue.attributes.delaySeconds;
    if (!(seconds >= 0 && seconds <= 900)) {
      throw new AwsError('InvalidParameterValue', 'DelaySeconds must be from 0 to 900');
    }
    const id = this.#options.newId();
    record.model.send({ id, body, attributes: options.attributes ?? {} }, seconds * this.#second(), this.#now());
    this.#wake(record);
    return id;
  }

  /** Waits up to `waitSeconds` for a first message. `visibilityMs`: real time, over the queue's own. @throws AwsError */
  async receive(
    idOrArn: string,
    options: {
      readonly max: number;
      readonly waitMs?: number | undefined;
      readonly visibilityMs?: number | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<readonly Received[]> {
    const { waiting } = this.#record(idOrArn);
    const until = this.#now() + (options.waitMs ?? this.#record(idOrArn).model.settings.waitMs);
    for (;;) {
      // The queue may be gone since.
      const record = this.#record(idOrArn);
      const { messages, dead } = record.model.receive(
        options.max,
        options.visibilityMs ?? record.model.settings.visibilityMs,
        this.#now(),
      );
      for (const message of dead) this.#bury(record.queue, message);
      const left = until - this.#now();
      if (messages.length > 0 || left <= 0 || this.#closed || options.signal?.aborted === true) return messages;
      await sleepUntilWoken(waiting, Math.min(left, record.model.nextVisibleMs() - this.#now()), options.signal);
    }
  }

  /** @throws AwsError */
  deleteMessage(idOrArn: string, receipt: string): void {
    this.#record(idOrArn).model.delete(receipt);
  }

  /** `visibilityMs`: real time. @throws AwsError */
  changeVisibility(idOrArn: string, receipt: string, visibilityMs: number): void {
    const record = this.#record(idOrArn);
    record.model.changeVisibility(receipt, visibilityMs, this.#now());
    this.#wake(record);
  }

  purge(idOrArn: string): void {
    this.#record(idOrArn).model.purge();
  }

  /** @throws AwsError */
  counts(idOrArn: string): QueueCounts {
    return this.#record(idOrArn).model.counts(this.#now());
  }

  /** Real ms of a queue's visibility time-out. @throws AwsError */
  visibilityMs(idOrArn: string): number {
    return this.#record(idOrArn).model.settings.visibilityMs;
  }

  /** Real ms of a second of AWS's settings. */
  get secondMs(): number {
    return this.#second();
  }

  close(): void {
    this.#closed = true;
    for (const { waiting } of this.#queues.values()) for (const wake of waiting) wake();
  }

  #bury(from: Queue, message: Message): void {
    const arn = from.attributes.redrive?.deadLetterArn ?? '';
    const grave = this.#queues.get(nameOf(arn));
    // A dead-letter queue that is gone takes nothing; SQS would keep the message where it is until it is too old.
    if (grave === undefined) return;
    grave.model.takeOver(message, this.#now());
    this.#wake(grave);
    this.#options.onDeadLetter({ from: from.arn, to: arn, message });
  }

  #wake({ waiting }: QueueRecord): void {
    for (const wake of waiting) wake();
  }

  #record(idOrArn: string): QueueRecord {
    const record = this.#queues.get(nameOf(idOrArn));
    if (record === undefined) throw new AwsError('QueueDoesNotExist', 'The specified queue does not exist.');
    return record;
  }

  #settings({ delaySeconds, visibilitySeconds, retentionSeconds, waitSeconds, redrive }: Required<QueueAttributes>) {
    const second = this.#second();
    return {
      delayMs: delaySeconds * second,
      visibilityMs: visibilitySeconds * second,
      // Not scaled: a rehearsal shouldn't lose what a day's retention would keep.
      retentionMs: retentionSeconds * 1000,
      waitMs: waitSeconds * 1000,
      deadLetter: redrive === null ? null : { arn: redrive.deadLetterArn, maxReceives: redrive.maxReceiveCount },
    };
  }

  #second(): number {
    return 1000 * this.#options.timeScale;
  }

  #now(): number {
    return this.#options.clock.wall();
  }
}

const nameOf = (idOrArn: string): string => idOrArn.split(/[/:]/).at(-1) ?? idOrArn;

function checked(wish: Required<QueueAttributes>): Required<QueueAttributes> {
  const ranges = [
    ['DelaySeconds', wish.delaySeconds, 0, 900],
    ['VisibilityTimeout', wish.visibilitySeconds, 0, 43_200],
    ['MessageRetentionPeriod', wish.retentionSeconds, 60, 1_209_600],
    ['ReceiveMessageWaitTimeSeconds', wish.waitSeconds, 0, 20],
    ['maxReceiveCount', wish.redrive?.maxReceiveCount ?? 1, 1, 1_000],
  ] as const;
  for (const [name, value, min, max] of ranges) {
    if (!(Number.isInteger(value) && value >= min && value <= max)) {
      throw new AwsError('InvalidAttributeValue', `${name} must be a whole number from ${min} to ${max}`);
    }
  }
  return wish;
}

function sleepUntilWoken(waiting: Set<() => void>, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      waiting.delete(done);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(Math.max(Math.ceil(ms), 1), 60_000));
    waiting.add(done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
