/** A mistake of the user: one clear sentence (what, where, what to do); the command line ends with exit code 2. */
export class UserError extends Error {
  override readonly name = 'UserError';
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
