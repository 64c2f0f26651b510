import pc from 'picocolors';
import { expect, it } from 'vitest';
import { frame, liveScreen } from '../../../cli/ops/live.js';
import { elapsedText, shortZone, usdText, wrap } from '../../../cli/ops/show.js';
import { tableLines, terminalWidth } from '../../../cli/ops/table.js';

it('a picture that is higher than the terminal is cut, and says so', () => {
  expect(frame('a\nb\nc\n', 10)).toBe('\u001b[Ha\u001b[K\nb\u001b[K\nc\u001b[K\n\u001b[J');
  expect(frame('a\nb\nc\nd\n', 4)).toContain('b\u001b[K\n(2 lines more than fit)');
});

it('the last picture stays when it ends, and the screen is given back once', () => {
  const written: string[] = [];
  const live = liveScreen({ rows: 10, write: (text: string) => written.push(text) });
  live.end();
  expect(written).toEqual([]);
  live.draw('one\n');
  live.draw('two\n');
  live.end();
  live.end();
  expect(written.at(-1)).toBe('\u001b[?25h\u001b[?1049ltwo\n');
  expect(written.join('').split('\u001b[?1049l')).toHaveLength(2);
});

it('the width: of the terminal, of COLUMNS, 80; at least 40', () => {
  expect(terminalWidth({ columns: 120 }, {})).toBe(120);
  expect(terminalWidth({ columns: 0 }, { COLUMNS: '99' })).toBe(99);
  expect(terminalWidth({}, { COLUMNS: 'wide' })).toBe(80);
  expect(terminalWidth({ columns: 3 }, {})).toBe(40);
});

it('tables leave out empty columns and those that want more room', () => {
  const columns = [
    { head: 'A', value: (row: string) => row },
    { head: 'EMPTY', value: () => '' },
    { head: 'N', value: (row: string) => String(row.length), right: true },
    { head: 'WIDE', value: () => 'x', from: 100 },
  ];
  expect(tableLines(['a', 'bbb'], columns, 80, pc.createColors(false))).toEqual(['A    N', 'a    1', 'bbb  3']);
});

it('tables give up what can be spared where the terminal is too narrow, and never the rest', () => {
  const columns = [
    { head: 'NODE', value: () => 'i-0123456789abcdef0' },
    { head: 'TYPE', spare: 2, value: () => 'm7g.large' },
    { head: 'ZONE', spare: 1, value: () => '1a' },
    { head: 'STATE', value: () => 'serving' },
  ];
  const heads = (width: number): string | undefined => tableLines(['x'], columns, width, pc.createColors(false))[0];
  expect(heads(45)).toBe('NODE                 TYPE       ZONE  STATE');
  expect(heads(44)).toBe('NODE                 ZONE  STATE');
  expect(heads(20)).toBe('NODE                 STATE');
});

it('words and numbers', () => {
  expect([0, 59_000, 61_000, 3_600_000, 7_500_000, 90_000_000].map(elapsedText)).toEqual([
    '0s',
    '59s',
    '1m',
    '1h',
    '2h 5m',
    '1d 1h',
  ]);
  expect([0, 0.0345, 0.00001, 123.456].map(usdText)).toEqual(['$0', '$0.0345', '$0.0000100', '$123.46']);
  expect([shortZone('us-east-1a', 'us-east-1'), shortZone('us-west-2-lax-1a', 'us-west-2')]).toEqual([
    '1a',
    'us-west-2-lax-1a',
  ]);
  expect(wrap('one two three', 9, '- ')).toEqual(['- one two', '  three']);
});
