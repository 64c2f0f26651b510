import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../eventually.js';
import { startWorld, type World } from './world.js';

/** From a rule through a queue with a delay to a function, and what becomes of failures. */
let world: World;

afterEach(() => world.stop());

const PATTERN = JSON.stringify({ source: ['me'] });

function putRule(targets: readonly { arn: string; deadLetterArn?: string }[], schedule: string | null = null): void {
  const { bus } = world.cloud;
  const rule = bus.putRule({
    name: 'rule',
    bus: 'default',
    pattern: schedule === null ? PATTERN : null,
    schedule,
    enabled: true,
    description: null,
    roleArn: null,
  });
  bus.putTargets(
    rule,
    targets.map(({ arn, deadLetterArn = null }, i) => ({
      id: String(i),
      arn,
      roleArn: null,
      input: null,
      inputPath: null,
      inputTransformer: null,
      retryPolicy: null,
      deadLetterArn,
    })),
  );
}

/** As somebody with the CLI would. */
async function publish(detail: object): Promise<void> {
  await fetch(world.cloud.endpoint, {
    method: 'POST',
    headers: {
      authorization: 'AWS4-HMAC-SHA256 Credential=user/20260101/us-east-1/events/aws4_request, Signature=x',
      'x-amz-target': 'AWSEvents.PutEvents',
      'content-type': 'application/x-amz-json-1.1',
    },
    body: JSON.stringify({ Entries: [{ Source: 'me', DetailType: 't', Detail: JSON.stringify(detail) }] }),
  });
}

const invocations = () => world.events.flatMap((event) => (event.type === 'invocation' ? [event] : []));

/** Fails for messages whose body says so, each by itself. */
const PICKY = `export const handler = async ({ Records }) => ({
  batchItemFailures: Records.filter(({ body }) => JSON.parse(body).detail.bad).map(({ messageId }) => ({ itemIdentifier: messageId })),
});`;

describe('a rule, a queue, a function', () => {
  test('delay, delivery, redelivery of the failed only, dead letter', async () => {
    world = await startWorld({ timeScale: 0.02 });
    const { queues } = world.cloud;
    const dead = queues.create('dead');
    const queue = queues.create('events', {
      delaySeconds: 20,
      visibilitySeconds: 30,
      redrive: { deadLetterArn: dead.arn, maxReceiveCount: 2 },
    });
    world.permit(queue.arn, 'sqs:SendMessage');
    const functionArn = await world.create('picky', PICKY, { timeoutMs: 5_000 });
    world.cloud.mapQueue({ queueArn: queue.arn, functionArn, reportBatchItemFailures: true });
    putRule([{ arn: queue.arn }]);
    const startedMs = performance.now();
    await publish({ bad: false });
    await publish({ bad: true });
    await eventually(
      'both are in the queue',
      () => queues.counts(queue.name).delayed === 2 || invocations().length > 0,
    );
    await eventually('the bad one is a dead letter', () => queues.counts(dead.name).visible === 1, 20_000);
    // The queue's delay of 20 s, at the time scale.
    expect(performance.now() - startedMs).toBeGreaterThan(400);
    expect(queues.counts(queue.name)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    const [letter] = await queues.receive(dead.name, { max: 10 });
    expect(JSON.parse(letter?.body ?? '')).toMatchObject({ source: 'me', detail: { bad: true } });
    expect(world.events).toContainEqual(
      expect.objectContaining({ type: 'dead-letter', from: queue.arn, to: dead.arn }),
    );
    expect(invocations().every(({ error }) => error === null)).toBe(true);
  });

  test("a function's role must be allowed to read the queue", async () => {
    world = await startWorld();
    const { cloud } = world;
    const queue = cloud.queues.create('events');
    const functionArn = await world.create('picky', PICKY);
    cloud.iam.createRole('picky');
    cloud.mapQueue({ queueArn: queue.arn, functionArn });
    cloud.queues.send(queue.name, '{"detail":{}}');
    const denial = await eventually('it is denied', () =>
      world.events.find((event) => event.type === 'denied' && event.denial.action === 'sqs:ReceiveMessage'),
    );
    expect(denial).toMatchObject({ denial: { resource: queue.arn } });
    expect(invocations()).toEqual([]);
    cloud.iam.attachRolePolicy('picky', 'arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole');
    await eventually('it is invoked', () => invocations().length === 1);
  });

  test('without a policy on its target a rule delivers to its dead-letter queue', async () => {
    world = await startWorld();
    const { queues } = world.cloud;
    const [queue, dead] = [queues.create('events'), queues.create('dead')];
    world.permit(dead.arn, 'sqs:SendMessage');
    putRule([{ arn: queue.arn, deadLetterArn: dead.arn }]);
    await publish({ n: 1 });
    await eventually('it is given up', () => queues.counts(dead.name).visible === 1);
    const [letter] = await queues.receive(dead.name, { max: 1 });
    expect(letter?.attributes.ERROR_CODE?.StringValue).toBe('NO_PERMISSIONS');
    expect(queues.counts(queue.name).visible).toBe(0);
    expect(world.events).toContainEqual(
      expect.objectContaining({
        type: 'denied',
        denial: expect.objectContaining({ roleArn: 'events.amazonaws.com', action: 'sqs:SendMessage' }),
      }),
    );
  });
});

test('a schedule fires, at the time scale', async () => {
  world = await startWorld({ timeScale: 0.002 });
  const functionArn = await world.create('tick', 'export const handler = async (event) => event;');
  world.permit(functionArn, 'lambda:InvokeFunction');
  putRule([{ arn: functionArn }], 'rate(5 minutes)');
  await eventually('it ran twice', () => invocations().length >= 2, 20_000);
  expect(world.events).toContainEqual(
    expect.objectContaining({ type: 'bus', event: expect.objectContaining({ 'detail-type': 'Scheduled Event' }) }),
  );
});

test('an asynchronous invocation is tried three times, then its failure is kept', async () => {
  world = await startWorld({ timeScale: 0.001 });
  const { queues } = world.cloud;
  const failures = queues.create('failures');
  const functionArn = await world.create('fails', `export const handler = async () => { throw new Error('again'); };`);
  world.permit(functionArn, 'lambda:InvokeFunction');
  world.cloud.configureAsync('fails', { onFailureArn: failures.arn });
  putRule([{ arn: functionArn }]);
  await publish({ n: 1 });
  await eventually('the failure is kept', () => queues.counts(failures.name).visible === 1, 20_000);
  expect(invocations()).toHaveLength(3);
  const [letter] = await queues.receive(failures.name, { max: 1 });
  expect(JSON.parse(letter?.body ?? '')).toMatchObject({
    requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 3 },
    requestPayload: { detail: { n: 1 } },
    responsePayload: { errorType: 'Error', errorMessage: 'again' },
  });
});
