/** What went wrong, for programs that act on it. The message is one sentence for people: what, where, what to do. */
export type BorrowErrorCode =
  /** An option is wrong; nothing was made. */
  | 'OPTION'
  /** There are no credentials, or they don't hold. */
  | 'CREDENTIALS'
  /** A right is missing. */
  | 'DENIED'
  /** The account's Region was never bootstrapped for CDK. */
  | 'BOOTSTRAP'
  /** The VPC or a subnet isn't there, or won't do. */
  | 'NETWORK'
  /** A cluster of this name stands already. */
  | 'NAME_TAKEN'
  /** The construct refuses the wish. */
  | 'TEMPLATE'
  /** CloudFormation couldn't make it; it was given back. */
  | 'STACK_FAILED'
  /** The nodes didn't get ready in time; it was given back. */
  | 'NOT_READY'
  /** The caller's signal, or a signal of the system, ended it; it was given back. */
  | 'ABORTED'
  /** It couldn't be given back whole: the message names what is left. */
  | 'LEFT_BEHIND'
  /** It was given back before. */
  | 'GIVEN_BACK'
  /** Any other failure of a call. */
  | 'AWS';

/** The one error that borrowing throws. */
export class BorrowError extends Error {
  override readonly name = 'BorrowError';
  readonly code: BorrowErrorCode;

  constructor(code: BorrowErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
