import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { splitOperands } from '../../../cli/submit.js';
import { madeUpId } from '../../../cli/tasks/ids.js';
import { misfit, type Room, tasksOf } from '../../../cli/tasks/room.js';
import { readSubmission, type TaskFlags } from '../../../cli/tasks/submission.js';
import { TASK_ID } from '../../../core/tasks/fields.js';
import { specOf as clusterSpec } from '../../core/fixtures.js';
import { PROGRAM } from '../spawn.js';
import { NOW_MS, specOf } from './fake-queue.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'submission-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (text: string): string => {
  const path = join(folder, 'tasks.jsonl');
  writeFileSync(path, text);
  return path;
};
const command = (flags: TaskFlags, words: readonly string[] | null = ['python', 'train.py', '--lr', '3']) =>
  readSubmission([], words, flags, NOW_MS);

describe('what never ends or comes late', () => {
  it('is given up when it is too large', () => {
    expect(() => readSubmission(['/dev/zero'], null, {}, NOW_MS)).toThrow(
      '/dev/zero is larger than 256 MiB; split it.',
    );
  });

  it('is waited for where it comes through a pipe', async () => {
    const child = spawn(process.execPath, [PROGRAM, 'submit', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let err = '';
    child.stderr.on('data', (chunk) => (err += chunk));
    const ended = new Promise((resolve) => child.once('close', resolve));
    // Long after the start: nothing is there yet when it begins to read.
    setTimeout(() => child.stdin.end('{"comand": ["true"]}\n'), 1_000);
    expect(await ended).toBe(2);
    expect(err).toContain('standard input, line 1: "comand" isn\'t known');
  });
});

describe('operands', () => {
  it.each([
    ['a file', ['submit', 'a.jsonl', '--json'], ['a.jsonl'], { words: ['a.jsonl'], command: null }],
    ['a command', ['submit', '--', 'x', '-y', '--'], ['x', '-y', '--'], { words: [], command: ['x', '-y', '--'] }],
    ['both', ['submit', 'f', '--', 'x'], ['f', 'x'], { words: ['f'], command: ['x'] }],
    ['nothing', ['submit', '--'], [], { words: [], command: [] }],
  ])('%s', (_, argv, operands, expected) => {
    expect(splitOperands(operands, argv)).toEqual(expected);
  });
});

describe('a command line', () => {
  it('becomes one task', () => {
    const { tasks, givenIds } = command({
      id: 'train',
      memory: '4GiB',
      gpuMemory: '0',
      expected: '2h',
      deadline: '5h',
      checkpoint: 'ckpt',
      checkpointInterval: '1m',
      notify: 'none',
      retries: '7',
      priority: '9',
      data: ['s3://bucket/a', 's3://bucket/b'],
      env: ['A=b=c', 'D='],
      stopGrace: '10s',
    });
    expect(givenIds).toBe(true);
    expect(tasks).toEqual([
      {
        format: 1,
        id: 'train',
        run: 1,
        submittedMs: NOW_MS,
        work: { kind: 'process', command: ['python', 'train.py', '--lr', '3'] },
        environment: { A: 'b=c', D: '' },
        memoryMiB: 4_096,
        gpuMemoryMiB: 0,
        expectedMs: 7_200_000,
        deadline: { atMs: NOW_MS + 5 * 3_600_000, policy: 'uniform-progress' },
        checkpoint: { folder: 'ckpt', intervalMs: 60_000, notify: { by: 'none' } },
        retries: 7,
        priority: 9,
        data: ['s3://bucket/a', 's3://bucket/b'],
        stopGraceMs: 10_000,
        resume: null,
      },
    ]);
  });

  it('becomes a container with an image, which may have no arguments', () => {
    expect(command({ image: 'trainer:3', gpus: '2' }, null).tasks[0]).toMatchObject({
      id: expect.stringMatching(/^trainer-/),
      work: { kind: 'container', image: 'trainer:3', args: [], gpus: 2 },
    });
  });

  it.each<[string, TaskFlags, readonly string[] | null, string]>([
    ['no command', {}, null, 'Give a file of tasks, or a command after --'],
    ['an empty command', {}, [], 'Give a file of tasks, or a command after --'],
    ['an interval without a folder', { checkpointInterval: '1m' }, ['x'], '--checkpoint-interval needs --checkpoint'],
    ['a size that is none', { memory: '4 gigs' }, ['x'], 'The task: "memory" must be a size'],
    ['half a retry', { retries: '1.5' }, ['x'], 'The task: "retries" must be a whole number from 0 to 100, not "1.5".'],
    ['GPUs of a process', { gpus: '1' }, ['x'], '"gpus" goes with an "image"'],
    ['a variable without a value', { env: ['A'] }, ['x'], '--env needs NAME=value, not "A".'],
    ['a strange id', { id: 'Träin' }, ['x'], '"id" must be lower case letters'],
    ['a folder that leads out', { checkpoint: '../x' }, ['x'], "leads out of the task's working folder"],
    ['a deadline that is past', { deadline: '2020-01-01T00:00Z', expected: '1h' }, ['x'], 'is past already'],
  ])('%s is told in one sentence', (_, flags, words, complaint) => {
    expect(() => command(flags, words)).toThrow(complaint);
  });
});

describe('a file', () => {
  it('has a task in each line, and each has its place', () => {
    const path = file('\n{"command":["a"]}\n\n{"id":"b","command":["b"]}\n');
    const { tasks, placeOf, givenIds } = readSubmission([path], null, {}, NOW_MS);
    expect(tasks.map(({ id }) => id)).toEqual([expect.stringMatching(/^task-/), 'b']);
    expect([placeOf(0), placeOf(1)]).toEqual([`${path}, line 2`, `${path}, line 4`]);
    expect(givenIds).toBe(true);
    expect(readSubmission([file('{"command":["a"]}')], null, {}, NOW_MS).givenIds).toBe(false);
  });

  it('with a bad line is named with it', () => {
    expect(() => readSubmission([file('{"command":["a"]}\n{"command":"a"}')], null, {})).toThrow(
      'line 2: "command" must be a list such as ["python", "train.py"]',
    );
  });

  it('that is none is told', () => {
    expect(() => readSubmission(['train.py'], null, {})).toThrow(
      'for a command put -- before it: synkti submit -- train.py',
    );
    expect(() => readSubmission([folder], null, {})).toThrow("can't be read: it is a folder.");
    expect(() => readSubmission(['a', 'b'], null, {})).toThrow('"b" isn\'t understood; a command goes after --');
    expect(() => readSubmission(['a'], ['b'], {})).toThrow('Give the file a or a command after --, not both.');
    expect(() => readSubmission(['a'], null, { gpuMemory: '1' })).toThrow('--gpu-memory is for a command after --');
  });
});

it.each(['python', '/usr/bin/Python3.12', 'registry.example/team/trainer:3', 'x@sha256:abc', '', '---', 'ü'])(
  'an id that is made up of %s is one',
  (word) => {
    const ids = new Set(Array.from({ length: 100 }, () => madeUpId(word)));
    expect(ids.size).toBe(100);
    for (const id of ids) expect(id).toMatch(TASK_ID);
  },
);

describe('a task that no node has room for', () => {
  const room: Room = { memoryMiB: 8_192, gpuMemoryMiB: 0, gpus: null, source: 'Workload.tasks' };
  const gpuRoom: Room = { memoryMiB: null, gpuMemoryMiB: 22_528, gpus: 1, source: 'Workload.tasks' };
  const container = (gpus: number) => ({ kind: 'container', image: 'x', args: [], gpus }) as const;

  it.each([
    [
      'memory',
      specOf('a', { memoryMiB: 8_193 }),
      room,
      'needs 8193 MiB of memory, but a node of "c" has 8192 MiB for tasks',
    ],
    ['GPU memory', specOf('a', { gpuMemoryMiB: 1 }), room, 'needs 1 MiB of GPU memory, but a node of "c" has no GPU'],
    [
      'more of it',
      specOf('a', { gpuMemoryMiB: 24_576 }),
      gpuRoom,
      'needs 24 GiB of GPU memory, but a node of "c" has 22 GiB',
    ],
    ['a GPU', specOf('a', { work: container(1) }), room, 'needs 1 GPU, but a node of "c" has no GPU for tasks'],
    ['two GPUs', specOf('a', { work: container(2) }), gpuRoom, 'needs 2 GPUs, but a node of "c" has 1 at most'],
  ])('for want of %s is told so', (_, task, has, complaint) => {
    expect(misfit(task, has, 'c')).toContain(complaint);
  });

  it('is none that just fits', () => {
    expect(misfit(specOf('a', { memoryMiB: 8_192 }), room, 'c')).toBe(null);
    expect(misfit(specOf('a', { gpuMemoryMiB: 22_528, work: container(1) }), gpuRoom, 'c')).toBe(null);
  });

  it('nor is any, when the cluster runs no tasks', () => {
    expect(() => tasksOf(clusterSpec())).toThrow('Cluster "web" runs no tasks: add Workload.tasks() to it');
  });
});
