/** A shell command on nodes through SSM's Run Command: sent to one node each, a few at a time, and asked after until it ends. */
import { GetCommandInvocationCommand, ListDocumentsCommand, SendCommandCommand } from '@aws-sdk/client-ssm';
import { classify } from '../../../aws/errors.js';
import { deniedAction } from '../../../aws/failure.js';
import { TAG } from '../../../core/seats/tags.js';
import type { Session } from '../../aws/session.js';
import { showDuration } from '../../values.js';
import { pause } from './run-act.js';

/** What a node made of a command. */
export type CommandEnd =
  | {
      readonly type: 'ended';
      readonly exitCode: number;
      readonly stdout: string;
      readonly stderr: string;
      /** SSM keeps the beginning only. */
      readonly cut: boolean;
    }
  /** It wasn't run, or not to its end; why, in a sentence. */
  | { readonly type: 'failed'; readonly why: string }
  /** Nobody waits for it any more; it may run on. Null: it wasn't sent. */
  | { readonly type: 'left'; readonly commandId: string | null };

export const SHELL_DOCUMENT = 'AWS-RunShellScript';
/** SSM answers with so many characters of a stream at most. */
const KEPT_OUT = 24_000;
const KEPT_ERR = 8_000;
/** Between two questions after the same command: short ones are told soon, long ones don't cost many calls. */
const FIRST_MS = 250;
const MOST_MS = 5_000;
/** SSM gives up delivering after this many seconds; its least is 30. */
const DELIVERY_S = 60;

export interface NodeCommand {
  readonly document: string;
  readonly parameters: Readonly<Record<string, string[]>>;
  readonly timeoutMs: number;
}

export const shellCommand = (line: string, timeoutMs: number): NodeCommand => ({
  document: SHELL_DOCUMENT,
  parameters: { commands: [line], executionTimeout: [String(Math.ceil(timeoutMs / 1_000))] },
  timeoutMs,
});

/** @throws what isn't about this node: credentials, rights, throttling */
export async function runOnNode(
  session: Session,
  instanceId: string,
  command: NodeCommand,
  signal: AbortSignal,
): Promise<CommandEnd> {
  const sent = await sendToNode(session, instanceId, command);
  if ('why' in sent) return { type: 'failed', why: sent.why };
  const { commandId } = sent;
  const ssm = await session.client('ssm');
  const untilMs = performance.now() + command.timeoutMs + 2 * DELIVERY_S * 1_000;
  for (let waitMs = FIRST_MS; performance.now() < untilMs; waitMs = Math.min(MOST_MS, waitMs * 1.5)) {
    await pause(waitMs, signal);
    if (signal.aborted) return { type: 'left', commandId };
    try {
      const one = await ssm.send(new GetCommandInvocationCommand({ CommandId: commandId, InstanceId: instanceId }));
      const end = endOf(one, command.timeoutMs);
      if (end !== null) return end;
    } catch (error) {
      // SSM's answers lag behind its own commands.
      if (classify(error).code !== 'InvocationDoesNotExist') throw error;
    }
  }
  return { type: 'failed', why: `SSM told no end of it; its command is ${commandId}.` };
}

/** Sends it and doesn't wait. */
export async function sendToNode(
  session: Session,
  instanceId: string,
  { document, parameters }: NodeCommand,
): Promise<{ readonly commandId: string } | { readonly why: string }> {
  const ssm = await session.client('ssm');
  try {
    const { Command } = await ssm.send(
      new SendCommandCommand({
        DocumentName: document,
        InstanceIds: [instanceId],
        Parameters: parameters,
        TimeoutSeconds: DELIVERY_S,
      }),
    );
    return { commandId: Command?.CommandId ?? '' };
  } catch (error) {
    if (!/^InvalidInstanceId/.test(classify(error).code)) throw error;
    return {
      why: `SSM doesn't reach it: it isn't running, SSM's agent isn't there, or its role lacks AmazonSSMManagedInstanceCore's rights.`,
    };
  }
}

interface Invocation {
  readonly Status?: string | undefined;
  readonly StatusDetails?: string | undefined;
  readonly ResponseCode?: number | undefined;
  readonly StandardOutputContent?: string | undefined;
  readonly StandardErrorContent?: string | undefined;
}

/** Null: it goes on. Exported for its tests. */
export function endOf(one: Invocation, timeoutMs: number): CommandEnd | null {
  const stdout = one.StandardOutputContent ?? '';
  const stderr = one.StandardErrorContent ?? '';
  const cut = stdout.length >= KEPT_OUT || stderr.length >= KEPT_ERR;
  switch (one.Status) {
    case 'Pending':
    case 'InProgress':
    case 'Delayed':
    case 'Cancelling':
    case undefined:
      return null;
    case 'Success':
      return { type: 'ended', exitCode: 0, stdout, stderr, cut };
    case 'Failed':
      if ((one.ResponseCode ?? -1) < 0) return { type: 'failed', why: `SSM couldn't run it: ${one.StatusDetails}.` };
      return { type: 'ended', exitCode: one.ResponseCode ?? 1, stdout, stderr, cut };
    default:
      return { type: 'failed', why: whyEnded(one.StatusDetails ?? one.Status, timeoutMs) };
  }
}

/** @param details as SSM puts it */
function whyEnded(details: string, timeoutMs: number): string {
  switch (details) {
    case 'TimedOut':
    case 'ExecutionTimedOut':
      return `It took longer than ${showDuration(timeoutMs)} and was ended (${details}).`;
    case 'DeliveryTimedOut':
    case 'Undeliverable':
      return `SSM didn't get it to the node within ${DELIVERY_S} s (${details}): is the node up, and SSM's agent on it?`;
    default:
      return `It was ended before it was done: ${details}.`;
  }
}

/** The document that the cluster's own stack deploys; null: there is none, or it may not be looked for. */
export async function findDrainDocument(session: Session, cluster: string): Promise<string | null> {
  const ssm = await session.client('ssm');
  const filters = [
    { Key: 'Owner', Values: ['Self'] },
    { Key: `tag:${TAG.cluster}`, Values: [cluster] },
  ];
  try {
    const { DocumentIdentifiers } = await ssm.send(new ListDocumentsCommand({ Filters: filters }));
    return DocumentIdentifiers?.find(({ DocumentType }) => DocumentType === 'Command')?.Name ?? null;
  } catch (error) {
    // The shell command does the same, where that is allowed.
    if (deniedAction(error) !== null) return null;
    throw error;
  }
}
