import { UserError } from './user-error.js';

/**
 * Splits a command as a shell would, without being one: blanks separate, quotes and backslashes protect. What only a
 * shell understands is refused, since the agent starts programs without one.
 * @throws UserError
 */
export function splitCommand(text: string, option: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] ?? '';
    if (quote !== null) {
      if (c === quote) quote = null;
      else if (c === '\\' && quote === '"' && '"\\'.includes(text[i + 1] ?? ' '))
        word = (word ?? '') + (text[++i] ?? '');
      else word = (word ?? '') + c;
    } else if (c === '"' || c === "'") {
      quote = c;
      word ??= '';
    } else if (c === '\\' && i + 1 < text.length) {
      word = (word ?? '') + (text[++i] ?? '');
    } else if (c === ' ' || c === '\t' || c === '\n') {
      if (word !== null) words.push(word);
      word = null;
    } else if ('|&;<>`$()'.includes(c)) {
      throw new UserError(
        `${option} holds "${c}", which only a shell understands; put it in quotes, or say: ${option} "sh -c '...'".`,
      );
    } else {
      word = (word ?? '') + c;
    }
  }
  if (quote !== null) throw new UserError(`${option} has an opening ${quote} without a closing one: ${text}`);
  if (word !== null) words.push(word);
  if (words.length === 0) throw new UserError(`${option} is empty; give the program to run, such as "node server.js".`);
  return words;
}
