/**
 * The services that act on their own: functions, queues, the rules that feed them, and the IAM that they all ask. Put
 * together here, since each needs the others.
 */
import { randomUUID } from 'node:crypto';
import type { CloudClock } from './clock.js';
import type { CloudEvent } from './cloud-types.js';
import type { Ec2Model } from './ec2/model/types.js';
import type { ElbModel } from './elbv2/model.js';
import { type Delivery, EventBus } from './events/bus.js';
import { Deliverer } from './events/deliverer.js';
import { Schedules } from './events/schedules.js';
import type { Ask } from './iam/evaluate.js';
import { gate } from './iam/gate.js';
import { Iam, type RoleCaller } from './iam/iam.js';
import type { CredentialIssuer } from './imds/credentials.js';
import { AsyncInvoker } from './lambda/async.js';
import { Functions, type FunctionView } from './lambda/functions.js';
import { lambdaService } from './lambda/service.js';
import type { RunDir } from './machines/run-dir.js';
import { EventSourceMapping, type MappingOptions } from './sqs/mapping.js';
import { Queues } from './sqs/queues.js';
import { sqsService } from './sqs/service.js';
import { instancesWith } from './ssm/managed.js';
import { AwsError } from './wire/error.js';
import type { Service, WireRequest } from './wire/service.js';

export interface BackstageOptions {
  readonly region: string;
  readonly accountId: string;
  readonly clock: CloudClock;
  readonly runDir: RunDir;
  /** Real seconds per second of delays, schedules and retries. */
  readonly timeScale: number;
  readonly endpoint: () => string;
  readonly credentials: CredentialIssuer;
  readonly model: Ec2Model;
  readonly elb: ElbModel;
  readonly hasObject: (bucket: string, key: string) => boolean;
  /** By a stack's name or ARN; null when there is none. */
  readonly stackArn: (nameOrId: string) => string | null;
  /** ARNs of secrets by name. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly tell: (event: CloudEvent) => void;
  /** Targets of rules that aren't here. */
  readonly deliver: ((delivery: Delivery) => void | Promise<void>) | null;
}

export interface Backstage {
  readonly iam: Iam;
  readonly bus: EventBus;
  readonly functions: Functions;
  readonly async: AsyncInvoker;
  readonly queues: Queues;
  readonly deliverer: Deliverer;
  readonly services: readonly Service[];
  readonly authorize: (request: WireRequest, action: string) => AwsError | null;
  /** Lets a queue feed a function; returns the mapping's id. @throws AwsError */
  mapQueue(options: MappingOptions): string;
  /** One that isn't there is fine. */
  unmapQueue(mappingId: string): Promise<void>;
  close(): Promise<void>;
}

const MAX_MAPPINGS = 200;

