import {
  DeleteRuleCommand,
  EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import {
  DeleteParameterCommand,
  GetParameterCommand,
  GetParametersByPathCommand,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { wallMs } from '../../core/time.js';
import { type BusEvent, EventBus } from '../../local/events/bus.js';
import { ec2Event } from '../../local/events/ec2-events.js';
import { eventsService } from '../../local/events/service.js';
import { secretsService } from '../../local/secretsmanager/service.js';
import { ssmService } from '../../local/ssm/service.js';
import { type Endpoint, startEndpoint } from '../../local/wire/server.js';

const place = { region: 'us-east-1', accountId: '123456789012', now: () => wallMs(Date.parse('2026-01-17T10:00:00Z')) };
const bus = new EventBus();
const emitted: BusEvent[] = [];
let ids = 0;
let endpoint: Endpoint;
let ssm: SSMClient;
let secrets: SecretsManagerClient;
let events: EventBridgeClient;

beforeAll(async () => {
  endpoint = await startEndpoint({
    host: '127.0.0.1',
    port: 0,
    services: [
      ssmService(place),
      secretsService(place),
      eventsService({ ...place, bus, newId: () => `event-${++ids}`, emit: (event) => emitted.push(event) }),
    ],
    principalOf: (accessKeyId) => ({ kind: 'user', accessKeyId }),
  });
  const config = {
    endpoint: endpoint.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKID', secretAccessKey: 'x' },
    maxAttempts: 1,
  };
  ssm = new SSMClient(config);
  secrets = new SecretsManagerClient(config);
  events = new EventBridgeClient(config);
});

afterAll(async () => {
  for (const client of [ssm, secrets, events]) client.destroy();
  await endpoint.close();
});

describe('Parameter Store', () => {
  test('versions, selectors, paths', async () => {
    const put = (Name: string, Value: string, Overwrite = false) =>
      ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', Overwrite }));
    expect((await put('/synkti/a/spec', '1')).Version).toBe(1);
    await expect(put('/synkti/a/spec', '2')).rejects.toMatchObject({ name: 'ParameterAlreadyExists' });
    expect((await put('/synkti/a/spec', '2', true)).Version).toBe(2);
    const get = async (Name: string) => (await ssm.send(new GetParameterCommand({ Name }))).Parameter;
    expect(await get('/synkti/a/spec')).toMatchObject({
      Value: '2',
      Version: 2,
      LastModifiedDate: new Date(place.now()),
    });
    expect(await get('/synkti/a/spec:1')).toMatchObject({ Value: '1', Selector: ':1' });
    await expect(get('/synkti/a/spec:9')).rejects.toMatchObject({ name: 'ParameterVersionNotFound' });
    await expect(get('/none')).rejects.toMatchObject({ name: 'ParameterNotFound' });
    await expect(put('/big', 'x'.repeat(4097))).rejects.toMatchObject({ name: 'ValidationException' });
    for (let i = 0; i < 12; i++) await put(`/many/${String.fromCharCode(97 + i)}`, 'x');
    const first = await ssm.send(new GetParametersByPathCommand({ Path: '/many' }));
    const second = await ssm.send(new GetParametersByPathCommand({ Path: '/many', NextToken: first.NextToken }));
    expect([first.Parameters?.length, second.Parameters?.length, second.NextToken]).toEqual([10, 2, undefined]);
    expect((await ssm.send(new GetParametersByPathCommand({ Path: '/synkti' }))).Parameters).toEqual([]);
    await ssm.send(new DeleteParameterCommand({ Name: '/synkti/a/spec' }));
    await expect(get('/synkti/a/spec')).rejects.toMatchObject({ name: 'ParameterNotFound' });
  });
});

describe('Secrets Manager', () => {
  test('create, rotate, delete', async () => {
    const { ARN, VersionId } = await secrets.send(new CreateSecretCommand({ Name: 'keys', SecretString: 'one' }));
    await expect(secrets.send(new CreateSecretCommand({ Name: 'keys', SecretString: 'x' }))).rejects.toMatchObject({
      name: 'ResourceExistsException',
    });
    await secrets.send(new PutSecretValueCommand({ SecretId: 'keys', SecretBinary: Buffer.from('two') }));
    const get = (more: object = {}) => secrets.send(new GetSecretValueCommand({ SecretId: ARN ?? '', ...more }));
    const now = await get();
    expect(Buffer.from(now.SecretBinary ?? []).toString()).toBe('two');
    expect(now.VersionStages).toEqual(['AWSCURRENT']);
    expect(await get({ VersionStage: 'AWSPREVIOUS' })).toMatchObject({ SecretString: 'one', VersionId });
    await expect(get({ VersionStage: 'AWSPENDING' })).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await secrets.send(new DeleteSecretCommand({ SecretId: 'keys' }));
    await expect(get()).rejects.toMatchObject({ name: 'InvalidRequestException' });
    await secrets.send(new DeleteSecretCommand({ SecretId: 'keys', ForceDeleteWithoutRecovery: true }));
    await expect(get()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});

describe('EventBridge', () => {
  test('rules, targets, own events', async () => {
    const EventPattern = JSON.stringify({ source: ['me'] });
    await events.send(new PutRuleCommand({ Name: 'mine', EventPattern }));
    await expect(events.send(new PutRuleCommand({ Name: 'bad', EventPattern: '{"a":1}' }))).rejects.toMatchObject({
      name: 'InvalidEventPatternException',
    });
    await expect(
      events.send(new PutRuleCommand({ Name: 'late', ScheduleExpression: 'rate(1 minutes)' })),
    ).rejects.toMatchObject({ name: 'ValidationException' });
    await events.send(
      new PutTargetsCommand({
        Rule: 'mine',
        Targets: [
          { Id: '1', Arn: 'arn:x' },
          { Id: '2', Arn: 'arn:y', Input: '{"a":1}' },
        ],
      }),
    );
    expect((await events.send(new ListRulesCommand({}))).Rules).toMatchObject([{ Name: 'mine', EventPattern }]);
    expect((await events.send(new ListTargetsByRuleCommand({ Rule: 'mine' }))).Targets).toHaveLength(2);
    const put = await events.send(
      new PutEventsCommand({
        Entries: [
          { Source: 'me', DetailType: 't', Detail: '{"n":1}' },
          { Source: 'aws.ec2', DetailType: 't', Detail: '{}' },
          { Source: 'me', DetailType: 't', Detail: 'x' },
        ],
      }),
    );
    expect(put.FailedEntryCount).toBe(2);
    expect(put.Entries?.map(({ EventId, ErrorCode }) => EventId ?? ErrorCode)).toEqual([
      'event-1',
      'NotAuthorizedForSourceException',
      'MalformedDetail',
    ]);
    expect(emitted).toMatchObject([{ source: 'me', detail: { n: 1 }, time: '2026-01-17T10:00:00Z' }]);
    const [event] = emitted;
    expect(event && bus.publish(event).map(({ target, payload }) => [target.arn, JSON.parse(payload)])).toEqual([
      ['arn:x', event],
      ['arn:y', { a: 1 }],
    ]);
    await expect(events.send(new DeleteRuleCommand({ Name: 'mine' }))).rejects.toMatchObject({
      name: 'ValidationException',
    });
    await events.send(new RemoveTargetsCommand({ Rule: 'mine', Ids: ['1', '2'] }));
    await events.send(new DeleteRuleCommand({ Name: 'mine' }));
    expect((await events.send(new ListRulesCommand({}))).Rules).toEqual([]);
  });

  test("EC2's own events, malformed where AWS's are", () => {
    const origin = { account: '123456789012', region: 'us-east-1', zoneOf: () => 'us-east-1b', newId: () => 'x' };
    const at = place.now();
    const notice = (announce: 'both' | 'imds') =>
      ec2Event(
        {
          type: 'interruption-notice',
          instanceId: 'i-1',
          interruption: { action: 'terminate', atMs: at, announce },
          wallMs: at,
        },
        origin,
      );
    expect(notice('both')).toEqual({
      version: '0',
      id: 'x',
      'detail-type': 'EC2 Spot Instance Interruption Warning',
      source: 'aws.ec2',
      account: '123456789012',
      time: '2026-01-17T10:00:00Z',
      region: 'us-east-1',
      resources: ['arn:aws:ec2:us-east-1b:instance/i-1'],
      detail: { 'instance-id': 'i-1', 'instance-action': 'terminate' },
    });
    expect(notice('imds')).toBeNull();
    expect(
      ec2Event({ type: 'state', instanceId: 'i-1', from: null, to: 'pending', cause: 'launch', wallMs: at }, origin),
    ).toMatchObject({
      resources: ['arn:aws:ec2:us-east-1:123456789012:instance/i-1'],
      detail: { state: 'pending' },
    });
    expect(
      ec2Event(
        {
          type: 'maintenance-scheduled',
          instanceId: 'i-1',
          event: { eventId: 'e', code: 'instance-retirement', description: '', notBeforeMs: at, notAfterMs: at },
          wallMs: at,
        },
        origin,
      ),
    ).toMatchObject({
      source: 'aws.health',
      detail: { service: 'EC2', eventTypeCategory: 'scheduledChange', affectedEntities: [{ entityValue: 'i-1' }] },
    });
  });
});
