import { z } from 'zod';
import { type WallMs, wallMs } from '../../core/time.js';
import { AwsError } from '../wire/error.js';
import { jsonAction, jsonService } from '../wire/json-service.js';
import type { Service } from '../wire/service.js';
import { type BusEvent, DEFAULT_BUS, type EventBus, type Rule, type Target } from './bus.js';
import { isoSeconds } from './ec2-events.js';

export interface EventsHost {
  readonly bus: EventBus;
  readonly region: string;
  readonly accountId: string;
  now(): WallMs;
  newId(): string;
  /** Takes an event on its way, with whatever may happen to it. */
  emit(event: BusEvent): void;
}

const busName = z.string().max(1600).default(DEFAULT_BUS);
const paging = { NextToken: z.string().optional(), Limit: z.number().int().min(1).max(100).optional() };
const targetInput = z.strictObject({
  Id: z.string().regex(/^[.\-_A-Za-z0-9]{1,64}$/),
  Arn: z.string().min(1).max(1600),
  RoleArn: z.string().optional(),
  Input: z.string().max(8192).optional(),
  InputPath: z.string().max(256).optional(),
  InputTransformer: z
    .strictObject({
      InputPathsMap: z.record(z.string(), z.string()).optional(),
      InputTemplate: z.string().min(1).max(8192),
    })
    .optional(),
  RetryPolicy: z
    .strictObject({
      MaximumRetryAttempts: z.number().int().min(0).max(185).optional(),
      MaximumEventAgeInSeconds: z.number().int().min(60).max(86_400).optional(),
    })
    .optional(),
  DeadLetterConfig: z.strictObject({ Arn: z.string().optional() }).optional(),
});

/** EventBridge: the default bus, rules with event patterns or schedules, targets, own events. */
export function eventsService(host: EventsHost): Service {
  const { bus } = host;
  const arnOf = (rule: Rule): string => bus.arnOf(rule.name);
  return jsonService({
    name: 'events',
    targetPrefix: 'AWSEvents',
    actions: new Map([
      [
        'PutRule',
        jsonAction(
          z.strictObject({
            Name: z.string(),
            EventPattern: z.string().optional(),
            ScheduleExpression: z.string().max(256).optional(),
            State: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
            Description: z.string().max(512).optional(),
            RoleArn: z.string().optional(),
            EventBusName: busName,
            Tags: z.array(z.strictObject({ Key: z.string(), Value: z.string() })).optional(),
          }),
          (input) => {
            const rule = bus.putRule({
              name: input.Name,
              bus: input.EventBusName,
              pattern: input.EventPattern ?? null,
              schedule: input.ScheduleExpression ?? null,
              enabled: input.State === 'ENABLED',
              description: input.Description ?? null,
              roleArn: input.RoleArn ?? null,
            });
            return { RuleArn: arnOf(rule) };
          },
        ),
      ],
      [
        'DeleteRule',
        jsonAction(
          z.strictObject({ Name: z.string(), EventBusName: busName, Force: z.boolean().optional() }),
          (input) => {
            bus.deleteRule(input.Name, input.EventBusName);
            return {};
          },
        ),
      ],
      [
        'ListRules',
        jsonAction(z.strictObject({ NamePrefix: z.string().optional(), EventBusName: busName, ...paging }), (input) => {
          const rules = bus.rules(input.EventBusName).filter(({ name }) => name.startsWith(input.NamePrefix ?? ''));
          const { items, next } = pageOf(rules, input);
          return {
            Rules: items.map((rule) => ({
              Name: rule.name,
              Arn: arnOf(rule),
              EventPattern: rule.pattern ?? undefined,
              ScheduleExpression: rule.schedule ?? undefined,
              State: rule.enabled ? 'ENABLED' : 'DISABLED',
              Description: rule.description ?? undefined,
              RoleArn: rule.roleArn ?? undefined,
              EventBusName: DEFAULT_BUS,
            })),
            NextToken: next,
          };
        }),
      ],
      [
        'PutTargets',
        jsonAction(
          z.strictObject({ Rule: z.string(), EventBusName: busName, Targets: z.array(targetInput).min(1).max(10) }),
          (input) => {
            const rule = bus.rule(input.Rule, input.EventBusName);
            bus.putTargets(
              rule,
              input.Targets.map((one) => ({
                id: one.Id,
                arn: one.Arn,
                roleArn: one.RoleArn ?? null,
                input: one.Input ?? null,
                inputPath: one.InputPath ?? null,
                inputTransformer:
                  one.InputTransformer === undefined
                    ? null
                    : { paths: one.InputTransformer.InputPathsMap ?? {}, template: one.InputTransformer.InputTemplate },
                retryPolicy: (one.RetryPolicy ?? null) as Target['retryPolicy'],
                deadLetterArn: one.DeadLetterConfig?.Arn ?? null,
              })),
            );
            return { FailedEntryCount: 0, FailedEntries: [] };
          },
        ),
      ],
      [
        'RemoveTargets',
        jsonAction(
          z.strictObject({
            Rule: z.string(),
            EventBusName: busName,
            Ids: z.array(z.string()).min(1).max(100),
            Force: z.boolean().optional(),
          }),
          (input) => {
            const rule = bus.rule(input.Rule, input.EventBusName);
            for (const id of input.Ids) rule.targets.delete(id);
            return { FailedEntryCount: 0, FailedEntries: [] };
          },
        ),
      ],
      [
        'ListTargetsByRule',
        jsonAction(z.strictObject({ Rule: z.string(), EventBusName: busName, ...paging }), (input) => {
          const targets = [...bus.rule(input.Rule, input.EventBusName).targets.values()];
          const { items, next } = pageOf(targets, input);
          return {
            Targets: items.map((target) => ({
              Id: target.id,
              Arn: target.arn,
              RoleArn: target.roleArn ?? undefined,
              Input: target.input ?? undefined,
              InputPath: target.inputPath ?? undefined,
              InputTransformer:
                target.inputTransformer === null
                  ? undefined
                  : {
                      InputPathsMap: target.inputTransformer.paths,
                      InputTemplate: target.inputTransformer.template,
                    },
              RetryPolicy: target.retryPolicy ?? undefined,
              DeadLetterConfig: target.deadLetterArn === null ? undefined : { Arn: target.deadLetterArn },
            })),
            NextToken: next,
          };
        }),
      ],
      [
        'PutEvents',
        jsonAction(
          z.strictObject({
            Entries: z
              .array(
                z.strictObject({
                  Source: z.string().optional(),
                  DetailType: z.string().optional(),
                  Detail: z.string().optional(),
                  Resources: z.array(z.string()).optional(),
                  Time: z.number().optional(),
                  EventBusName: busName,
                  TraceHeader: z.string().optional(),
                }),
              )
              .min(1)
              .max(10),
          }),
          (input) => {
            const results = input.Entries.map((entry) => putEvent(host, entry));
            return { FailedEntryCount: results.filter((one) => 'ErrorCode' in one).length, Entries: results };
          },
        ),
      ],
    ]),
  });
}

