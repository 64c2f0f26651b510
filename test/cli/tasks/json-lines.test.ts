import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonLines } from '../../../cli/tasks/json-lines.js';

async function linesOf(chunks: readonly (string | Uint8Array)[]): Promise<string[]> {
  const out: string[] = [];
  const lines = jsonLines({ id: 'train-7' }, async (line) => void out.push(line));
  for (const chunk of chunks) await lines.take(chunk);
  await lines.end();
  return out.map((line) => {
    const value = JSON.parse(line) as { id: string; text: string };
    expect(value.id).toBe('train-7');
    return value.text;
  });
}

describe('a log as JSON', () => {
  it('has an object a line, the last one with or without its newline', async () => {
    expect(await linesOf(['a\nb', 'c\n', '\nd'])).toEqual(['a', 'bc', '', 'd']);
    expect(await linesOf(['a\n'])).toEqual(['a']);
    expect(await linesOf([])).toEqual([]);
  });

  it('is the same wherever its bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.array(fc.nat(80)), async (text, cuts) => {
        const bytes = Buffer.from(text);
        const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        const whole = text.split('\n');
        expect(await linesOf(chunks)).toEqual(whole.at(-1) === '' ? whole.slice(0, -1) : whole);
      }),
      { numRuns: 200 },
    );
  });

  it('holds no line without an end back', async () => {
    const texts = await linesOf(['x'.repeat(200_000)]);
    expect(texts.length).toBeGreaterThan(3);
    expect(texts.join('')).toBe('x'.repeat(200_000));
  });
});
