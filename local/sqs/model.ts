import { AwsError } from '../wire/error.js';

/** A standard queue's settings; times in ms of the model's clock. */
export interface QueueSettings {
  readonly delayMs: number;
  readonly visibilityMs: number;
  readonly retentionMs: number;
  /** Of a receive that says nothing itself. */
  readonly waitMs: number;
  readonly deadLetter: { readonly arn: string; readonly maxReceives: number } | null;
}

export interface MessageAttribute {
  readonly DataType: string;
  readonly StringValue?: string | undefined;
  readonly BinaryValue?: string | undefined;
}

export interface Message {
  readonly id: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
  readonly sentMs: number;
  readonly firstReceivedMs: number | null;
  readonly receives: number;
}

export interface Received extends Message {
  readonly receipt: string;
}

interface Entry {
  message: Message;
  visibleMs: number;
  /** It was never received, and waits for its delay only. */
  delayed: boolean;
}

export interface QueueCounts {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

export const MAX_MESSAGES = 100_000;
/** SQS's own bound of messages in flight in a standard queue. */
const MAX_IN_FLIGHT = 120_000;

/**
 * The messages of a standard queue, time as an argument: at least once, hidden while in flight, handed to the dead-letter
 * queue when received too often, forgotten after the retention period.
 */
export class QueueModel {
  settings: QueueSettings;
  readonly #entries = new Map<string, Entry>();

  constructor(settings: QueueSettings) {
    this.settings = settings;
  }

  /** @throws AwsError `OverLimit` */
  send(message: Pick<Message, 'id' | 'body' | 'attributes'>, delayMs: number, nowMs: number): void {
    this.#expire(nowMs);
    if (this.#entries.size >= MAX_MESSAGES) {
      throw new AwsError('OverLimit', `The local cloud keeps at most ${MAX_MESSAGES} messages a queue`);
    }
    this.#put({ ...message, sentMs: nowMs, firstReceivedMs: null, receives: 0 }, nowMs + delayMs);
  }

  /** Takes a message that another queue gave up. It keeps its age. */
  takeOver(message: Message, nowMs: number): void {
    if (this.#entries.size < MAX_MESSAGES) this.#put({ ...message, firstReceivedMs: null, receives: 0 }, nowMs);
  }

  /** Hides what it hands out; `dead` are those received too often, which leave the queue. @throws AwsError `OverLimit` */
  receive(
    max: number,
    visibilityMs: number,
    nowMs: number,
  ): { readonly messages: readonly Received[]; readonly dead: readonly Message[] } {
    this.#expire(nowMs);
    const messages: Received[] = [];
    const dead: Message[] = [];
    if (this.counts(nowMs).inFlight >= MAX_IN_FLIGHT) throw new AwsError('OverLimit', 'Too many messages in flight');
    for (const [id, entry] of this.#entries) {
      if (messages.length >= max) break;
      if (entry.visibleMs > nowMs) continue;
      const { deadLetter } = this.settings;
      if (deadLetter !== null && entry.message.receives >= deadLetter.maxReceives) {
        this.#entries.delete(id);
        dead.push(entry.message);
        continue;
      }
      const receives = entry.message.receives + 1;
      entry.message = { ...entry.message, receives, firstReceivedMs: entry.message.firstReceivedMs ?? nowMs };
      entry.visibleMs = nowMs + visibilityMs;
      entry.delayed = false;
      messages.push({ ...entry.message, receipt: receiptOf(id, receives) });
    }
    return { messages, dead };
  }

  /** With a receipt of an earlier delivery nothing is deleted, as it may happen in SQS. @throws AwsError */
  delete(receipt: string): boolean {
    const { id, receives } = parse(receipt);
    return this.#entries.get(id)?.message.receives === receives && this.#entries.delete(id);
  }

  /** @throws AwsError when the message isn't in flight by this receipt. */
  changeVisibility(receipt: string, visibilityMs: number, nowMs: number): void {
    this.#expire(nowMs);
    const { id, receives } = parse(receipt);
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.message.receives !== receives || entry.visibleMs <= nowMs) {
      throw new AwsError('MessageNotInflight', 'The message referred to is not in flight.');
    }
    entry.visibleMs = nowMs + visibilityMs;
  }

  purge(): void {
    this.#entries.clear();
  }

  counts(nowMs: number): QueueCounts {
    this.#expire(nowMs);
    const counts = { visible: 0, inFlight: 0, delayed: 0 };
    for (const { visibleMs, delayed } of this.#entries.values()) {
      counts[visibleMs <= nowMs ? 'visible' : delayed ? 'delayed' : 'inFlight']++;
    }
    return counts;
  }

  /** When a message can be received next; infinite when there is none. */
  nextVisibleMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { visibleMs } of this.#entries.values()) if (visibleMs < next) next = visibleMs;
    return next;
  }

  #put(message: Message, visibleMs: number): void {
    this.#entries.set(message.id, { message, visibleMs, delayed: true });
  }

  #expire(nowMs: number): void {
    for (const [id, { message }] of this.#entries) {
      if (message.sentMs + this.settings.retentionMs <= nowMs) this.#entries.delete(id);
    }
  }
}

const receiptOf = (id: string, receives: number): string => Buffer.from(`${receives} ${id}`).toString('base64url');

function parse(receipt: string): { readonly id: string; readonly receives: number } {
  const match = /^(\d{1,9}) (.{1,100})$/.exec(Buffer.from(receipt, 'base64url').toString('utf8'));
  if (match === null) throw new AwsError('ReceiptHandleIsInvalid', 'The input receipt handle is invalid.');
  return { receives: Number(match[1]), id: match[2] ?? '' };
}
