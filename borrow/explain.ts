/** Any failure of a call as one sentence. */
import { type Failure, failureOf, type Where } from '../aws/failure.js';
import { BorrowError, type BorrowErrorCode, messageOf } from './error.js';

export function explain(error: unknown, where: Where): BorrowError {
  if (error instanceof BorrowError) return error;
  const failure = failureOf(error, { ...where, byProgram: true });
  if (failure === null) return new BorrowError('AWS', messageOf(error), error);
  return new BorrowError(CODES[failure.kind] ?? 'AWS', failure.text, error);
}

const CODES: Readonly<Partial<Record<Failure['kind'], BorrowErrorCode>>> = {
  credentials: 'CREDENTIALS',
  denied: 'DENIED',
};