export function createBackstage(options: BackstageOptions): Backstage {
  const { region, accountId, clock, timeScale, endpoint, credentials, model, tell } = options;
  const newId = (): string => randomUUID();
  const trouble = (message: string): void => tell({ type: 'trouble', atMs: clock.wall(), instanceId: null, message });
  const iam = new Iam({
    accountId,
    region,
    onDenied: (denial) => tell({ type: 'denied', atMs: clock.wall(), denial }),
  });

  const callerOf = (view: FunctionView): RoleCaller => ({
    roleArn: view.roleArn,
    session: view.name,
    context: { 'lambda:SourceFunctionArn': view.arn },
  });
  const mayFunction = (view: FunctionView, asks: readonly Ask[]): boolean => iam.missing(callerOf(view), asks) === null;
  const functions: Functions = new Functions({
    region,
    accountId,
    runDir: options.runDir,
    endpoint,
    now: clock.wall,
    newId,
    credentials: ({ name, arn, roleArn }) =>
      credentials.issue(
        `lambda ${arn} ${roleArn}`,
        { kind: 'function', functionName: name, functionArn: arn, roleArn },
        clock.wall(),
      ),
    asksForLogs: (view) => {
      const group = `arn:aws:logs:${region}:${accountId}:log-group:${view.logGroup ?? `/aws/lambda/${view.name}`}`;
      // Without these a function works, but nobody ever sees its log.
      mayFunction(
        view,
        ['logs:CreateLogStream', 'logs:PutLogEvents'].map((action) => ({
          action,
          resource: `${group}:log-stream:$LATEST`,
          context: {},
        })),
      );
    },
    onInvoked: ({ startedMs, ...event }) => tell({ type: 'invocation', atMs: startedMs, ...event }),
  });

  const queues = new Queues({
    region,
    accountId,
    clock,
    timeScale,
    endpoint,
    newId,
    onDeadLetter: ({ from, to, message }) =>
      tell({ type: 'dead-letter', atMs: clock.wall(), from, to, messageId: message.id, body: message.body }),
  });
  const textAttributes = (attributes: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
    );

  const async = new AsyncInvoker({
    functions,
    timeScale,
    newId,
    now: clock.wall,
    send: (functionArn, queueArn, body, attributes) => {
      const view = functions.find(functionArn);
      const ask = { action: 'sqs:SendMessage', resource: queueArn, context: {} };
      if (view === null || !mayFunction(view, [ask])) throw new AwsError('AccessDenied', 'its role may not send to it');
      queues.send(queueArn, body, { attributes: textAttributes(attributes) });
      tell({ type: 'dead-letter', atMs: clock.wall(), from: functionArn, to: queueArn, messageId: '', body });
    },
    onTrouble: trouble,
  });

  const deliverer = new Deliverer({
    timeScale,
    send: (queueArn, body, attributes) => void queues.send(queueArn, body, { attributes: textAttributes(attributes) }),
    invokeAsync: (functionArn, payload) => void async.invoke(functionArn, payload),
    mayServe: (action, resource, ruleArn) =>
      iam.serviceMay('events.amazonaws.com', { action, resource, context: { 'aws:SourceArn': ruleArn } }),
    has: (arn) => queues.find(arn)?.arn === arn || functions.find(arn) !== null,
    other: (delivery) => {
      if (options.deliver === null)
        throw new AwsError('ResourceNotFoundException', 'the local cloud has no such target');
      return options.deliver(delivery);
    },
    onDead: (delivery, code) =>
      tell({
        type: 'dead-letter',
        atMs: clock.wall(),
        from: delivery.ruleArn,
        to: delivery.target.deadLetterArn,
        messageId: delivery.event.id,
        body: `${code}: ${delivery.payload}`,
      }),
    onTrouble: trouble,
  });
  const bus: EventBus = new EventBus(region, accountId, () => schedules.sync());
  const schedules: Schedules = new Schedules({
    bus,
    clock,
    timeScale,
    region,
    accountId,
    newId,
    deliver: (delivery) => void deliverer.deliver(delivery),
    onEvent: (event) => tell({ type: 'bus', atMs: clock.wall(), event, copies: 1 }),
  });

  const mappings = new Map<string, EventSourceMapping>();
  return {
    iam,
    bus,
    functions,
    async,
    queues,
    deliverer,
    services: [
      sqsService({ queues, putPolicy: (arn, document) => iam.putResourcePolicy(arn, document) }),
      lambdaService({ functions, async }),
    ],
    authorize: gate({
      iam,
      accountId,
      ec2: { model, roleOfProfile: (profile) => iam.roleOfProfile(profile).arn },
      elbv2: { model: options.elb, region, accountId },
      s3: { hasObject: options.hasObject },
      cloudformation: { region, accountId, stackArn: options.stackArn },
      json: {
        region,
        accountId,
        secretArn: (id) =>
          options.secrets.get(id) ??
          [...options.secrets.values()].find((arn) => arn === id || arn.replace(/-\w{6}$/, '') === id) ??
          null,
        instanceTags: (id) => model.instances.get(id)?.record.tags ?? null,
        instancesWith: (tags) => instancesWith(model, tags),
        tagsOf: (arn) => iam.tagsOf(arn),
      },
    }),
    mapQueue: (wish) => {
      if (queues.find(wish.queueArn) === null) {
        throw new AwsError('InvalidParameterValueException', `There is no queue ${wish.queueArn}`);
      }
      if (functions.find(wish.functionArn) === null) {
        throw new AwsError('InvalidParameterValueException', `There is no function ${wish.functionArn}`);
      }
      if (mappings.size >= MAX_MAPPINGS) {
        throw new AwsError('InvalidParameterValueException', `More than ${MAX_MAPPINGS} event source mappings`);
      }
      const id = newId();
      const mapping = new EventSourceMapping(wish, {
        queues,
        region,
        invoke: (functionArn, payload) => functions.invoke(functionArn, payload),
        timeoutMs: (functionArn) => functions.find(functionArn)?.timeoutMs ?? 3_000,
        mayRead: (functionArn, queueArn) => {
          const view = functions.find(functionArn);
          const asks = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'].map((action) => ({
            action,
            resource: queueArn,
            context: {},
          }));
          return view !== null && mayFunction(view, asks);
        },
        onTrouble: trouble,
      });
      mappings.set(id, mapping);
      return id;
    },
    unmapQueue: async (mappingId) => {
      const mapping = mappings.get(mappingId);
      mappings.delete(mappingId);
      await mapping?.close();
    },
    close: async () => {
      schedules.close();
      deliverer.close();
      async.close();
      queues.close();
      const closing = [...mappings.values()].map((mapping) => mapping.close());
      await functions.close();
      await Promise.all(closing);
    },
  };
}