interface PutEntry {
  readonly Source?: string | undefined;
  readonly DetailType?: string | undefined;
  readonly Detail?: string | undefined;
  readonly Resources?: readonly string[] | undefined;
  readonly Time?: number | undefined;
  readonly EventBusName: string;
}

/** An entry that isn't right fails by itself; the others go on. */
function putEvent(
  host: EventsHost,
  entry: PutEntry,
): { EventId: string } | { ErrorCode: string; ErrorMessage: string } {
  const fail = (code: string, why: string): { ErrorCode: string; ErrorMessage: string } => ({
    ErrorCode: code,
    ErrorMessage: why,
  });
  const { Source: source, DetailType: detailType, Detail: text } = entry;
  if (!source || !detailType || text === undefined) {
    return fail('InvalidArgument', 'An entry needs Source, DetailType and Detail');
  }
  if (source.startsWith('aws.')) {
    return fail('NotAuthorizedForSourceException', `Not authorized for the source: ${source.slice(0, 64)}`);
  }
  try {
    host.bus.rules(entry.EventBusName);
  } catch (error) {
    return fail('InvalidArgument', error instanceof AwsError ? error.message : 'No such bus');
  }
  let detail: unknown;
  try {
    detail = JSON.parse(text);
  } catch {
    detail = null;
  }
  if (typeof detail !== 'object' || detail === null || Array.isArray(detail)) {
    return fail('MalformedDetail', 'Detail is not a JSON object');
  }
  const id = host.newId();
  host.emit({
    version: '0',
    id,
    'detail-type': detailType,
    source,
    account: host.accountId,
    time: isoSeconds(entry.Time === undefined ? host.now() : wallMs(entry.Time * 1000)),
    region: host.region,
    resources: entry.Resources ?? [],
    detail: detail as Readonly<Record<string, unknown>>,
  });
  return { EventId: id };
}

function pageOf<T>(
  all: readonly T[],
  input: { readonly NextToken?: string | undefined; readonly Limit?: number | undefined },
): { items: readonly T[]; next: string | undefined } {
  const from = input.NextToken === undefined ? 0 : Number(/^synkti-page-(\d{1,9})$/.exec(input.NextToken)?.[1] ?? -1);
  if (from < 0) throw new AwsError('ValidationException', 'NextToken is not valid');
  const end = from + (input.Limit ?? 100);
  return { items: all.slice(from, end), next: end < all.length ? `synkti-page-${end}` : undefined };
}
