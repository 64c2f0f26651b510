import { afterAll, beforeAll, expect, test } from 'vitest';
import { startWorld, type World } from '../lambda/world.js';

/** SQS over the wire, as SDKs speak it (awsJson1_0). */
let world: World;

beforeAll(async () => {
  world = await startWorld({ timeScale: 0.05 });
});

afterAll(() => world.stop());

async function call(action: string, input: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(world.cloud.endpoint, {
    method: 'POST',
    headers: {
      authorization: 'AWS4-HMAC-SHA256 Credential=user/20260101/us-east-1/sqs/aws4_request, Signature=x',
      'x-amz-target': `AmazonSQS.${action}`,
      'content-type': 'application/x-amz-json-1.0',
    },
    body: JSON.stringify(input),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

test('a message goes in, comes out, is kept back, and is deleted', async () => {
  const { body } = await call('CreateQueue', { QueueName: 'q', Attributes: { VisibilityTimeout: '20' } });
  const { QueueUrl } = body;
  expect(QueueUrl).toBe(`${world.cloud.endpoint}/123456789012/q`);
  expect((await call('GetQueueUrl', { QueueName: 'q' })).body).toEqual({ QueueUrl });
  const sent = await call('SendMessage', {
    QueueUrl,
    MessageBody: 'hello',
    MessageAttributes: { kind: { DataType: 'String', StringValue: 'x' } },
  });
  // As Python's hashlib.md5(b'hello') has it: the SDK checks it.
  expect(sent.body.MD5OfMessageBody).toBe('5d41402abc4b2a76b9719d911017c592');
  const receive = async () => {
    const answer = await call('ReceiveMessage', {
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 5,
      MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      MessageAttributeNames: ['All'],
    });
    return answer.body.Messages as Record<string, unknown>[];
  };
  const [first] = await receive();
  expect(first).toMatchObject({
    Body: 'hello',
    Attributes: { ApproximateReceiveCount: '1' },
    MessageAttributes: { kind: { StringValue: 'x' } },
  });
  // Waits until it is visible again: 20 s at the time scale.
  const [again] = await receive();
  expect(again).toMatchObject({ MessageId: first?.MessageId, Attributes: { ApproximateReceiveCount: '2' } });
  const ReceiptHandle = again?.ReceiptHandle;
  expect((await call('ChangeMessageVisibility', { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 })).status).toBe(200);
  const [last] = await receive();
  const Entries = [
    { Id: 'a', ReceiptHandle: last?.ReceiptHandle },
    { Id: 'b', ReceiptHandle: 'rubbish' },
  ];
  expect((await call('DeleteMessageBatch', { QueueUrl, Entries })).body).toMatchObject({
    Successful: [{ Id: 'a' }],
    Failed: [{ Id: 'b', Code: 'ReceiptHandleIsInvalid' }],
  });
  const { Attributes } = (await call('GetQueueAttributes', { QueueUrl, AttributeNames: ['All'] })).body;
  expect(Attributes).toMatchObject({ ApproximateNumberOfMessages: '0', ApproximateNumberOfMessagesNotVisible: '0' });
});

test('what is not right is refused', async () => {
  const queue = { QueueUrl: `${world.cloud.endpoint}/123456789012/none` };
  expect((await call('SendMessage', { ...queue, MessageBody: 'x' })).body.__type).toBe('QueueDoesNotExist');
  expect((await call('CreateQueue', { QueueName: 'q.fifo' })).body.__type).toBe('InvalidParameterValue');
  expect((await call('CreateQueue', { QueueName: 'r', Attributes: { Nothing: '1' } })).body.__type).toBe(
    'InvalidAttributeName',
  );
  expect((await call('CreateQueue', { QueueName: 'r', Attributes: { DelaySeconds: '901' } })).body.__type).toBe(
    'InvalidAttributeValue',
  );
  expect((await call('StartMessageMoveTask', {})).body.__type).toBe('UnknownOperationException');
});
