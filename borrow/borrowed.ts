/** Looks at what is borrowed in a Region, whoever borrowed it. */
import { DescribeStacksCommand, type Stack } from '@aws-sdk/client-cloudformation';
import { classify } from '../aws/errors.js';
import { type Aws, openAws } from './aws.js';
import { type Renewal, readLease } from './lease.js';
import { TAG_BORROWED } from './names.js';
import { type AwsOptions, checkAws } from './options-aws.js';
import { outputsOf, tagsOf } from './stack.js';
import { stageOf } from './stack-state.js';
import { OUTPUT } from './synth.js';
import type { Borrowed } from './types.js';

const MAX_PAGES = 50;

/** The oldest first. @throws BorrowError */
export async function borrowed(options: AwsOptions = {}): Promise<Borrowed[]> {
  checkAws(options);
  const aws = await openAws(options);
  try {
    const found: Borrowed[] = [];
    for (const stack of await stacks(aws)) {
      const renewal = await leaseOf(aws, outputsOf(stack)[OUTPUT.bucket]);
      found.push({
        stackName: stack.StackName ?? '',
        stackId: stack.StackId ?? '',
        status: stack.StackStatus ?? '',
        createdAt: stack.CreationTime ?? new Date(0),
        owner: renewal?.owner ?? null,
        renewedAt: renewal?.at ?? null,
      });
    }
    return found.sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.stackId < b.stackId ? -1 : 1));
  } catch (error) {
    throw aws.explain(error);
  } finally {
    aws.close();
  }
}

async function stacks(aws: Aws): Promise<Stack[]> {
  const found: Stack[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await aws.cloudformation.send(new DescribeStacksCommand({ NextToken }));
    for (const stack of answer.Stacks ?? []) {
      if (tagsOf(stack)[TAG_BORROWED] === 'true' && stageOf(stack.StackStatus ?? '') !== 'gone') found.push(stack);
    }
    NextToken = answer.NextToken;
    if (NextToken === undefined) break;
  }
  return found;
}

/** A stack on its way has no lease yet, or no longer. */
async function leaseOf(aws: Aws, bucket: string | undefined): Promise<Renewal | null> {
  if (bucket === undefined) return null;
  try {
    return await readLease(aws, bucket);
  } catch (error) {
    const { kind, code } = classify(error);
    if (kind === 'not-found' || code === 'NoSuchBucket' || code === 'AccessDenied') return null;
    throw error;
  }
}
