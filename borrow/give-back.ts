/** The deletion of a borrowed cluster's stack, to its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { classify } from '../aws/errors.js';
import type { Aws } from './aws.js';
import { BorrowError } from './error.js';
import { askDeletion, DELETE_MS, stackEvents, stageNow } from './stack.js';
import { firstFailure, nextLookMs, type StackEvent, standing } from './stack-state.js';

/** A deletion that failed for a reason that passes, such as a network interface still in use, works the second time. */
const DELETIONS = 2;
/** Looks in a row that may fail before the wait is given up. */
const MAX_BLIND_LOOKS = 20;

/**
 * Deletes the stack and waits until it is gone. Safe to be asked again, by anybody, at any time.
 *
 * @throws BorrowError LEFT_BEHIND, which names what is left, or another one when the deletion couldn't even be asked for
 */
export async function deleteStack(
  aws: Aws,
  id: string,
  say: (line: string) => void,
  boundMs = DELETE_MS,
): Promise<void> {
  const name = id.split('/')[1] ?? id;
  const startedMs = performance.now();
  let asked = 1;
  let blind = 0;
  await askDeletion(aws, id);
  say(`the stack ${name} is being deleted; CloudFormation goes on with it even if this process ends`);
  for (;;) {
    const elapsedMs = performance.now() - startedMs;
    await sleep(nextLookMs(elapsedMs));
    let stage: Awaited<ReturnType<typeof stageNow>>['stage'];
    try {
      ({ stage } = await stageNow(aws, id));
      blind = 0;
    } catch (error) {
      blind += 1;
      const { kind } = classify(error);
      if (blind >= MAX_BLIND_LOOKS || kind === 'configuration') throw error;
      continue;
    }
    if (stage === 'gone') {
      say(`the stack ${name} is gone, ${seconds(performance.now() - startedMs)} after it was given back`);
      return;
    }
    if (stage === 'stuck') {
      if (asked >= DELETIONS) throw await left(aws, id, name, 'could not be deleted');
      asked += 1;
      say(`the stack ${name} could not be deleted; once more`);
      await askDeletion(aws, id);
    } else if (elapsedMs > boundMs) {
      throw await left(aws, id, name, `is not gone after ${seconds(elapsedMs)}`);
    }
  }
}

async function left(aws: Aws, id: string, name: string, what: string): Promise<BorrowError> {
  const events = await stackEvents(aws, id).catch((): StackEvent[] => []);
  const remaining = [...standing(events).values()].map(({ logicalId, type }) => `${logicalId} (${type})`);
  const why = firstFailure(events.filter(({ status }) => status === 'DELETE_FAILED'));
  const shown = remaining.slice(0, 10).join(', ');
  const more = remaining.length > 10 ? ` and ${remaining.length - 10} more` : '';
  return new BorrowError(
    'LEFT_BEHIND',
    `The stack ${name} in ${aws.region} ${what}${why === null ? '' : `, first ${why}`}; left: ${shown === '' ? 'the stack itself' : shown}${more}: look at it, then delete it with aws cloudformation delete-stack --stack-name ${name}.`,
  );
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
