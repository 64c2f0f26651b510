import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RehearseFlags, readSettings } from '../../../../cli/rehearse/settings.js';
import { NO_TASKS, readTasks, type TaskFlags } from '../../../../cli/rehearse/tasks/settings.js';
import { UserError } from '../../../../cli/user-error.js';
import { flags } from '../flags.js';

const read = (rest: Partial<TaskFlags>) => readTasks({ ...NO_TASKS, ...rest }, 'seed', '/chain.mjs');
const all = (tasks: Partial<TaskFlags>, rest: Partial<RehearseFlags> = {}) =>
  readSettings(
    { ...flags(), ...rest, tasks: { ...NO_TASKS, ...tasks } },
    { exampleService: '/service.mjs', exampleTask: '/chain.mjs' },
  );

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'task-settings-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, ...lines: readonly string[]): string => {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
};

describe('settings of tasks', () => {
  it('are none unless asked for', () => {
    expect(read({})).toBeNull();
  });

  it('make tasks that name what they compute, and say what is right', () => {
    const made = read({ tasks: '3', taskLength: '2s', checkpointEvery: '1500ms', taskState: '2MiB' })?.make('/witness');
    expect(made?.specs.map(({ id }) => id)).toEqual(['chain-1', 'chain-2', 'chain-3']);
    expect(made?.specs[1]).toMatchObject({
      work: { kind: 'process', command: [process.execPath, '/chain.mjs', 'seed-2', '20', '100', '2048', '1500'] },
      expectedMs: 2_000,
      checkpoint: { folder: 'state', intervalMs: 1_500 },
      environment: { REHEARSAL_WITNESS: '/witness' },
    });
    expect(made?.facts[1]).toMatchObject({ key: 'chain-2.1', lengthMs: 2_000, steps: 20, intervalMs: 1_500 });
    expect(new Set(made?.facts.map(({ result }) => result)).size).toBe(3);
  });

  it("take a user's own tasks from a file", () => {
    const path = file('good.jsonl', '{"id":"a","command":["true"],"expected":"4s"}', '', '{"command":["true"]}');
    const tasks = read({ taskFile: path });
    expect(tasks).toMatchObject({ count: 2, lengthMs: 7_000 });
    expect(tasks?.make('/w').facts).toEqual([
      { key: 'a.1', lengthMs: 4_000, steps: null, result: null, intervalMs: null },
      { key: 'task-1.1', lengthMs: null, steps: null, result: null, intervalMs: null },
    ]);
  });

  it('send no requests, last as long as the tasks, and have a shorter notice', async () => {
    const settings = await all({ tasks: '60' });
    expect(settings).toMatchObject({ serves: false, scenario: { lengthMs: 0 }, timings: { noticeMs: 6_000 } });
    expect(settings.scenario.acts.length).toBeGreaterThan(1);
    expect((await all({ tasks: '60' }, { workload: 'node server.js' })).serves).toBe(true);
  });

  it('let nodes stand still', async () => {
    const { scenario } = await all({ tasks: '6' }, { pause: ['1,2@3s+9s'] });
    expect(scenario.acts).toEqual([{ atMs: 3_000, act: { type: 'pause', slots: [1, 2], lastsMs: 9_000 } }]);
  });

  it('limit what nodes can send', async () => {
    const { unkind } = await all({ tasks: '6' }, { uploadRate: '64KiB' });
    expect(unkind.uploads).toEqual({ bytesPerSecond: 65_536 });
  });
});

describe('mistakes in settings of tasks', () => {
  it.each([
    ['no tasks at all', { tasks: '0' }, '--tasks must be a whole number from 1 to 5000, not "0".'],
    ['absurdly many', { tasks: '1e9' }, 'not "1e9"'],
    ['a fraction of a task', { tasks: '2.5' }, 'not "2.5"'],
    ['no length', { tasks: '2', taskLength: '0s' }, '--task-length must be from 1s to 1h'],
    ['an interval without a unit', { tasks: '2', checkpointEvery: '5' }, '--checkpoint-every needs a time such as'],
    ['a state as large as a disk', { tasks: '2', taskState: '9000MiB' }, '--task-state must be from 1KiB to 64MiB'],
    ['a thousand at once', { tasks: '2', tasksPerNode: '1000' }, '--tasks-per-node must be'],
    ['a flag alone', { taskLength: '3s' }, '--task-length is about tasks; give --tasks 200 or --task-file FILE'],
    ['both kinds', { tasks: '2', taskFile: 'x.jsonl' }, 'give one of them'],
    ['a file that is not there', { taskFile: '/nowhere/x.jsonl' }, 'there is no such file'],
    ['a folder', { taskFile: '/tmp' }, 'it is a folder'],
    ['a length for a file', { taskFile: 'x.jsonl', taskLength: '3s' }, 'stands in it'],
  ] as const)('%s', (_, given, sentence) => {
    expect(() => read(given)).toThrow(UserError);
    expect(() => read(given)).toThrow(sentence);
  });

  it.each([
    ['bad.jsonl', ['{"command":["true"]}', '{"command":["true"'], 'bad.jsonl, line 2 isn'],
    ['typo.jsonl', ['{"comand":["true"]}'], 'did you mean "command"?'],
    [
      'large.jsonl',
      ['{"id":"big","command":["true"],"memory":"64GiB"}'],
      'the task big needs 64 GiB of memory, but a node of',
    ],
    ['gpu.jsonl', ['{"id":"g","command":["true"],"gpuMemory":"8GiB"}'], 'the task g needs 8 GiB of GPU memory'],
    ['empty.jsonl', [''], 'has no task in it'],
  ])('a file: %s', (name, lines, sentence) => {
    const path = file(name, ...lines);
    expect(() => read({ taskFile: path })).toThrow(UserError);
    expect(() => read({ taskFile: path })).toThrow(sentence);
  });

  it('a pause without tasks, or without its length', async () => {
    await expect(all({}, { pause: ['1@2s+3s'] })).rejects.toThrow('--pause lets leases of tasks run out; give --tasks');
    await expect(all({ tasks: '2' }, { pause: ['1@2s'] })).rejects.toThrow('--pause "1@2s" can\'t be read');
    await expect(all({ tasks: '2' }, { pause: ['9@2s+3s'] })).rejects.toThrow('"9" is no slot');
  });

  it.each(['64', '0KiB', 'fast', '1TiB'])('an upload rate of %s', async (uploadRate) => {
    await expect(all({ tasks: '2' }, { uploadRate })).rejects.toThrow('--upload-rate must be a size a second');
  });
});
