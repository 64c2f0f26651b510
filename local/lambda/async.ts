import { AwsError } from '../wire/error.js';
import { type Functions, nameOf } from './functions.js';
import type { FunctionError } from './sandbox.js';

/** How a function's asynchronous invocations are retried, and where failures go. */
export interface AsyncConfig {
  /** 0 to 2; default 2. */
  readonly maxRetryAttempts?: number;
  /** 60 to 21,600; default 21,600. */
  readonly maxEventAgeSeconds?: number;
  /** Destination of failures: a queue gets a record that tells of the failure. */
  readonly onFailureArn?: string | null;
  /** `DeadLetterConfig`: a queue gets the event itself. */
  readonly deadLetterArn?: string | null;
}

export interface AsyncHost {
  readonly functions: Functions;
  /** Real seconds per second of waits between attempts. */
  readonly timeScale: number;
  readonly newId: () => string;
  readonly now: () => number;
  /** Sends with the function's role. @throws AwsError */
  send(functionArn: string, queueArn: string, body: string, attributes: Readonly<Record<string, string>>): void;
  onTrouble(message: string): void;
}

const MAX_QUEUED = 10_000;
/** Lambda waits a minute before the second attempt, and two before the third. */
const WAITS_MS = [60_000, 120_000];
const THROTTLE_WAIT_MS = 1_000;

/** Asynchronous invocations: taken at once, tried up to three times, and then given up to a queue. */
export class AsyncInvoker {
  readonly #host: AsyncHost;
  readonly #configs = new Map<string, AsyncConfig>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #underWay = 0;
  #closed = false;

  constructor(host: AsyncHost) {
    this.#host = host;
  }

  /** Null: Lambda's defaults. */
  configure(name: string, config: AsyncConfig | null): void {
    if (config === null) this.#configs.delete(nameOf(name));
    else this.#configs.set(nameOf(name), { ...this.#configs.get(nameOf(name)), ...config });
  }

  /** @throws AwsError `ResourceNotFoundException`, `TooManyRequestsException` */
  invoke(nameOrArn: string, payload: string): string {
    const view = this.#host.functions.find(nameOrArn);
    if (view === null) {
      throw new AwsError('ResourceNotFoundException', `Function not found: ${nameOrArn.slice(0, 200)}`, 404);
    }
    if (this.#underWay >= MAX_QUEUED) throw new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429);
    const requestId = this.#host.newId();
    this.#underWay++;
    void this.#attempt(view.name, payload, requestId, 1, performance.now());
    return requestId;
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async #attempt(name: string, payload: string, requestId: string, attempt: number, startedMs: number): Promise<void> {
    if (this.#closed) return;
    const { functions, timeScale } = this.#host;
    const { maxRetryAttempts = 2, maxEventAgeSeconds = 21_600 } = this.#configs.get(name) ?? {};
    let error: FunctionError;
    let throttled = false;
    try {
      const outcome = await functions.invoke(name, payload, requestId);
      if (outcome.ok) {
        this.#underWay--;
        return;
      }
      error = outcome.error;
    } catch (thrown) {
      const code = thrown instanceof AwsError ? thrown.code : 'ServiceException';
      throttled = code === 'TooManyRequestsException';
      error = { errorType: code, errorMessage: thrown instanceof Error ? thrown.message : String(thrown) };
      if (code === 'ResourceNotFoundException') {
        this.#underWay--;
        return;
      }
    }
    const waitMs = (throttled ? THROTTLE_WAIT_MS : (WAITS_MS[attempt - 1] ?? 0)) * timeScale;
    const ageMs = performance.now() - startedMs + waitMs;
    // A throttle uses up no attempt.
    if ((throttled || attempt <= maxRetryAttempts) && ageMs < maxEventAgeSeconds * 1000 * timeScale) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        void this.#attempt(name, payload, requestId, throttled ? attempt : attempt + 1, startedMs);
      }, waitMs);
      this.#timers.add(timer);
      return;
    }
    this.#underWay--;
    this.#giveUp(name, payload, requestId, attempt, error);
  }

  #giveUp(name: string, payload: string, requestId: string, attempts: number, error: FunctionError): void {
    const { functions, send, now, onTrouble } = this.#host;
    const arn = functions.find(name)?.arn;
    const { onFailureArn = null, deadLetterArn = null } = this.#configs.get(name) ?? {};
    onTrouble(`Function ${name} failed ${attempts} times: ${error.errorType}: ${error.errorMessage.slice(0, 300)}`);
    if (arn === undefined) return;
    try {
      if (onFailureArn !== null) {
        const record = {
          version: '1.0',
          timestamp: new Date(now()).toISOString(),
          requestContext: {
            requestId,
            functionArn: `${arn}:$LATEST`,
            condition: 'RetriesExhausted',
            approximateInvokeCount: attempts,
          },
          requestPayload: json(payload),
          responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
          responsePayload: error,
        };
        send(arn, onFailureArn, JSON.stringify(record), {});
      }
      if (deadLetterArn !== null) {
        send(arn, deadLetterArn, payload, {
          RequestID: requestId,
          ErrorCode: '200',
          ErrorMessage: error.errorMessage.slice(0, 1_000),
        });
      }
    } catch (failed) {
      onTrouble(`The failure of ${name} can't be kept: ${failed instanceof Error ? failed.message : String(failed)}`);
    }
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
