/** The stack of a borrowed cluster: made, watched, deleted. CloudFormation is the journal of what was made. */
import {
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { classify } from '../aws/errors.js';
import type { Aws } from './aws.js';
import { BorrowError } from './error.js';
import { TAG_ATTEMPT } from './names.js';
import { type StackEvent, type StackStage, stageOf } from './stack-state.js';

export interface StackWish {
  readonly name: string;
  readonly template: { readonly body: string } | { readonly url: string };
  readonly tags: Readonly<Record<string, string>>;
  /** Null: CloudFormation acts with the caller's own rights. */
  readonly role: string | null;
  /** Also a tag of it. Letters, digits and hyphens. */
  readonly attempt: string;
}

/** The deletion of a cluster with a load balancer takes some minutes; the functions' own limit is 15. */
export const DELETE_MS = 45 * 60_000;
const MAX_EVENT_PAGES = 20;
const ABSENT = /does not exist/;

/**
 * Returns the stack's ARN. A stack of the same name that somebody else made is never touched.
 *
 * @throws BorrowError NAME_TAKEN, or what the SDK throws when it is certain that there is none
 */
export async function createStack(aws: Aws, wish: StackWish): Promise<string> {
  const { name, template, role, attempt } = wish;
  try {
    const answer = await aws.cloudformation.send(
      new CreateStackCommand({
        StackName: name,
        ...('url' in template ? { TemplateURL: template.url } : { TemplateBody: template.body }),
        Capabilities: ['CAPABILITY_IAM'],
        OnFailure: 'DELETE',
        ClientRequestToken: attempt,
        Tags: Object.entries({ ...wish.tags, [TAG_ATTEMPT]: attempt }).map(([Key, Value]) => ({ Key, Value })),
        ...(role === null ? {} : { RoleARN: role }),
      }),
    );
    if (answer.StackId !== undefined) return answer.StackId;
    throw new BorrowError('AWS', `CloudFormation named no id for the stack ${name}.`);
  } catch (error) {
    const { kind, code } = classify(error);
    const taken = code.startsWith('AlreadyExists');
    // The answer may have been lost: then the stack is there, with this attempt's tag.
    if (!taken && kind !== 'unknown' && kind !== 'throttle') throw error;
    const own = await findStack(aws, name);
    if (own?.StackId !== undefined && tagsOf(own)[TAG_ATTEMPT] === attempt) return own.StackId;
    if (!taken) throw error;
    throw new BorrowError(
      'NAME_TAKEN',
      `The stack ${name} stands already in ${aws.region}: give another name, or none and get a random one.`,
      error,
    );
  }
}

/** By name or ARN; a deleted one is found by its ARN alone. Null: there is none. */
export async function findStack(aws: Aws, id: string): Promise<Stack | null> {
  try {
    const { Stacks } = await aws.cloudformation.send(new DescribeStacksCommand({ StackName: id }));
    return Stacks?.[0] ?? null;
  } catch (error) {
    if (ABSENT.test(classify(error).message)) return null;
    throw error;
  }
}

export async function stageNow(
  aws: Aws,
  id: string,
): Promise<{ readonly stage: StackStage; readonly stack: Stack | null }> {
  const stack = await findStack(aws, id);
  return { stage: stack === null ? 'gone' : stageOf(stack.StackStatus ?? ''), stack };
}

/** All that happened so far, oldest first; the newest 2,000 at most. */
export async function stackEvents(aws: Aws, id: string): Promise<StackEvent[]> {
  const found: StackEvent[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < MAX_EVENT_PAGES; page++) {
    const answer = await aws.cloudformation.send(new DescribeStackEventsCommand({ StackName: id, NextToken }));
    for (const event of answer.StackEvents ?? []) {
      found.push({
        id: event.EventId ?? '',
        logicalId: event.LogicalResourceId ?? '',
        physicalId: event.PhysicalResourceId ?? '',
        type: event.ResourceType ?? '',
        status: event.ResourceStatus ?? '',
        reason: event.ResourceStatusReason ?? '',
      });
    }
    NextToken = answer.NextToken;
    if (NextToken === undefined) break;
  }
  return found.reverse();
}

/** Asks for the deletion; CloudFormation then goes on by itself. */
export async function askDeletion(aws: Aws, id: string): Promise<void> {
  await aws.cloudformation.send(new DeleteStackCommand({ StackName: id }));
}

export const tagsOf = (stack: Stack): Readonly<Record<string, string>> =>
  Object.fromEntries((stack.Tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? '']));

export const outputsOf = (stack: Stack): Readonly<Record<string, string>> =>
  Object.fromEntries((stack.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey ?? '', OutputValue ?? '']));
