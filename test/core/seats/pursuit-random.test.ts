/** Whatever EC2 and S3 answer, a pursuit keeps the rules that make one launch of many callers. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CloudCall, CloudErrorKind, Hint, LaunchAnswer, NodeView, Outcome } from '../../../core/cloud.js';
import { seededRng } from '../../../core/rng.js';
import { answered, asked, dueCall, type Pursuit, startPursuit } from '../../../core/seats/pursuit.js';
import { comparePositions } from '../../../core/seats/rung.js';
import type { HeldSeat } from '../../../core/seats/seat.js';
import { at, failure, nodeViewOf, seatOf, specOf } from '../fixtures.js';

const KINDS: readonly CloudErrorKind[] = [
  'capacity',
  'quota',
  'throttle',
  'configuration',
  'mismatch',
  'ended',
  'conflict',
  'not-found',
  'unknown',
];
const SLOT = 2;

const error = fc.constantFrom(...KINDS).map((kind): Outcome => failure(kind));
const ok = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<{ readonly ok: true; readonly value: T }> =>
  values.map((value) => ({ ok: true, value }));
const position = fc
  .record({ generation: fc.integer({ min: 1, max: 12 }), rung: fc.integer({ min: 0, max: 6 }) })
  .map(({ generation, rung }): HeldSeat => seatOf(SLOT, generation, rung));
const hint: fc.Arbitrary<Hint | null> = fc.option(fc.record({ position, etag: fc.constantFrom('a', 'b', 'c') }));
const poolError = fc.constantFrom(...KINDS).map((kind) => ({
  kind,
  code: kind,
  message: kind,
  instanceType: null,
  zone: null,
}));
const answer: fc.Arbitrary<LaunchAnswer> = fc.record({
  instanceIds: fc.constantFrom<readonly string[]>([], [], ['i-new']),
  errors: fc.array(poolError, { maxLength: 3 }),
});
const found: fc.Arbitrary<NodeView[]> = fc.array(
  fc
    .tuple(
      fc.constantFrom('i-new', 'i-1', 'i-2', 'i-3'),
      fc.option(position),
      fc.constantFrom('pending' as const, 'running' as const, 'stopped' as const, 'terminated' as const),
    )
    .map(([id, seat, state]) => nodeViewOf(id, seat, { state })),
  { maxLength: 4 },
);

/** One round: an answer ready for each kind of call, and how late it comes. */
const round = fc.record({
  readHint: fc.oneof(error, ok(hint)),
  launch: fc.oneof(error, error, ok(answer)),
  writeHint: fc.oneof(error, ok(fc.constantFrom({ etag: 'd' }, { etag: 'e' }))),
  findNodes: fc.oneof(error, ok(found)),
  lateMs: fc.integer({ min: 0, max: 20_000 }),
});

describe('a pursuit under any answers', () => {
  it('launches never go back, each is preceded by a look at the hint, and one call is out at a time', () => {
    const kind = fc.constantFrom<Pursuit['kind']>('need', 'wish');
    const onDemandAfter = fc.option(fc.integer({ min: 0, max: 3 }));
    fc.assert(
      fc.property(kind, onDemandAfter, fc.array(round, { maxLength: 60 }), fc.integer(), (k, after, rounds, seed) => {
        const spec = specOf({ launch: { ...specOf().launch, onDemandAfter: after } });
        const rng = seededRng(seed);
        let pursuit = startPursuit(k, seatOf(SLOT, 2), at(0, rng));
        let now = 0;
        let before: CloudCall | null = null;
        let launchedAt: HeldSeat | null = null;
        let writtenAt: HeldSeat | null = null;
        for (const answers of rounds) {
          if (pursuit.stage === 'over') {
            expect(dueCall(pursuit, spec, at(1e12, rng))).toBeNull();
            return;
          }
          // A pursuit that isn't over always names its next call, and within a bounded time.
          expect(pursuit.asked).toBe(false);
          expect(pursuit.dueMs - now).toBeLessThanOrEqual(120_000);
          now = Math.max(now, pursuit.dueMs);
          const call = dueCall(pursuit, spec, at(now, rng));
          if (call === null) throw new Error(`Nothing is due in stage ${pursuit.stage}.`);
          pursuit = asked(pursuit, call);
          expect(dueCall(pursuit, spec, at(1e12, rng))).toBeNull();
          if (call.op === 'launch') {
            expect(before?.op).toBe('readHint');
            const { seat } = call.request;
            if (launchedAt !== null) expect(comparePositions(seat, launchedAt)).toBeGreaterThanOrEqual(0);
            launchedAt = seat;
          }
          if (call.op === 'writeHint') {
            // What is written is past the last launch: it is settled.
            if (launchedAt !== null) expect(comparePositions(call.position, launchedAt)).toBeGreaterThan(0);
            if (writtenAt !== null) expect(comparePositions(call.position, writtenAt)).toBeGreaterThan(0);
            writtenAt = call.position;
          }
          before = call;
          now += answers.lateMs;
          const outcome = answers[call.op as keyof typeof answers] as Outcome;
          const was = pursuit;
          pursuit = answered(pursuit, outcome, spec, at(now, rng)).pursuit;
          expectSound(was, pursuit, call, outcome);
        }
      }),
      { numRuns: 1_500 },
    );
  });
});

function expectSound(was: Pursuit, is: Pursuit, call: CloudCall, outcome: Outcome): void {
  expect(is.slot).toBe(SLOT);
  expect(is.position.slot).toBe(SLOT);
  expect(is.position.generation).toBeGreaterThanOrEqual(was.position.generation);
  // Only a node that was found may have a lower rung than the position: nothing is launched for it.
  if (is.launched === null) expect(comparePositions(is.position, was.position)).toBeGreaterThanOrEqual(0);
  if (call.op !== 'launch') return;
  const kind = outcome.ok ? 'answer' : outcome.error.kind;
  const definite = kind === 'answer' || kind === 'capacity' || kind === 'quota' || kind === 'ended';
  if (!definite) expect(is.position).toEqual(was.position);
}
