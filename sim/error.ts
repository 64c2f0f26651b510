/** A mistake in what the user asked for: one sentence, exit code 2. */
export class SimInputError extends Error {
  override readonly name = 'SimInputError';
}
