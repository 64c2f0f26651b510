import { createHash } from 'node:crypto';
import { compilePattern, type Matcher } from '../events/pattern.js';
import type { Invoked } from '../lambda/sandbox.js';
import type { Received } from './model.js';
import type { Queues } from './queues.js';

/** A queue as the source of a function's events. */
export interface MappingOptions {
  readonly queueArn: string;
  readonly functionArn: string;
  /** Default 10. */
  readonly batchSize?: number;
  /** How long to gather a batch, in seconds. Default 0. */
  readonly batchWindowSeconds?: number;
  /** The function says itself which messages failed. */
  readonly reportBatchItemFailures?: boolean;
  /** Batches at a time. Default 2. */
  readonly maxConcurrency?: number;
  readonly enabled?: boolean;
  /** Patterns on `{body}`; a message that fits none is dropped. */
  readonly filters?: readonly string[];
}

export interface MappingHost {
  readonly queues: Queues;
  readonly region: string;
  invoke(functionArn: string, payload: string): Promise<Invoked>;
  /** Real ms after which the function is killed. */
  timeoutMs(functionArn: string): number;
  /** Whether the function's role may read the queue. */
  mayRead(functionArn: string, queueArn: string): boolean;
  onTrouble(message: string): void;
}

const WAIT_MS = 20_000;
/** After a denial or an error; real ms. */
const PAUSE_MS = 1_000;
const MAX_BATCH = 10_000;

/**
 * Polls a queue for a function. What fails stays hidden for the queue's visibility time-out, and then comes again, until
 * the queue's redrive policy ends it.
 */
export class EventSourceMapping {
  readonly options: MappingOptions;
  readonly #host: MappingHost;
  readonly #filters: readonly Matcher[];
  readonly #abort = new AbortController();
  readonly #loops: Promise<void>[];

  constructor(options: MappingOptions, host: MappingHost) {
    this.options = options;
    this.#host = host;
    this.#filters = (options.filters ?? []).map(compilePattern);
    const loops = options.enabled === false ? 0 : Math.min(Math.max(options.maxConcurrency ?? 2, 1), 10);
    this.#loops = Array.from({ length: loops }, () => this.#poll());
  }

  /** Resolves when no batch is under way any more. */
  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#loops);
  }

  async #poll(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      try {
        if (!this.#host.mayRead(this.options.functionArn, this.options.queueArn)) {
          await pause(PAUSE_MS, this.#abort.signal);
          continue;
        }
        const batch = await this.#gather();
        if (batch.length > 0) await this.#hand(batch);
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        const why = error instanceof Error ? error.message : String(error);
        this.#host.onTrouble(`The mapping of ${this.options.queueArn} can't read its queue: ${why}`);
        await pause(PAUSE_MS, this.#abort.signal);
      }
    }
  }

  async #gather(): Promise<Received[]> {
    const { queues } = this.#host;
    const { queueArn, batchSize = 10, batchWindowSeconds = 0 } = this.options;
    const size = Math.min(batchSize, MAX_BATCH);
    // Must outlast the function, however much the queue's time is scaled.
    const visibilityMs = Math.max(
      queues.visibilityMs(queueArn),
      this.#host.timeoutMs(this.options.functionArn) + 1_000,
    );
    const receive = (max: number, waitMs: number) =>
      queues.receive(queueArn, { max, waitMs, visibilityMs, signal: this.#abort.signal });
    const batch: Received[] = [...(await receive(Math.min(size, 10), WAIT_MS))];
    const until = performance.now() + batchWindowSeconds * queues.secondMs;
    while (batch.length > 0 && batch.length < size && !this.#abort.signal.aborted) {
      const left = until - performance.now();
      if (left <= 0) break;
      batch.push(...(await receive(Math.min(size - batch.length, 10), left)));
    }
    return this.#filters.length === 0 ? batch : batch.filter((one) => this.#fits(one));
  }

  /** A message that no filter lets through is deleted, as Lambda does. */
  #fits(message: Received): boolean {
    let body: unknown = message.body;
    try {
      body = JSON.parse(message.body);
    } catch {
      // A text stays a text.
    }
    if (this.#filters.some((matches) => matches({ body }))) return true;
    this.#host.queues.deleteMessage(this.options.queueArn, message.receipt);
    return false;
  }

  async #hand(batch: readonly Received[]): Promise<void> {
    const { queues, region } = this.#host;
    const { queueArn, functionArn } = this.options;
    const startedMs = performance.now();
    const event = { Records: batch.map((one) => recordOf(one, queueArn, region)) };
    const invoked = await this.#host.invoke(functionArn, JSON.stringify(event));
    const failed = failedOf(batch, invoked, this.options.reportBatchItemFailures === true);
    for (const { id, receipt } of batch) {
      if (!failed.has(id)) queues.deleteMessage(queueArn, receipt);
      else {
        // Hidden for what is left of the queue's own time-out.
        const left = queues.visibilityMs(queueArn) - (performance.now() - startedMs);
        this.#release(receipt, Math.max(left, 0));
      }
    }
  }

  #release(receipt: string, visibilityMs: number): void {
    try {
      this.#host.queues.changeVisibility(this.options.queueArn, receipt, visibilityMs);
    } catch {
      // It is visible again already, or its queue is gone.
    }
  }
}

/** Ids of the messages that are to come again. @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html */
export function failedOf(batch: readonly Received[], invoked: Invoked, reports: boolean): ReadonlySet<string> {
  const all = new Set(batch.map(({ id }) => id));
  if (!invoked.ok) return all;
  if (!reports) return new Set();
  let answer: unknown;
  try {
    answer = JSON.parse(invoked.payload === '' ? 'null' : invoked.payload);
  } catch {
    return all;
  }
  if (answer === null || typeof answer !== 'object') return new Set();
  const list = (answer as { batchItemFailures?: unknown }).batchItemFailures;
  if (list === undefined || list === null) return new Set();
  if (!Array.isArray(list)) return all;
  const failed = new Set<string>();
  for (const one of list) {
    const id = (one as { itemIdentifier?: unknown } | null)?.itemIdentifier;
    // An answer that names what wasn't in the batch is as good as none.
    if (typeof id !== 'string' || !all.has(id)) return all;
    failed.add(id);
  }
  return failed;
}

function recordOf(message: Received, queueArn: string, region: string): object {
  return {
    messageId: message.id,
    receiptHandle: message.receipt,
    body: message.body,
    attributes: {
      ApproximateReceiveCount: String(message.receives),
      SentTimestamp: String(message.sentMs),
      SenderId: 'AIDACKCEVSQ6C2EXAMPLE',
      ApproximateFirstReceiveTimestamp: String(message.firstReceivedMs ?? message.sentMs),
    },
    messageAttributes: Object.fromEntries(
      Object.entries(message.attributes).map(([name, one]) => [
        name,
        { dataType: one.DataType, stringValue: one.StringValue, binaryValue: one.BinaryValue },
      ]),
    ),
    md5OfBody: createHash('md5').update(message.body).digest('hex'),
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: region,
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
