import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Run } from '../../spawn.js';

const folder = mkdtempSync(join(tmpdir(), 'task-verdict-'));
let run: Run | null = null;
afterAll(async () => {
  await run?.cleanUp();
  rmSync(folder, { recursive: true });
});

describe('a rehearsal of tasks', { timeout: 120_000 }, () => {
  it('brings each of them to its right result, once, although a node is taken from under them; and leaves nothing', async () => {
    const json = join(folder, 'verdict.json');
    const args = ['--nodes', '2', '--tasks', '8', '--task-length', '8s', '--interrupt', '0@3s', '--notice', '3s'];
    run = new Run(['rehearse', ...args, '--seed', '5', '--json', json]);
    const { code, out, err } = await run.ended;
    expect(code, out + err).toBe(0);
    expect(out).toContain('kept     Every task is done exactly once: 8 of 8');
    expect(out).toContain('kept     Every result is right: 8 of 8');
    const { kept, traffic, tasks } = JSON.parse(readFileSync(json, 'utf8'));
    expect(kept).toBe(true);
    expect(traffic).toBeUndefined();
    expect(tasks).toMatchObject({ tasks: 8, done: 8, lost: 0, faults: [] });
    // Those of the node that was taken went on from what they had saved.
    expect(tasks.resumed).toBeGreaterThan(0);
    expect(tasks.redoneShare).toBeLessThan(0.5);
    expect(tasks.cost.usd).toBeGreaterThan(0);
    expect(run.leftovers()).toEqual({ files: [], processes: [] });
  });
});
