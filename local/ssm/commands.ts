import { z } from 'zod';
import type { WallMs } from '../../core/time.js';
import type { ShellResult } from '../machines/shell.js';
import { AwsError } from '../wire/error.js';
import { type JsonAction, jsonAction } from '../wire/json-service.js';
import { type Document, Documents, type FilledDocument, fillDocument } from './documents.js';

/** The instances that commands go to. */
export interface CommandHost {
  readonly now: () => WallMs;
  readonly newId: () => string;
  /** Running instances whose SSM agent could sign on with their role. */
  isManaged(instanceId: string): boolean;
  instancesWith(tags: Readonly<Record<string, readonly string[]>>): readonly string[];
  /** Null: the node can't be reached. */
  run(instanceId: string, script: string, timeoutMs: number): Promise<ShellResult | null>;
}

type Status = 'Pending' | 'InProgress' | 'Success' | 'Failed' | 'TimedOut' | 'Undeliverable';

interface Invocation {
  readonly instanceId: string;
  status: Status;
  result: ShellResult | null;
  endedMs: WallMs | null;
}

interface Command {
  readonly commandId: string;
  readonly document: Document;
  readonly comment: string;
  readonly requestedMs: WallMs;
  readonly invocations: readonly Invocation[];
}

const MAX_COMMANDS = 1_000;
/** How long a script may run when the document doesn't say. */
const RUN_MS = 3_600_000;
const instanceId = z.string().regex(/^i-[0-9a-f]{8,17}$/);

/** SSM's documents and Run Command. */
export function commandActions(host: CommandHost): [string, JsonAction][] {
  const documents = new Documents();
  const commands = new Map<string, Command>();
  const send = (document: Document, ids: readonly string[], comment: string, filled: FilledDocument): Command => {
    const command: Command = {
      commandId: host.newId(),
      document,
      comment,
      requestedMs: host.now(),
      invocations: ids.map((id) => ({ instanceId: id, status: 'Pending', result: null, endedMs: null })),
    };
    commands.set(command.commandId, command);
    for (const key of commands.keys()) {
      if (commands.size <= MAX_COMMANDS) break;
      commands.delete(key);
    }
    for (const invocation of command.invocations) {
      invocation.status = 'InProgress';
      void host.run(invocation.instanceId, filled.script, filled.timeoutMs ?? RUN_MS).then((result) => {
        invocation.result = result;
        invocation.status =
          result === null
            ? 'Undeliverable'
            : result.timedOut
              ? 'TimedOut'
              : result.exitCode === 0
                ? 'Success'
                : 'Failed';
        invocation.endedMs = host.now();
      });
    }
    return command;
  };
  return [
    [
      'CreateDocument',
      jsonAction(
        z.strictObject({
          Name: z.string(),
          Content: z.string().min(1),
          DocumentType: z.string().default('Command'),
          DocumentFormat: z.enum(['JSON', 'YAML', 'TEXT']).default('JSON'),
          TargetType: z.string().optional(),
          VersionName: z.string().optional(),
          Tags: z.array(z.strictObject({ Key: z.string(), Value: z.string() })).optional(),
        }),
        (input) => ({
          DocumentDescription: described(
            documents.create(
              input.Name,
              input.DocumentType,
              input.Content,
              Object.fromEntries((input.Tags ?? []).map(({ Key, Value }) => [Key, Value])),
            ),
          ),
        }),
      ),
    ],
    [
      'UpdateDocument',
      jsonAction(
        z.strictObject({
          Name: z.string(),
          Content: z.string().min(1),
          DocumentVersion: z.string().optional(),
          DocumentFormat: z.string().optional(),
          TargetType: z.string().optional(),
          VersionName: z.string().optional(),
        }),
        (input) => ({ DocumentDescription: described(documents.update(input.Name, input.Content)) }),
      ),
    ],
    [
      'DeleteDocument',
      jsonAction(z.strictObject({ Name: z.string(), Force: z.boolean().optional() }), (input) => {
        documents.delete(input.Name);
        return {};
      }),
    ],
    [
      'DescribeDocument',
      jsonAction(z.strictObject({ Name: z.string(), DocumentVersion: z.string().optional() }), (input) => ({
        Document: described(documents.find(input.Name)),
      })),
    ],
    [
      'GetDocument',
      jsonAction(
        z.strictObject({
          Name: z.string(),
          DocumentVersion: z.string().optional(),
          DocumentFormat: z.string().optional(),
        }),
        (input) => {
          const document = documents.find(input.Name);
          return { ...described(document), Content: document.content };
        },
      ),
    ],
    [
      'ListDocuments',
      jsonAction(
        z.strictObject({
          Filters: z
            .array(z.strictObject({ Key: z.string(), Values: z.array(z.string()) }))
            .max(6)
            .default([]),
          MaxResults: z.number().int().min(1).max(50).optional(),
        }),
        (input) => {
          const matches = (document: Document): boolean =>
            input.Filters.every(({ Key, Values }) => {
              if (Key === 'Owner') return Values.includes('Self');
              if (Key === 'Name') return Values.some((prefix) => document.name.startsWith(prefix));
              if (Key === 'DocumentType') return Values.includes(document.type);
              if (Key.startsWith('tag:')) return Values.includes(document.tags[Key.slice(4)] ?? '\0');
              throw new AwsError('InvalidFilterKey', `The local cloud doesn't know the filter ${Key.slice(0, 60)}`);
            });
          const found = documents.list().filter(matches);
          return { DocumentIdentifiers: found.slice(0, input.MaxResults ?? 50).map(described) };
        },
      ),
    ],
    [
      'SendCommand',
      jsonAction(
        z.strictObject({
          DocumentName: z.string(),
          DocumentVersion: z.string().optional(),
          InstanceIds: z.array(instanceId).max(50).default([]),
          Targets: z
            .array(z.strictObject({ Key: z.string(), Values: z.array(z.string()) }))
            .max(5)
            .default([]),
          Parameters: z.record(z.string(), z.array(z.string())).default({}),
          TimeoutSeconds: z.number().int().min(30).max(2_592_000).optional(),
          Comment: z.string().max(100).default(''),
          MaxConcurrency: z.string().optional(),
          MaxErrors: z.string().optional(),
        }),
        (input) => {
          const document = documents.find(input.DocumentName);
          const filled = fillDocument(document, input.Parameters);
          const ids = new Set(input.InstanceIds);
          const tags: Record<string, readonly string[]> = {};
          for (const { Key, Values } of input.Targets) {
            if (Key === 'InstanceIds') for (const id of Values) ids.add(id);
            else if (Key.startsWith('tag:')) tags[Key.slice(4)] = Values;
            else throw new AwsError('InvalidTarget', `The local cloud doesn't know the target ${Key.slice(0, 60)}`);
          }
          const bad = [...ids].find((id) => !host.isManaged(id));
          if (bad !== undefined) throw new AwsError('InvalidInstanceId', `Instances [[${bad}]] not in a valid state`);
          if (Object.keys(tags).length > 0) {
            for (const id of host.instancesWith(tags)) if (host.isManaged(id)) ids.add(id);
          }
          const command = send(document, [...ids], input.Comment, filled);
          return { Command: commandOut(command) };
        },
      ),
    ],
    [
      'GetCommandInvocation',
      jsonAction(
        z.strictObject({ CommandId: z.string(), InstanceId: instanceId, PluginName: z.string().optional() }),
        (input) => {
          const command = commands.get(input.CommandId);
          const invocation = command?.invocations.find((one) => one.instanceId === input.InstanceId);
          if (command === undefined || invocation === undefined) throw new AwsError('InvocationDoesNotExist', '');
          return invocationOut(command, invocation);
        },
      ),
    ],
    [
      'ListCommandInvocations',
      jsonAction(
        z.strictObject({
          CommandId: z.string().optional(),
          InstanceId: instanceId.optional(),
          Details: z.boolean().optional(),
          MaxResults: z.number().int().min(1).max(50).optional(),
        }),
        (input) => {
          const found = [...commands.values()]
            .filter(({ commandId }) => commandId === (input.CommandId ?? commandId))
            .flatMap((command) => command.invocations.map((one) => invocationOut(command, one)))
            .filter(({ InstanceId }) => InstanceId === (input.InstanceId ?? InstanceId));
          return { CommandInvocations: found.slice(0, input.MaxResults ?? 50) };
        },
      ),
    ],
  ];
}

