import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CloudErrorKind } from '../../../core/cloud.js';
import { LEASE_KEY, leaseAt, tendLease } from '../../../core/fallback/lease.js';
import type { AnyOutcome } from '../../../core/fallback/port.js';
import { wallMs } from '../../../core/time.js';
import { at } from '../fixtures.js';
import { ok, play } from './play.js';

const HOUR = 3_600_000;
const LEASE = { bucket: 'b', stackId: 'arn:aws:cloudformation:stack', lengthMs: HOUR };

const failed = (kind: CloudErrorKind, code: string): AnyOutcome => ({
  ok: false,
  error: { kind, code, message: 'because' },
});
const THERE = failed('conflict', 'PreconditionFailed');

interface Answers {
  readonly begin: AnyOutcome;
  readonly read?: AnyOutcome;
  readonly end?: AnyOutcome;
}

const tend = ({ begin, read = failed('unknown', 'NoAnswer'), end = ok(null) }: Answers) =>
  play(
    () => tendLease(LEASE),
    ({ op }) => (op === 'beginLease' ? begin : op === 'readLease' ? read : end),
  );

/** So many ms before the first call. */
const renewed = (agoMs: number): AnyOutcome => ok(wallMs(at(0).wallMs - agoMs));

describe('a lease', () => {
  it('that nobody began counts from this sweep', () => {
    const { result, calls } = tend({ begin: ok(null) });
    expect(result).toMatchObject({ state: 'alive', error: null });
    expect(calls).toEqual([{ op: 'beginLease', bucket: 'b', key: LEASE_KEY }]);
  });

  it('that was renewed lately lives', () => {
    const { result, ops } = tend({ begin: THERE, read: renewed(HOUR - 1_000) });
    expect(result).toMatchObject({ state: 'alive', error: null });
    expect(ops).toEqual(['beginLease', 'readLease']);
  });

  it('that ran out ends the stack', () => {
    const { result, calls } = tend({ begin: THERE, read: renewed(HOUR) });
    expect(result).toMatchObject({ state: 'stale', error: null });
    expect(calls.at(-1)).toEqual({ op: 'deleteStack', stackId: LEASE.stackId });
  });

  it('that ran out is over even when the deletion fails, and says why', () => {
    const { result } = tend({
      begin: THERE,
      read: renewed(2 * HOUR),
      end: failed('configuration', 'AccessDenied'),
    });
    expect(result).toMatchObject({ state: 'stale', error: { code: 'AccessDenied' } });
  });

  const kinds: readonly CloudErrorKind[] = ['throttle', 'configuration', 'not-found', 'unknown', 'quota', 'ended'];
  it.each(kinds)('of which S3 says %s lives', (kind) => {
    const error = failed(kind, 'SomeError');
    for (const answers of [{ begin: error }, { begin: THERE, read: error }]) {
      const { result, ops } = tend(answers);
      expect(result).toMatchObject({ state: 'alive', error: { kind } });
      expect(ops).not.toContain('deleteStack');
    }
    expect(tend({ begin: THERE, read: ok(null) }).result.state).toBe('alive');
  });

  it('ends by its age alone, never before its length, and once over stays so', () => {
    const time = fc.integer({ min: 0, max: 2_000_000_000_000 });
    const length = fc.integer({ min: 1, max: 30 * 24 * HOUR });
    fc.assert(
      fc.property(time, time, length, fc.nat(1_000_000_000), (renewedMs, nowMs, lengthMs, later) => {
        const state = leaseAt(wallMs(renewedMs), wallMs(nowMs), lengthMs);
        expect(state).toBe(nowMs > renewedMs + lengthMs ? 'stale' : 'alive');
        if (state === 'stale') expect(leaseAt(wallMs(renewedMs), wallMs(nowMs + later), lengthMs)).toBe('stale');
        expect(leaseAt(wallMs(nowMs), wallMs(nowMs), lengthMs)).toBe('alive');
        expect(leaseAt(null, wallMs(nowMs), lengthMs)).toBe('alive');
      }),
    );
  });
});
