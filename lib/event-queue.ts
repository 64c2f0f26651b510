import {
  Duration,
  aws_events as events,
  aws_iam as iam,
  aws_lambda as lambda,
  aws_sqs as sqs,
  aws_events_targets as targets,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { FallbackFunction } from './fallback-function.js';
import { addRights } from './policy.js';

interface EventQueueProps {
  /** How long an event lies before the function sees it, so that the node gets its chance. */
  readonly delay: Duration;
  readonly deadLetters: sqs.Queue;
  readonly consumer: FallbackFunction;
}

/** Visible again after six times the function's two minutes, as Lambda advises. */
const VISIBILITY = Duration.minutes(12);
/** An event that three tries didn't settle is a dead letter. */
const RECEIVES = 3;
/** Longer than three tries take. */
const RETENTION = Duration.hours(2);
/** Batches at once: a mass interruption is tended in groups of fifty, and EC2's limits leave room for the agents. */
const BATCHES = 5;
const BATCH = 10;

/** A queue of events, and the function that it feeds. */
export class EventQueue extends Construct {
  readonly #queue: sqs.Queue;
  readonly #deadLetters: sqs.Queue;

  constructor(scope: Construct, id: string, { delay, deadLetters, consumer }: EventQueueProps) {
    super(scope, id);
    this.#deadLetters = deadLetters;
    this.#queue = eventQueue(this, 'Queue', {
      deliveryDelay: delay,
      visibilityTimeout: VISIBILITY,
      retentionPeriod: RETENTION,
      deadLetterQueue: { queue: deadLetters, maxReceiveCount: RECEIVES },
    });
    addRights(consumer.policy, {
      statement: new iam.PolicyStatement({
        sid: 'Receive',
        actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
        resources: [this.#queue.queueArn],
      }),
    });
    const feed = new lambda.EventSourceMapping(this, 'Feed', {
      target: consumer.handler,
      eventSourceArn: this.#queue.queueArn,
      batchSize: BATCH,
      maxConcurrency: BATCHES,
      reportBatchItemFailures: true,
    });
    // Lambda checks at creation that the function may receive.
    feed.node.addDependency(consumer.policy);
  }

  /** Lets events in. One that can't be delivered for as long as `maxAge` is a dead letter. */
  listen(id: string, description: string, maxAge: Duration, eventPattern: events.EventPattern): void {
    const target = new targets.SqsQueue(this.#queue, { deadLetterQueue: this.#deadLetters, maxEventAge: maxAge });
    new events.Rule(this, id, { description, eventPattern, targets: [target] });
  }
}

/** Encrypted, and over TLS only. */
export const eventQueue = (scope: Construct, id: string, props: sqs.QueueProps): sqs.Queue =>
  new sqs.Queue(scope, id, { encryption: sqs.QueueEncryption.SQS_MANAGED, enforceSSL: true, ...props });
