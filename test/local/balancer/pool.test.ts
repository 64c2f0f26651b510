import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pool } from '../../../local/balancer/pool.js';
import type { Candidate, CandidateSource } from '../../../local/balancer/source.js';

const sourceOf = (
  list: readonly Candidate[],
  algorithm: ReturnType<CandidateSource['algorithm']> = 'round_robin',
): CandidateSource => ({ candidates: () => list, algorithm: () => algorithm });

const candidates = (n: number): Candidate[] =>
  Array.from({ length: n }, (_, i) => ({ key: `t${i}`, instanceId: null, host: '127.0.0.1', port: 80 }));

describe('choice of a target', () => {
  it('is null without candidates', () => {
    expect(new Pool().pick(sourceOf([]))).toBeNull();
  });

  it('goes round: no target is ahead of another by more than one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(100), (n, requests) => {
        const pool = new Pool();
        const source = sourceOf(candidates(n));
        const counts = new Map<string, number>(candidates(n).map(({ key }) => [key, 0]));
        for (let i = 0; i < requests; i++) {
          const key = pool.pick(source)?.key ?? '';
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
        expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('prefers the target with the fewest requests in flight', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 8 }), (loads) => {
        const pool = new Pool();
        const all = candidates(loads.length);
        loads.forEach((load, i) => {
          for (let n = 0; n < load; n++) pool.begin(`t${i}`);
        });
        const chosen = pool.pick(sourceOf(all, 'least_outstanding_requests'));
        expect(pool.inFlight(chosen?.key ?? '')).toBe(Math.min(...loads));
      }),
    );
  });
});
