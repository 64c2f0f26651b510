import { expect, it } from 'vitest';
import type { CloudError } from '../../../core/cloud.js';
import { emptyBucket } from '../../../core/fallback/empty.js';
import type { AnyCall, AnyOutcome, ObjectVersion } from '../../../core/fallback/port.js';
import type { Reply } from '../../../core/fallback/script.js';
import { seededRng } from '../../../core/rng.js';
import { type Context, monoMs, wallMs } from '../../../core/time.js';

const at = (ms: number): Context => ({ nowMs: monoMs(ms), wallMs: wallMs(ms), rng: seededRng(1) });
const failure = (kind: CloudError['kind'], code: string): AnyOutcome => ({
  ok: false,
  error: { kind, code, message: 'because' },
});

/** Plays the script on a bucket; each call takes 100 ms. `refuse` may answer in the bucket's place. */
function play(count: number, refuse: (call: AnyCall, index: number) => AnyOutcome | null = () => null) {
  let versions: ObjectVersion[] = Array.from({ length: count }, (_, i) => ({ key: `k${i}`, versionId: 'null' }));
  const ops: string[] = [];
  let nowMs = 0;
  const answer = (call: AnyCall): AnyOutcome => {
    const refused = refuse(call, ops.length);
    ops.push(call.op);
    nowMs += 100;
    if (refused !== null) return refused;
    if (call.op === 'findVersions') return { ok: true, value: versions.slice(0, 2) };
    if (call.op !== 'deleteVersions') throw new Error(call.op);
    const gone = new Set(call.versions.map(({ key }) => key));
    versions = versions.filter(({ key }) => !gone.has(key));
    return { ok: true, value: null };
  };
  const script = emptyBucket('b', monoMs(60_000), at(0));
  let step = script.next();
  while (!step.done) {
    const ask = step.value;
    if (ask.type === 'wait') nowMs = Math.max(nowMs, ask.untilMs);
    const outcomes = ask.type === 'calls' ? ask.calls.map(answer) : [];
    const reply: Reply = { outcomes, ctx: at(nowMs) };
    step = script.next(reply);
  }
  return { result: step.value, ops, left: versions.length };
}

it('an empty bucket needs one look', () => {
  expect(play(0)).toEqual({ result: { deleted: 0, error: null }, ops: ['findVersions'], left: 0 });
});

it('goes on, page by page, until a look finds nothing', () => {
  const { result, ops, left } = play(5);
  expect({ result, left }).toEqual({ result: { deleted: 5, error: null }, left: 0 });
  expect(ops.filter((op) => op === 'deleteVersions')).toHaveLength(3);
});

it('what fails is tried again; what must be mended is told at once', () => {
  expect(play(3, (_call, i) => (i === 1 ? failure('unknown', 'NoAnswer') : null)).result.error).toBeNull();
  const denied = play(3, () => failure('configuration', 'AccessDenied'));
  expect(denied.result.error?.code).toBe('AccessDenied');
  expect(denied.ops).toHaveLength(1);
});

it('a bucket that is gone is empty', () => {
  expect(play(3, () => failure('configuration', 'NoSuchBucket')).result.error).toBeNull();
});

it('ends when its time does', () => {
  const { result, ops } = play(3, (call) => (call.op === 'deleteVersions' ? failure('throttle', 'SlowDown') : null));
  expect(result).toEqual({ deleted: 0, error: { kind: 'throttle', code: 'SlowDown', message: 'because' } });
  expect(ops.length).toBeLessThan(100);
});
