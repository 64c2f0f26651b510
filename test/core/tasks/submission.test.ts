import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTaskSpec } from '../../../core/tasks/parse.js';
import { parseSubmission, parseSubmissions, TASK_DEFAULTS, taskFrom } from '../../../core/tasks/submission.js';
import { nearest } from '../../../core/tasks/units.js';
import { wallMs } from '../../../core/time.js';

const NOW = wallMs(Date.UTC(2026, 10, 23, 10));
const context = () => {
  let n = 0;
  return { wallMs: NOW, newId: () => `task-${++n}` };
};
const parse = (value: unknown) => taskFrom(value, 'tasks.jsonl, line 3', context());
const C = { command: ['true'] };

describe('a submission', () => {
  it('reads what its docstring shows', () => {
    const line =
      '{"id": "train-7", "command": ["python", "train.py"], "memory": "4GiB", "gpuMemory": "16GiB", "expected": "2h", ' +
      '"deadline": "12h", "checkpoint": {"folder": "./state/", "interval": "5m", "notify": "signal"}, "retries": 0, ' +
      '"priority": 0, "data": ["s3://bucket/set"], "env": {"SEED": "7"}}';
    expect(parseSubmission(line, 'line 1', context())).toEqual({
      ok: true,
      value: {
        format: 1,
        id: 'train-7',
        run: 1,
        submittedMs: NOW,
        work: { kind: 'process', command: ['python', 'train.py'] },
        environment: { SEED: '7' },
        memoryMiB: 4_096,
        gpuMemoryMiB: 16_384,
        expectedMs: 7_200_000,
        deadline: { atMs: NOW + 43_200_000, policy: 'uniform-progress' },
        checkpoint: { folder: 'state', intervalMs: 300_000, notify: { by: 'signal' } },
        retries: 0,
        priority: 0,
        data: ['s3://bucket/set'],
        stopGraceMs: 30_000,
        resume: null,
      },
    });
  });

  it('has defaults for everything but what is to be done', () => {
    const parsed = parse({ image: 'trainer:3', args: ['--seed', '7'], gpus: 1, memory: 100 });
    expect(parsed).toMatchObject({
      ok: true,
      value: {
        id: 'task-1',
        work: { kind: 'container', image: 'trainer:3', args: ['--seed', '7'], gpus: 1 },
        memoryMiB: 100,
        retries: TASK_DEFAULTS.retries,
        priority: TASK_DEFAULTS.priority,
        checkpoint: null,
        deadline: null,
      },
    });
  });

  const amounts: readonly (readonly [field: object, expected: object])[] = [
    [{ memory: '1.5GiB' }, { memoryMiB: 1_536 }],
    [{ memory: '1GB' }, { memoryMiB: 954 }],
    [{ memory: '2TiB' }, { memoryMiB: 2_097_152 }],
    [{ expected: '1h30m' }, { expectedMs: 5_400_000 }],
    [{ expected: '1.5h' }, { expectedMs: 5_400_000 }],
    [{ expected: '250ms' }, { expectedMs: 250 }],
    [{ expected: '1d' }, { expectedMs: 86_400_000 }],
    [{ stopGrace: '0s' }, { stopGraceMs: 0 }],
    [{ data: 's3://b-1/x' }, { data: ['s3://b-1/x'] }],
    [{ checkpoint: 'state' }, { checkpoint: { folder: 'state', intervalMs: 600_000, notify: { by: 'signal' } } }],
    [
      { checkpoint: { folder: 's', interval: 'none', notify: 'http://localhost:8080/save' } },
      { checkpoint: { folder: 's', intervalMs: null, notify: { by: 'http', url: 'http://localhost:8080/save' } } },
    ],
    [
      { expected: '1h', deadline: { at: '2026-11-24T10:00Z', policy: 'adaptive' } },
      { deadline: { atMs: Date.UTC(2026, 10, 24, 10), policy: 'adaptive' } },
    ],
    [{ expected: '1h', deadline: '2026-11-24T10:00:00+02:00' }, { deadline: { atMs: Date.UTC(2026, 10, 24, 8) } }],
  ];
  it.each(amounts)('%j is read as %j', (field, expected) => {
    expect(parse({ ...C, ...field })).toMatchObject({ ok: true, value: expected });
  });

  const bad: readonly (readonly [value: unknown, problem: string])[] = [
    [7, 'must be an object such as {"command": ["true"]}, not 7.'],
    [{}, 'has neither a "command" nor an "image".'],
    [{ ...C, image: 'x' }, 'has a command and also an image; a container takes its command as "args".'],
    [{ ...C, gpus: 1 }, '"gpus" goes with an "image"; a command holds its own arguments.'],
    [
      { command: 'sleep 5' },
      '"command" must be a list such as ["python", "train.py"]; for a shell write ["sh", "-c", "..."].',
    ],
    [{ command: [] }, '"command" names no program.'],
    [{ command: ['a', 5] }, '"command[1]" must be text, not 5.'],
    [{ command: ['a', 'b\0'] }, '"command[1]" has a NUL character in it.'],
    [{ ...C, memori: 5 }, '"memori" isn\'t known; did you mean "memory"?'],
    [{ ...C, xyzzyq: 5 }, expect.stringMatching(/^"xyzzyq" isn't known; known are id, command, /) as unknown as string],
    [
      { ...C, checkpoint: { folder: 's', intervall: '5m' } },
      '"checkpoint.intervall" isn\'t known; did you mean "interval"?',
    ],
    [
      { ...C, id: 'Train_7' },
      expect.stringMatching(/^"id" must be lower case .* not "Train_7"\.$/) as unknown as string,
    ],
    [{ ...C, id: '../x' }, expect.stringMatching(/^"id" must be/) as unknown as string],
    [
      { ...C, memory: '4 gigs' },
      '"memory" must be a size such as "4GiB", "512MiB" or a whole number of MiB, not "4 gigs".',
    ],
    [
      { ...C, memory: Number.NaN },
      '"memory" must be a size such as "4GiB", "512MiB" or a whole number of MiB, not NaN.',
    ],
    [{ ...C, memory: -1 }, expect.stringMatching(/^"memory" must be a size/) as unknown as string],
    [{ ...C, memory: 0 }, '"memory" must be a size above 0.'],
    [{ ...C, memory: '900000TiB' }, '"memory" is more than any machine has: "900000TiB".'],
    [{ ...C, expected: 90 }, '"expected" must be a time such as "90s", "15m", "2h" or "1h30m", not 90.'],
    [{ ...C, expected: '900d' }, '"expected" must be at most a year, not "900d".'],
    [
      { ...C, expected: '1h', deadline: '2026-11-24 10:00' },
      expect.stringMatching(/^"deadline" must be a moment with its zone/) as unknown as string,
    ],
    [{ ...C, expected: '1h', deadline: '2026-11-22T10:00Z' }, '"deadline" "2026-11-22T10:00Z" is past already.'],
    [{ ...C, expected: '3h', deadline: '2h' }, 'can\'t meet its "deadline": its "expected" time alone is longer.'],
    [{ ...C, deadline: '2h' }, expect.stringMatching(/^has a "deadline" but no "expected" time/) as unknown as string],
    [{ ...C, checkpoint: '../x' }, '"checkpoint.folder" "../x" leads out of the task\'s working folder.'],
    [
      { ...C, checkpoint: '/x' },
      '"checkpoint.folder" "/x" is absolute; it must lie inside the task\'s working folder.',
    ],
    [
      { ...C, checkpoint: { folder: '.' } },
      expect.stringMatching(/has an empty step or a dot in it\.$/) as unknown as string,
    ],
    [
      { ...C, checkpoint: { folder: 's', notify: 'http://10.0.0.1/x' } },
      expect.stringMatching(/^"checkpoint.notify" must be/) as unknown as string,
    ],
    [{ ...C, retries: 1.5 }, '"retries" must be a whole number from 0 to 100, not 1.5.'],
    [{ ...C, priority: 10 }, '"priority" must be a whole number from 0 to 9, not 10.'],
    [{ ...C, data: ['http://x'] }, '"data" must be places such as "s3://bucket/prefix", not "http://x".'],
    [{ ...C, env: { 'a-b': '1' } }, '"env": "a-b" can\'t be a variable\'s name.'],
    [{ ...C, env: { A: 1 } }, '"env.A" must be text, not 1.'],
    [{ ...C, env: { SYNKTI_X: '1' } }, '"env": "SYNKTI_X" is set by the agent; choose another name.'],
  ];
  it.each(bad)('%j is refused in one sentence', (value, problem) => {
    const parsed = parse(value);
    expect(parsed.ok).toBe(false);
    if (parsed.ok) return;
    const start = 'tasks.jsonl, line 3: ';
    expect(parsed.problem.slice(0, start.length)).toBe(start);
    expect(parsed.problem.slice(start.length)).toEqual(problem);
  });

  it('whatever is accepted is a task that nodes accept', () => {
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom('1h', '4GiB', 'state', 's3://bucket/x', 3));
    const keys = [
      'memory',
      'gpuMemory',
      'expected',
      'deadline',
      'checkpoint',
      'retries',
      'priority',
      'data',
      'env',
      'id',
    ];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), field), (fields) => {
        const parsed = parse({ ...C, ...fields });
        if (parsed.ok) expect(parseTaskSpec(JSON.stringify(parsed.value))).toEqual(parsed);
        else expect(parsed.problem).toMatch(/^tasks\.jsonl, line 3: .*[.?]$/);
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});

describe('a file of submissions', () => {
  const file = (...lines: readonly string[]) => parseSubmissions(lines.join('\n'), 'tasks.jsonl', context());

  it('skips empty lines and counts them', () => {
    expect(file('\uFEFF{"command":["a"]}', '', ' {"command":["b"]}\r', '')).toMatchObject({
      ok: true,
      value: [{ id: 'task-1' }, { id: 'task-2' }],
    });
    expect(file('{"command":["a"]}', '', '{"command":}')).toMatchObject({
      ok: false,
      problem: expect.stringMatching(/^tasks\.jsonl, line 3 isn't JSON: /),
    });
  });

  it('refuses an id that is there twice, and a file of nothing', () => {
    expect(file('{"id":"a","command":["a"]}', '{"id":"a","command":["a"]}')).toEqual({
      ok: false,
      problem: 'tasks.jsonl, line 2: the id "a" is that of line 1 too; ids must differ.',
    });
    expect(file('', ' ')).toEqual({ ok: false, problem: 'tasks.jsonl has no task in it.' });
  });
});

it('the nearest word is a near one, or none', () => {
  expect(nearest('memmory', ['memory', 'image'])).toBe('memory');
  expect(nearest('Memory', ['memory', 'image'])).toBe('memory');
  expect(nearest('zzzz', ['memory', 'image'])).toBeNull();
});
