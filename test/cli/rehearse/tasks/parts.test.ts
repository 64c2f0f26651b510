import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chainDigest,
  chainStart,
  chainState,
  chainStep,
  resultIn,
  resultLine,
} from '../../../../cli/rehearse/tasks/chain-rule.js';
import { costOf } from '../../../../cli/rehearse/tasks/cost.js';
import { estimateMs, tasksPlan } from '../../../../cli/rehearse/tasks/plan.js';
import { progressText, Register } from '../../../../cli/rehearse/tasks/register.js';
import { parseWitness, type WitnessLine, witnessText } from '../../../../cli/rehearse/tasks/witness-line.js';
import type { TimelineEvent } from '../../../../cli/rehearse/timeline.js';
import { seededRng } from '../../../../core/rng.js';
import { leaseKey, openKey } from '../../../../core/tasks/keys.js';
import { wallMs } from '../../../../core/time.js';
import type { CloudEvent } from '../../../../local/cloud-types.js';
import { node } from '../story.js';
import { lease } from './facts.js';

describe('the chain', () => {
  it('can be taken up at any step', () => {
    fc.assert(
      fc.property(fc.nat(30), fc.nat(30), fc.string(), (first, more, seed) => {
        let digest = chainDigest(seed, first);
        for (let step = first + 1; step <= first + more; step++) digest = chainStep(digest, step);
        expect(digest).toBe(chainDigest(seed, first + more));
      }),
      { numRuns: 20 },
    );
  });

  it('says its result as its last line', () => {
    const digest = chainStart('x');
    expect(resultIn(`goes on\n${resultLine(digest)}\n`)).toBe(digest);
    expect(resultIn(`result ${digest.slice(1)}`)).toBeNull();
  });

  it('bears witness in lines of one length', () => {
    const line: WitnessLine = { task: 'a', startedMs: 1, atMs: 2, from: 3, step: 4, state: 'done' };
    expect(parseWitness(witnessText(line))).toEqual(line);
    const longer = witnessText({ ...line, task: 'a'.repeat(63), atMs: 2 ** 50 });
    expect(longer).toHaveLength(witnessText(line).length);
    for (const text of ['', '{}', '[]', 'null', '{"task":"a","state":"gone"}']) expect(parseWitness(text)).toBeNull();
  });
});

