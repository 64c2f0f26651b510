import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../cli/user-error.js';
import { durationMs, readDuration, readNumber, readShare, readWhole, showDuration } from '../../cli/values.js';
import { splitCommand } from '../../cli/words.js';

describe('values of options', () => {
  it('reads times', () => {
    expect(durationMs('20s')).toBe(20_000);
    expect(durationMs('1500ms')).toBe(1_500);
    expect(durationMs('1h30m')).toBe(5_400_000);
    expect(durationMs('0.5s')).toBe(500);
    expect(durationMs('0')).toBe(0);
    for (const bad of ['', '20', 's', '-1s', '1s ', 'NaN', '1e3s', '20sec', '9'.repeat(30)]) {
      expect(durationMs(bad), bad).toBeNull();
    }
  });

  it('shows what it can read back', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 10 ** 9 }), (ms) => durationMs(showDuration(ms)) === ms));
  });

  it('refuses what is out of range or no number, and names the option', () => {
    for (const bad of ['0', '-1', 'NaN', '1e9', '2.5', '', ' 3', '99999', 'Infinity']) {
      expect(() => readWhole(bad, '--nodes', 1, 500), bad).toThrow(
        /^--nodes must be a whole number from 1 to 500, not /,
      );
    }
    expect(() => readNumber('-0.5', '--rate', 0, 10)).toThrow(UserError);
    expect(() => readDuration('1d', '--notice', 0, 60_000)).toThrow('--notice must be from 0ms to 1m, not "1d".');
    expect(readShare('5%', '--packet-loss')).toBeCloseTo(0.05);
    expect(readShare('0.25', '--packet-loss')).toBe(0.25);
    expect(() => readShare('101%', '--packet-loss')).toThrow(UserError);
  });
});

describe('commands', () => {
  it('splits as a shell would', () => {
    expect(splitCommand('node server.js', '--workload')).toEqual(['node', 'server.js']);
    expect(splitCommand(`sh -c 'a && b' "c d" e\\ f ""`, '--workload')).toEqual([
      'sh',
      '-c',
      'a && b',
      'c d',
      'e f',
      '',
    ]);
  });

  it('refuses what only a shell understands', () => {
    for (const bad of ['a && b', 'a > f', 'echo $HOME', 'a; b', "echo 'x", '   ']) {
      expect(() => splitCommand(bad, '--workload'), bad).toThrow(UserError);
    }
  });
});