const described = ({ name, version, type }: Document) => ({
  Name: name,
  DocumentVersion: String(version),
  LatestVersion: String(version),
  DefaultVersion: String(version),
  DocumentType: type,
  DocumentFormat: 'JSON',
  Status: 'Active',
});

const commandOut = ({ commandId, document, comment, requestedMs, invocations }: Command): object => ({
  CommandId: commandId,
  DocumentName: document.name,
  DocumentVersion: String(document.version),
  Comment: comment,
  RequestedDateTime: requestedMs / 1000,
  InstanceIds: invocations.map((one) => one.instanceId),
  Status: 'Pending',
  StatusDetails: 'Pending',
  TargetCount: invocations.length,
  CompletedCount: 0,
  ErrorCount: 0,
});

const invocationOut = (command: Command, one: Invocation) => ({
  CommandId: command.commandId,
  InstanceId: one.instanceId,
  Comment: command.comment,
  DocumentName: command.document.name,
  Status: one.status === 'Undeliverable' ? 'TimedOut' : one.status,
  StatusDetails: one.status === 'Undeliverable' ? 'DeliveryTimedOut' : one.status,
  ResponseCode: one.result?.exitCode ?? -1,
  StandardOutputContent: one.result?.stdout.slice(0, 24_000) ?? '',
  StandardErrorContent: one.result?.stderr.slice(0, 8_000) ?? '',
  ExecutionEndDateTime: one.endedMs === null ? undefined : new Date(one.endedMs).toISOString(),
});
