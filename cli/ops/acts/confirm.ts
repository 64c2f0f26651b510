import { createInterface } from 'node:readline/promises';
import type { Session } from '../../aws/session.js';
import { UserError } from '../../user-error.js';

/** Asks on a terminal; only `y` and `yes` mean yes. @throws UserError where nobody can be asked */
export async function confirm(session: Session, question: string, signal: AbortSignal): Promise<boolean> {
  if (session.json || process.stdin.isTTY !== true || process.stdout.isTTY !== true) {
    throw new UserError(
      'Nobody can be asked here, so nothing was done: add --yes, or --dry-run to see what it would do.',
    );
  }
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  // A Ctrl-C at the prompt comes to the interface, not to the process.
  prompt.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const answer = await prompt.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if (!signal.aborted) throw error;
    process.stdout.write('\n');
    return false;
  } finally {
    prompt.close();
  }
}
