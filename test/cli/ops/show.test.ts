import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { doctorText } from '../../../cli/ops/doctor/text.js';
import { writeWhole } from '../../../cli/ops/files.js';
import { wrap } from '../../../cli/ops/show.js';

describe('text in lines', () => {
  it('breaks at blanks, below its head', () => {
    expect(wrap('one two three', 12, 'Safe: ')).toEqual(['Safe: one', '      two', '      three']);
    expect(wrap('averylongword b', 5)).toEqual(['averylongword', 'b']);
  });

  it('keeps a number with its seconds', () => {
    expect(wrap('took it back, with 10.4 s of notice', 24)).toEqual(['took it back, with', '10.4 s of notice']);
    expect(wrap('of 10 seats', 6)).toEqual(['of 10', 'seats']);
  });

  it("the doctor's verdict fits as well", () => {
    const lines = doctorText([{ check: 'clock', level: 'fine', text: 'x', mend: null }], 40, pc.createColors(false));
    expect(lines.split('\n').filter((line) => line.length > 40)).toEqual([]);
    expect(lines.replaceAll('\n', ' ')).toContain('1 fine. Nothing was changed.');
  });

  it('of what mends it a sentence is broken, and a command is not', () => {
    const told = (mend: string): string[] =>
      doctorText([{ check: 'pools', level: 'warning', text: 'x', mend }], 40, pc.createColors(false)).split('\n');
    const sentence = "Widen the construct's capacity (instanceTypes) and deploy.";
    expect(told(sentence).filter((line) => line.length > 40)).toEqual([]);
    const command = `aws ec2 describe-network-acls --filters Name=association.subnet-id,Values=${'subnet-a,'.repeat(5)}`;
    expect(told(command)).toContain(`         ${command}`);
  });
});

describe('a file', () => {
  it('is written whole, or it is said why not', () => {
    const folder = mkdtempSync(join(tmpdir(), 'files-test-'));
    try {
      writeWhole(join(folder, 'a'), 'b', '--html');
      expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('b');
      const lost = join(folder, 'no', 'a');
      expect(() => writeWhole(lost, 'b', '--html')).toThrow(
        `--html ${lost} can't be written: there is no folder ${join(folder, 'no')}.`,
      );
      expect(() => writeWhole(folder, 'b', '--html')).toThrow(`--html ${folder} can't be written: it is a folder.`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