describe("the rehearsal's task as a program", () => {
  const program = join(import.meta.dirname, '..', '..', '..', '..', 'dist', 'chain.mjs');
  const start = (folder: string, ...args: readonly string[]) =>
    spawnSync(process.execPath, [program, ...args], {
      encoding: 'utf8',
      env: {
        SYNKTI_TASK_ID: 'it',
        SYNKTI_CHECKPOINT_DIR: join(folder, 'state'),
        SYNKTI_CHECKPOINT_MARK: join(folder, 'mark'),
        REHEARSAL_WITNESS: join(folder, 'witness'),
      },
    });

  it('computes, saves, goes on from what it saved, and refuses what is torn', () => {
    const folder = mkdtempSync(join(tmpdir(), 'chain-'));
    try {
      for (const name of ['state', 'witness']) mkdirSync(join(folder, name));
      const first = start(folder, 'seed', '12', '1', '2', '500');
      expect(first).toMatchObject({ status: 0, stdout: `${resultLine(chainDigest('seed', 12))}\n`, stderr: '' });
      expect(readFileSync(join(folder, 'mark'), 'utf8')).toBe('1');
      expect(readFileSync(join(folder, 'state', 'state'), 'utf8')).toBe(chainState(chainDigest('seed', 12), 2));
      const second = start(folder, 'seed', '20', '1', '2', '500');
      expect(second.stdout).toBe(`goes on from step 12 of 20\n${resultLine(chainDigest('seed', 20))}\n`);
      writeFileSync(join(folder, 'state', 'step'), '11');
      const torn = start(folder, 'seed', '30', '1', '2', '500');
      expect(torn.status).toBe(3);
      expect(torn.stderr).toContain('torn checkpoint: step 11');
      const lines = readdirSync(join(folder, 'witness')).map((name) =>
        parseWitness(readFileSync(join(folder, 'witness', name), 'utf8')),
      );
      expect(lines.sort((a, b) => (a?.startedMs ?? 0) - (b?.startedMs ?? 0))).toMatchObject([
        { task: 'it', from: 0, step: 12, state: 'done' },
        { task: 'it', from: 12, step: 20, state: 'done' },
        { task: 'it', state: 'torn' },
      ]);
      expect(start(folder, 'seed', 'x', '1', '2', '500')).toMatchObject({ status: 2 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the default scenario of tasks', () => {
  it('is the same for a seed, and hits no slot again before its successor could work', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer(), (nodes, seed) => {
        const plan = () => tasksPlan(nodes, 5_000, true, 5_000, 90_000, seededRng(seed));
        const acts = plan();
        expect(plan()).toEqual(acts);
        expect(acts.length).toBeGreaterThan(0);
        const free = new Map<number, number>();
        for (const { atMs, act } of acts) {
          if (!('slots' in act) || !Array.isArray(act.slots)) throw new Error('an act without slots');
          for (const slot of act.slots) {
            expect(slot).toBeLessThan(nodes);
            expect(atMs).toBeGreaterThanOrEqual(free.get(slot) ?? 0);
            free.set(slot, atMs + 5_000);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it('expects waves of tasks', () => {
    expect(estimateMs(200, 30, 10_000)).toBe(80_500);
    expect(estimateMs(1, 30, 10_000)).toBe(11_500);
  });
});

describe('what instances cost', () => {
  it('is billed from running to the begin of the end, within the stretch', () => {
    const events: TimelineEvent[] = [
      { atMs: -5_000, type: 'launched', node: node('i-a', 0, 1) },
      { atMs: -2_000, type: 'running', instanceId: 'i-a' },
      { atMs: 1_800_000, type: 'ending', instanceId: 'i-a' },
      { atMs: 1_803_000, type: 'ended', instanceId: 'i-a' },
      { atMs: 1_800_000, type: 'launched', node: { ...node('i-b', 0, 2), market: 'on-demand' } },
      { atMs: 1_800_000, type: 'running', instanceId: 'i-b' },
      { atMs: 1_800_000, type: 'launched', node: node('i-c', 1, 1) },
    ];
    const pools = [{ instanceType: 'm7g.large', zone: 'us-east-1a', spotPrice: 0.03, onDemandPrice: 0.08 }];
    const cost = costOf(events, pools, 0, 3_600_000, 2);
    expect(cost.usd).toBeCloseTo(0.5 * 0.03 + 0.5 * 0.08, 10);
    expect(cost.instanceSeconds).toBe(3_600);
    expect(cost.onDemandUsd).toBeCloseTo(2 * 0.08, 10);
  });
});

describe('the register of a rehearsal', () => {
  const object = (type: 'put' | 'deleted', key: string, by: string | null, text: string | null): CloudEvent => ({
    type: 'object',
    atMs: wallMs(5),
    change: {
      type,
      bucket: 'b',
      key,
      size: 1,
      etag: 'e',
      atMs: 5,
      by: by === null ? { kind: 'user', accessKeyId: 'k' } : { kind: 'node', instanceId: by, roleArn: 'r' },
      text: () => text,
    },
  });
  const one = { id: 'one', run: 1 };
  const open = openKey({ ...one, priority: 5, submittedMs: wallMs(1) });
  const put = (state: Parameters<typeof lease>[1], fence: number): CloudEvent =>
    object('put', leaseKey(one), 'i-a', JSON.stringify(lease('one', state, fence)));

  it('counts how tasks stand, keeps every version, and reads the journals', () => {
    const register = new Register('b');
    register.take(object('put', open, null, '{}'));
    expect(progressText(register.counts())).toBe('tasks: 0 done, 0 running, 1 waiting');
    register.take(put('held', 1));
    expect(register.counts()).toMatchObject({ running: 1, waiting: 0 });
    register.take(put('free', 1));
    expect(register.leasesLeft).toEqual(['one.1']);
    register.take(put('done', 2));
    expect(register.leasesLeft).toEqual([]);
    expect(register.archived).toBe(false);
    register.take(object('deleted', open, 'i-a', null));
    expect(register.archived).toBe(true);
    register.take(object('deleted', leaseKey(one), 'i-a', null));
    expect(progressText(register.counts())).toBe('tasks: 1 done, 0 running, 0 waiting');
    expect(register.writes.map(({ type }) => type)).toEqual([
      'open',
      'lease',
      'lease',
      'lease',
      'open-deleted',
      'lease-deleted',
    ]);
    register.take(object('put', 'tasks/ended/x.jsonl', 'i-a', 'no record\n'));
    expect(register.records()).toEqual([]);
    expect(register.problems[0]).toContain('tasks/ended/x.jsonl');
  });

  it('tells keys that are none, and counts refused writes of nodes', () => {
    const register = new Register('b');
    register.take(object('put', 'tasks/open/what', 'i-a', ''));
    register.take(object('put', leaseKey(one), 'i-a', '{"format":9}'));
    expect(register.problems).toHaveLength(2);
    const call = { service: 's3', action: 'PutObject', durationMs: 1, code: 'PreconditionFailed', replyLost: false };
    const principal = { kind: 'node' as const, instanceId: 'i-b', roleArn: 'r' };
    register.take({ type: 'call', atMs: wallMs(9), call: { ...call, atMs: wallMs(9), principal, status: 412 } });
    expect(register.refusals).toEqual([{ atMs: 9, by: 'i-b' }]);
  });
});
