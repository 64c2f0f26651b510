import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Run } from './spawn.js';

const runs: Run[] = [];
afterEach(async () => {
  for (const run of runs.splice(0)) await run.cleanUp();
});

function start(...args: readonly string[]): Run {
  const run = new Run(['rehearse', '--nodes', '3', '--rate', '30', ...args]);
  runs.push(run);
  return run;
}

const NOTHING = { files: [], processes: [] };

describe('a rehearsal', { timeout: 120_000 }, () => {
  it('keeps its promises at an interruption, writes its verdict, and leaves nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'verdict-'));
    const json = join(folder, 'verdict.json');
    const run = start('--seed', '11', '--notice', '8s', '--interrupt', '1@1s', '--json', json);
    const { code, out, err } = await run.ended;
    expect(code, out + err).toBe(0);
    expect(out).toContain('All promises were kept.');
    expect(out).toContain('slot 1');
    const verdict = JSON.parse(readFileSync(json, 'utf8'));
    expect(readdirSync(folder)).toEqual(['verdict.json']);
    rmSync(folder, { recursive: true });
    expect(verdict).toMatchObject({ format: 1, kept: true, duplicates: 0, orphans: [], traffic: { failed: 0 } });
    expect(verdict.incidents).toHaveLength(1);
    expect(verdict.incidents[0]).toMatchObject({ kind: 'announced', seat: { slot: 1, generation: 1 } });
    expect(run.leftovers()).toEqual(NOTHING);
  });

  it('says what is broken, with exit code 1', async () => {
    const server = `require('http').createServer((q, r) => r.writeHead(q.url === '/health' ? 200 : 500).end())`;
    const program = `node -e "${server}.listen(process.env.PORT, process.env.HOST)"`;
    const run = start('--workload', program, '--partition', '0|1,2@0s+1s');
    const { code, out } = await run.ended;
    expect(code, out).toBe(1);
    expect(out).toMatch(/BROKEN {3}An announced interruption costs no request: (\d+) of \1 requests failed/);
    expect(out).toContain(': 500 after');
    expect(out).toContain('One promise was broken.');
    expect(run.leftovers()).toEqual(NOTHING);
  });

  it('ends at Ctrl-C in the middle, also when npx passes it on, and leaves nothing', async () => {
    const run = start('--interrupt', '0@1s');
    await run.shows('got its interruption notice');
    run.child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 20));
    run.child.kill('SIGINT');
    const { code, out } = await run.ended;
    expect(code).toBe(130);
    expect(out).toContain('Stopped');
    expect(run.leftovers()).toEqual(NOTHING);
  });

  it('leaves nothing after a second Ctrl-C either', async () => {
    const run = start();
    await run.shows('all 3 nodes serve');
    run.child.kill('SIGTERM');
    run.child.kill('SIGINT');
    expect((await run.ended).code).toBe(130);
    const giveUpAt = performance.now() + 10_000;
    const clean = (): boolean => run.leftovers().files.length + run.leftovers().processes.length === 0;
    while (!clean() && performance.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(run.leftovers()).toEqual(NOTHING);
  });

  it('gives up a workload that never gets healthy, and shows the end of its log', async () => {
    const program = `node -e "console.log('no database here'); setInterval(() => {}, 1000)"`;
    const run = start('--workload', program, '--wait', '9s');
    const { code, out } = await run.ended;
    expect(code).toBe(1);
    expect(out).toContain('Only 0 of 3 nodes were healthy after 9 s: GET /health on port 8080');
    expect(out).toContain('no database here');
    expect(run.leftovers()).toEqual(NOTHING);
  });

  it('holds the cloud open with --keep until Ctrl-C', async () => {
    const run = start('--keep', '--partition', '0|1,2@0s+1s');
    await run.shows('The cluster stays up until Ctrl-C.');
    await run.shows('aws ssm get-parameter');
    const endpoint = /AWS endpoint: (http:\S+)/.exec(run.out)?.[1] ?? '';
    // Unsigned: the endpoint lives, and refuses.
    expect((await fetch(endpoint)).status).toBe(403);
    const service = /Service: +(http:\S+)/.exec(run.out)?.[1] ?? '';
    expect(await (await fetch(service)).text()).toBe('ok');
    run.child.kill('SIGINT');
    expect((await run.ended).code).toBe(0);
    expect(run.leftovers()).toEqual(NOTHING);
  });
});
