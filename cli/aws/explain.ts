/**
 * Any error of an SDK call as one sentence. What the user can mend (credentials, region, rights, a wrong address) ends
 * with exit code 2, what he can't (throttling, no answer) with 1.
 */
import { failureOf, type Where } from '../../aws/failure.js';
import { UserError } from '../user-error.js';

/** An error of AWS's side, told to the user: the command line ends with exit code 1. */
export class AwsFailure extends Error {
  override readonly name = 'AwsFailure';
}

/** Passes on what is no error of an SDK call. */
export function explain(error: unknown, where: Where): Error {
  if (error instanceof UserError || error instanceof AwsFailure) return error;
  const failure = failureOf(error, where);
  if (failure === null) return error instanceof Error ? error : new Error(String(error));
  const { text, mine } = failure;
  return mine ? new UserError(text, { cause: error }) : new AwsFailure(text, { cause: error });
}
