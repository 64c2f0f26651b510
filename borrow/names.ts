/** Names of what one borrower makes, so that two never meet. Pure. */

/** A stack is called after its cluster. */
export const stackName = (cluster: string): string => `synkti-borrowed-${cluster}`;

export const TAG_BORROWED = 'synkti:borrowed';
/** Who borrows, for people who look at the stack. */
export const TAG_OWNER = 'synkti:owner';
/** One attempt of one borrower: a stack that has another's isn't his. */
export const TAG_ATTEMPT = 'synkti:attempt';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const LENGTH = 12;

/**
 * `b` and twelve letters or digits: of a thousand clusters that stand at once, two have one name with a chance of 1 to 10^13.
 *
 * @param bytes random, twelve at least
 */
export function randomName(bytes: Uint8Array): string {
  const tail = Array.from(bytes.subarray(0, LENGTH), (byte) => LETTERS.charAt(byte % LETTERS.length));
  return `b${tail.join('')}`;
}

/** Tags take letters, digits, spaces and `_ . : / = + - @` alone, 256 characters at most. */
export const tagValue = (text: string): string => text.replace(/[^\p{L}\p{N} _.:/=+\-@]/gu, '-').slice(0, 256);
