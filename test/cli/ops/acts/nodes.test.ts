/** What is asked of nodes, and what is made of their answers. */
import { describe, expect, it } from 'vitest';
import { interruptedText, shellLine } from '../../../../cli/ops/acts/exec.js';
import { journalLine, jsonLine, pickLogger, readable, readJournal } from '../../../../cli/ops/acts/logs.js';
import { pickNodes } from '../../../../cli/ops/acts/pick.js';
import { endOf } from '../../../../cli/ops/acts/run-command.js';
import { idOf, opsNode, view } from '../scene.js';

describe('a command line', () => {
  it('several words are kept apart, a single one is for the shell', () => {
    expect(shellLine(['df -h / | tail -1'])).toBe('df -h / | tail -1');
    expect(shellLine(['sh', '-c', "echo 'a b'; $HOME"])).toBe(`sh -c 'echo '\\''a b'\\''; $HOME'`);
    expect(shellLine(['journalctl', '--since=@1', ''])).toBe("journalctl --since=@1 ''");
  });

  it('what SSM answers', () => {
    expect(endOf({ Status: 'InProgress' }, 1_000)).toBeNull();
    expect(endOf({ Status: 'Success', StandardOutputContent: 'hi\n' }, 1_000)).toMatchObject({
      exitCode: 0,
      cut: false,
    });
    expect(endOf({ Status: 'Success', StandardOutputContent: 'x'.repeat(24_000) }, 1_000)).toMatchObject({ cut: true });
    expect(endOf({ Status: 'Failed', ResponseCode: 7 }, 1_000)).toMatchObject({ type: 'ended', exitCode: 7 });
    expect(endOf({ Status: 'Failed', ResponseCode: -1, StatusDetails: 'Failed' }, 1_000)).toMatchObject({
      type: 'failed',
    });
    const why = (StatusDetails: string): object | null => endOf({ Status: 'TimedOut', StatusDetails }, 600_000);
    expect(why('DeliveryTimedOut')).toMatchObject({
      why: "SSM didn't get it to the node within 60 s (DeliveryTimedOut): is the node up, and SSM's agent on it?",
    });
    expect(why('TimedOut')).toMatchObject({ why: 'It took longer than 10m and was ended (TimedOut).' });
    expect(endOf({ Status: 'Cancelled' }, 1_000)).toMatchObject({
      why: 'It was ended before it was done: Cancelled.',
    });
  });

  it('stopped half-way: what ended, what may run, what was not begun', () => {
    const [a, b, c] = pickNodes([], view([opsNode(0), opsNode(1), opsNode(2)], {}, { desired: 3 }));
    if (a === undefined || b === undefined || c === undefined) throw new Error('three nodes');
    const ended = { type: 'ended', exitCode: 0, stdout: '', stderr: '', cut: false } as const;
    const text = interruptedText([
      { row: a, end: ended },
      { row: b, end: { type: 'left', commandId: 'c-1' } },
      { row: c, end: { type: 'left', commandId: null } },
    ]);
    expect(text).toContain('it ended on 1 of 3 nodes');
    expect(text).toContain('aws ssm cancel-command --command-id c-1');
    expect(text).toContain(`to go on: --node ${idOf(2)}`);
  });
});

describe('a journal', () => {
  it('of a node that is gone: its whole id leads to its last words', () => {
    const seen = view([opsNode(0)], {}, { desired: 1 });
    expect(pickLogger('0', seen).node.instanceId).toBe(idOf(0));
    expect(() => pickLogger('i-0abc', seen)).toThrow('Of a node that is gone give the whole id; synkti incidents');
    expect(() => pickLogger(idOf(7), seen)).toThrow('It left no last words, or the bucket keeps them no longer.');
    expect(() => pickLogger('9', seen)).toThrow(/its only slot is 0\.$/);
  });

  it('is asked for from the end, then from where it was read up to', () => {
    expect(journalLine(null, { lines: 50 }, null)).toContain('--show-cursor -n 50)');
    expect(journalLine(null, { lines: 50 }, 1_500)).toContain('--since @1 -n 50');
    expect(journalLine("s=1;i='2", { lines: 50 }, null)).toContain("--after-cursor 's=1;i=2')");
  });

  it('lines and cursor', () => {
    expect(readJournal('a\nb\n-- cursor: s=1;i=2\n')).toEqual({ lines: ['a', 'b'], cursor: 's=1;i=2' });
    expect(readJournal('-- No entries --\n')).toEqual({ lines: [], cursor: null });
    // Half a line at the beginning isn't shown.
    expect(readJournal(`${'x'.repeat(22_000)}\nb\n-- cursor: 9`).lines).toEqual(['b']);
  });

  it('lines for people and for programs', () => {
    const line =
      '{"level":"info","time":"2026-01-17T10:30:00.123Z","node":"i-1","slot":3,"code":"leaving","cause":"stop"}';
    expect(readable(line)).toBe('10:30:00.123 info  leaving cause=stop');
    expect(readable('Killed')).toBe('Killed');
    expect(JSON.parse(jsonLine(line, 'i-1'))).toMatchObject({ instanceId: 'i-1', code: 'leaving' });
    expect(jsonLine('[1]', 'i-1')).toBe('{"instanceId":"i-1","text":"[1]"}');
  });
});
