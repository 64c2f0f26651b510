/** A mistake in what the user asked for: one sentence, exit code 2. */
export class SimInputError extends Error {
  override readonly name = 'SimInputError';
}

/** What an error of a user's code says, as a part of one sentence. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? '').slice(0, 200);
}
