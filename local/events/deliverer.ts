import { AwsError } from '../wire/error.js';
import type { Delivery } from './bus.js';

/** What rules can reach. */
export interface DelivererHost {
  /** Whether the local cloud has this target. */
  has(arn: string): boolean;
  /** Puts a message into a queue. @throws AwsError */
  send(queueArn: string, body: string, attributes: Readonly<Record<string, string>>): void;
  /** Hands an event to a function, which is retried by Lambda itself. @throws AwsError when Lambda doesn't take it. */
  invokeAsync(functionArn: string, payload: string): void;
  /** Whether EventBridge may do this to a target, by the target's own policy. */
  mayServe(action: string, resource: string, ruleArn: string): boolean;
  /** Targets that the local cloud doesn't have. @throws AwsError when nobody takes them. */
  other(delivery: Delivery): void | Promise<void>;
  /** Real seconds per second of a retry policy. */
  readonly timeScale: number;
  onDead(delivery: Delivery, code: string): void;
  onTrouble(message: string): void;
}

/** EventBridge's own, when a target says nothing. */
const MAX_ATTEMPTS = 185;
const MAX_AGE_SECONDS = 86_400;
const MAX_UNDER_WAY = 10_000;
/** What is worth another try. */
const RETRIED = ['TooManyRequestsException', 'OverLimit', 'ServiceException', 'InternalFailure', 'ThrottlingException'];

/**
 * Brings events to the targets of rules: queues and functions by ARN. What can't be delivered is tried again while the
 * target's retry policy allows it, then goes to the target's dead-letter queue.
 */
export class Deliverer {
  readonly #host: DelivererHost;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(host: DelivererHost) {
    this.#host = host;
  }

  async deliver(delivery: Delivery): Promise<void> {
    await this.#attempt(delivery, 0, performance.now());
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async #attempt(delivery: Delivery, retries: number, startedMs: number): Promise<void> {
    const { arn, retryPolicy } = delivery.target;
    try {
      await this.#hand(delivery);
    } catch (error) {
      const code = error instanceof AwsError ? error.code : 'InternalFailure';
      const ageMs = (retryPolicy?.MaximumEventAgeInSeconds ?? MAX_AGE_SECONDS) * 1000 * this.#host.timeScale;
      const afterMs = Math.min(2 ** retries, 300) * 1000 * this.#host.timeScale;
      const again =
        RETRIED.includes(code) &&
        retries < (retryPolicy?.MaximumRetryAttempts ?? MAX_ATTEMPTS) &&
        performance.now() - startedMs + afterMs < ageMs &&
        this.#timers.size < MAX_UNDER_WAY;
      if (again) {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          void this.#attempt(delivery, retries + 1, startedMs);
        }, afterMs);
        this.#timers.add(timer);
        return;
      }
      const why = error instanceof Error ? error.message : String(error);
      this.#host.onTrouble(`Rule ${delivery.rule} can't deliver to ${arn}: ${why}`);
      this.#bury(delivery, code, why, retries);
    }
  }

  async #hand(delivery: Delivery): Promise<void> {
    const { arn } = delivery.target;
    if (!this.#host.has(arn)) {
      await this.#host.other(delivery);
      return;
    }
    switch (arn.split(':')[2]) {
      case 'sqs':
        this.#require('sqs:SendMessage', arn, delivery);
        this.#host.send(arn, delivery.payload, {});
        return;
      case 'lambda':
        this.#require('lambda:InvokeFunction', arn, delivery);
        this.#host.invokeAsync(arn, delivery.payload);
        return;
      default:
        await this.#host.other(delivery);
    }
  }

  #require(action: string, arn: string, { ruleArn }: Delivery): void {
    if (!this.#host.mayServe(action, arn, ruleArn)) {
      throw new AwsError('NO_PERMISSIONS', `its policy doesn't let events.amazonaws.com perform ${action}`);
    }
  }

  #bury(delivery: Delivery, code: string, why: string, retries: number): void {
    const { target, ruleArn } = delivery;
    this.#host.onDead(delivery, code);
    if (target.deadLetterArn === null) return;
    try {
      this.#require('sqs:SendMessage', target.deadLetterArn, delivery);
      this.#host.send(target.deadLetterArn, delivery.payload, {
        RULE_ARN: ruleArn,
        TARGET_ARN: target.arn,
        ERROR_CODE: code,
        ERROR_MESSAGE: why.slice(0, 1_000),
        RETRY_ATTEMPTS: String(retries),
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#host.onTrouble(`Dead letters of rule ${delivery.rule} can't be kept: ${reason}`);
    }
  }
}
