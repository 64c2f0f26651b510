import { describe, expect, it } from 'vitest';
import type {
  CloudCall,
  CloudErrorKind,
  InstanceState,
  LaunchAnswer,
  Outcome,
  PoolError,
} from '../../../core/cloud.js';
import {
  answered,
  asked,
  dueCall,
  type Pursuit,
  type PursuitNews,
  SEARCH_PATIENCE_MS,
  startPursuit,
  watchLaunched,
} from '../../../core/seats/pursuit.js';
import type { HeldSeat } from '../../../core/seats/seat.js';
import type { Spec } from '../../../core/spec/spec.js';
import { at, failure, nodeViewOf, policyOf, seatOf, specOf } from '../fixtures.js';

const LAUNCHED: Outcome = { ok: true, value: { instanceIds: ['i-new'], errors: [] } satisfies LaunchAnswer };
const NO_HINT: Outcome = { ok: true, value: null };
const WRITTEN: Outcome = { ok: true, value: { etag: 'e2' } };
const nodes = (...list: ReturnType<typeof nodeViewOf>[]): Outcome => ({ ok: true, value: list });
const hintAt = (position: HeldSeat, etag = 'e1'): Outcome => ({ ok: true, value: { position, etag } });
const poolErrors = (...kinds: CloudErrorKind[]): Outcome => ({
  ok: true,
  value: {
    instanceIds: [],
    errors: kinds.map((kind): PoolError => ({ kind, code: kind, message: kind, instanceType: null, zone: null })),
  },
});

/** Answers each call of a pursuit in turn, and notes what was asked and what became of it. */
class Hunt {
  pursuit: Pursuit;
  now = 0;
  readonly calls: CloudCall[] = [];
  readonly news: PursuitNews[] = [];

  readonly spec: Spec;

  constructor(kind: Pursuit['kind'] = 'need', position = seatOf(3, 18), spec = specOf({ desired: 9 })) {
    this.spec = spec;
    this.pursuit = startPursuit(kind, position, at(0));
  }

  /** Waits until a call is due, answers it, and returns it. */
  next(outcome: Outcome): CloudCall {
    this.now = Math.max(this.now, this.pursuit.dueMs);
    const call = dueCall(this.pursuit, this.spec, at(this.now));
    if (call === null) throw new Error(`Nothing is due in stage ${this.pursuit.stage}.`);
    this.calls.push(call);
    this.pursuit = asked(this.pursuit, call);
    const step = answered(this.pursuit, outcome, this.spec, at(this.now));
    this.pursuit = step.pursuit;
    if (step.news !== null) this.news.push(step.news);
    return call;
  }

  token(outcome: Outcome): string {
    const call = this.next(outcome);
    return call.op === 'launch' ? call.request.token : `not a launch but ${call.op}`;
  }
}

describe('a pursuit', () => {
  it('reads the hint, launches, and then only watches', () => {
    const hunt = new Hunt();
    expect(hunt.next(NO_HINT)).toMatchObject({ op: 'readHint', slot: 3 });
    expect(hunt.next(LAUNCHED)).toMatchObject({ op: 'launch', request: { seat: seatOf(3, 18), market: 'spot' } });
    expect(hunt.pursuit).toMatchObject({ stage: 'watch', launched: { instanceId: 'i-new' } });
    expect(hunt.next(nodes(nodeViewOf('i-new', seatOf(3, 18))))).toMatchObject({ op: 'findNodes', slot: 3 });
    expect(hunt.pursuit.stage).toBe('watch');
    expect(hunt.news).toEqual(['launched']);
  });

  it('asks for nothing while a call is on its way, nor before it is due', () => {
    const hunt = new Hunt();
    expect(dueCall({ ...hunt.pursuit, asked: true }, hunt.spec, at(1e12))).toBeNull();
    hunt.next(NO_HINT);
    hunt.next(failure('throttle'));
    expect(dueCall(hunt.pursuit, hunt.spec, at(hunt.pursuit.dueMs - 1))).toBeNull();
    expect(dueCall(hunt.pursuit, hunt.spec, at(hunt.pursuit.dueMs))).not.toBeNull();
  });

  it('launches without S3 too: an empty seat is worse than two nodes that sort themselves out', () => {
    const hunt = new Hunt();
    hunt.next(failure('unknown'));
    expect(hunt.next(LAUNCHED).op).toBe('launch');
  });
});

describe('after a launch that may or may not have happened', () => {
  it.each(['unknown', 'throttle', 'conflict'] as const)(
    '%s: the same token again, after a pause and a look at the hint',
    (kind) => {
      const hunt = new Hunt();
      hunt.next(NO_HINT);
      const first = hunt.token(failure(kind));
      expect(hunt.news).toEqual(['no-answer']);
      expect(hunt.pursuit.dueMs).toBeGreaterThan(hunt.now);
      expect(hunt.next(NO_HINT).op).toBe('readHint');
      expect(hunt.token(LAUNCHED)).toBe(first);
    },
  );

  it('a hundred lost replies keep the token, and the pauses grow to their bound', () => {
    const hunt = new Hunt();
    const tokens = new Set<string>();
    let longest = 0;
    for (let i = 0; i < 100; i++) {
      hunt.next(NO_HINT);
      tokens.add(hunt.token(failure('unknown')));
      longest = Math.max(longest, hunt.pursuit.dueMs - hunt.now);
    }
    expect(tokens.size).toBe(1);
    expect(longest).toBeGreaterThan(60_000);
    expect(longest).toBeLessThanOrEqual(120_000);
  });

  it.each(['configuration', 'not-found'] as const)(
    '%s: the same token, but a long pause: somebody must mend it',
    (kind) => {
      const hunt = new Hunt();
      hunt.next(NO_HINT);
      const first = hunt.token(failure(kind));
      expect(hunt.news).toEqual(['must-be-mended']);
      expect(hunt.pursuit.lastError?.kind).toBe(kind);
      expect(hunt.pursuit.dueMs - hunt.now).toBeGreaterThanOrEqual(15_000);
      hunt.next(NO_HINT);
      expect(hunt.token(LAUNCHED)).toBe(first);
    },
  );
});

describe('after a definite "nothing launched"', () => {
  const refusals: readonly (readonly [string, Outcome, number])[] = [
    ['a thrown capacity error', failure('capacity'), 1],
    ['capacity errors of the pools', poolErrors('capacity', 'capacity'), 1],
    ['a 200 with neither instances nor errors', poolErrors(), 1],
    ['a thrown quota error', failure('quota'), 2],
    ['quota errors of every pool', poolErrors('quota', 'quota'), 2],
    ['quota of one pool, capacity of another', poolErrors('quota', 'capacity'), 1],
    ['quota of one pool, a wrong type in another', poolErrors('quota', 'configuration'), 1],
  ];

  it.each(refusals)('%s: the hint is written, then the next rung tried after a pause', (_, refusal, rung) => {
    const hunt = new Hunt();
    hunt.next(hintAt(seatOf(3, 18, 0)));
    const first = hunt.token(refusal);
    expect(hunt.next(WRITTEN)).toMatchObject({ op: 'writeHint', slot: 3, position: seatOf(3, 18, rung), etag: 'e1' });
    expect(hunt.pursuit.dueMs).toBeGreaterThan(hunt.now);
    expect(hunt.next(hintAt(seatOf(3, 18, rung), 'e2')).op).toBe('readHint');
    const second = hunt.next(LAUNCHED);
    expect(second).toMatchObject({ op: 'launch', request: { seat: seatOf(3, 18, rung) } });
    expect(second.op === 'launch' && second.request.token).not.toBe(first);
    expect(hunt.news).toEqual(['nothing-launched', 'launched']);
  });

  it('an instance beside errors of pools is a launch', () => {
    const hunt = new Hunt();
    hunt.next(NO_HINT);
    hunt.next({ ok: true, value: { instanceIds: ['i-new'], errors: [] } });
    expect(hunt.pursuit.launched?.instanceId).toBe('i-new');
  });

  it('climbs spot, spot, on-demand, spot', () => {
    const hunt = new Hunt();
    const markets: string[] = [];
    for (let i = 0; i < 4; i++) {
      hunt.next(NO_HINT);
      const call = hunt.next(failure('capacity'));
      if (call.op === 'launch') markets.push(call.request.market);
      hunt.next(WRITTEN);
    }
    expect(markets).toEqual(['spot', 'spot', 'on-demand', 'spot']);
  });

  it.each(['conflict', 'unknown', 'throttle', 'configuration'] as const)(
    'a hint that cannot be written (%s) holds nothing up',
    (kind) => {
      const hunt = new Hunt();
      hunt.next(NO_HINT);
      hunt.next(failure('capacity'));
      hunt.next(failure(kind));
      hunt.next(NO_HINT);
      expect(hunt.next(LAUNCHED)).toMatchObject({ op: 'launch', request: { seat: seatOf(3, 18, 1) } });
    },
  );
});

describe('a hint', () => {
  it('ahead is adopted, rung and generation', () => {
    for (const ahead of [seatOf(3, 18, 7), seatOf(3, 25, 0)]) {
      const hunt = new Hunt();
      hunt.next(hintAt(ahead));
      expect(hunt.next(LAUNCHED)).toMatchObject({ op: 'launch', request: { seat: ahead } });
    }
  });

  it('behind, or of the same place, is not', () => {
    for (const behind of [seatOf(3, 17, 99), seatOf(3, 18, 0)]) {
      const hunt = new Hunt();
      hunt.next(hintAt(behind));
      expect(hunt.next(LAUNCHED)).toMatchObject({ op: 'launch', request: { seat: seatOf(3, 18, 0) } });
    }
  });

  it('is written conditionally: "none yet" only when there was none', () => {
    const hunt = new Hunt();
    hunt.next(NO_HINT);
    hunt.next(failure('capacity'));
    expect(hunt.next(WRITTEN)).toMatchObject({ op: 'writeHint', etag: null });
    hunt.next(failure('unknown'));
    hunt.next(failure('capacity'));
    expect(hunt.next(WRITTEN)).toMatchObject({ op: 'writeHint', etag: 'e2' });
  });
});

describe('a mismatch: somebody acted', () => {
  const mismatched = (): Hunt => {
    const hunt = new Hunt();
    hunt.next(NO_HINT);
    hunt.next(failure('mismatch'));
    return hunt;
  };

  it('looks for the node by its tags at once, and is content with it', () => {
    const hunt = mismatched();
    expect(hunt.pursuit.dueMs).toBe(hunt.now);
    const call = hunt.next(nodes(nodeViewOf('i-7', seatOf(3, 18), { state: 'pending' })));
    expect(call).toMatchObject({ op: 'findNodes', cluster: 'web', epoch: 'e1', slot: 3 });
    expect(hunt.pursuit).toMatchObject({ stage: 'watch', launched: { instanceId: 'i-7' } });
    expect(hunt.news).toEqual(['launched']);
  });

  it('is not content with a predecessor, a node of another slot or one without a seat', () => {
    const hunt = mismatched();
    hunt.next(nodes(nodeViewOf('i-1', seatOf(3, 17)), nodeViewOf('i-2', seatOf(2, 18)), nodeViewOf('i-3', null)));
    expect(hunt.pursuit).toMatchObject({ stage: 'hint', launched: null });
  });

  it('a node of the seat that has ended: the next generation', () => {
    const hunt = mismatched();
    hunt.next(nodes(nodeViewOf('i-7', seatOf(3, 18), { state: 'terminated' })));
    expect(hunt.pursuit.position).toEqual(seatOf(3, 19));
    expect(hunt.news).toEqual(['ended']);
    expect(hunt.next(WRITTEN)).toMatchObject({ op: 'writeHint', position: seatOf(3, 19) });
  });

  it('nobody: looks at the hint and searches again, with the same token unused, until patience ends', () => {
    const hunt = mismatched();
    const since = hunt.now;
    while (hunt.pursuit.searchingSinceMs !== null) {
      expect(hunt.pursuit.position).toEqual(seatOf(3, 18, 0));
      hunt.next(hunt.pursuit.stage === 'search' ? nodes() : NO_HINT);
      expect(hunt.calls.filter((call) => call.op === 'launch').length).toBe(1);
    }
    expect(hunt.now - since).toBeGreaterThanOrEqual(SEARCH_PATIENCE_MS);
    expect(hunt.now - since).toBeLessThan(SEARCH_PATIENCE_MS + 10_000);
    expect(hunt.pursuit).toMatchObject({ stage: 'write', position: seatOf(3, 18, 1) });
    expect(hunt.news).toEqual(['nothing-launched']);
  });

  it('a failed search proves nothing, however long it fails', () => {
    const hunt = mismatched();
    for (let i = 0; i < 200; i++) hunt.next(hunt.pursuit.stage === 'search' ? failure('throttle') : NO_HINT);
    expect(hunt.pursuit.position).toEqual(seatOf(3, 18, 0));
    expect(hunt.now).toBeGreaterThan(SEARCH_PATIENCE_MS);
  });

  it('the one that acted writes the hint: it is followed', () => {
    const hunt = mismatched();
    hunt.next(nodes());
    hunt.next(hintAt(seatOf(3, 18, 1)));
    expect(hunt.next(LAUNCHED)).toMatchObject({ op: 'launch', request: { seat: seatOf(3, 18, 1) } });
  });
});

describe('a token whose instance has ended', () => {
  it('leads to the next generation, by way of the hint', () => {
    const hunt = new Hunt();
    hunt.next(NO_HINT);
    hunt.next(failure('ended'));
    expect(hunt.news).toEqual(['ended']);
    expect(hunt.next(WRITTEN)).toMatchObject({ op: 'writeHint', position: seatOf(3, 19, 0) });
    hunt.next(hintAt(seatOf(3, 19)));
    expect(hunt.next(LAUNCHED)).toMatchObject({ op: 'launch', request: { seat: seatOf(3, 19, 0) } });
  });
});

describe('watching the launched node', () => {
  const watching = (): Hunt => {
    const hunt = new Hunt('need', seatOf(3, 18), specOf({ desired: 9, policy: policyOf({ bootPatienceMs: 100_000 }) }));
    hunt.next(NO_HINT);
    hunt.next(LAUNCHED);
    return hunt;
  };

  it.each<InstanceState>(['terminated', 'shutting-down', 'stopped', 'stopping'])('%s: the next generation', (state) => {
    const hunt = watching();
    hunt.next(nodes(nodeViewOf('i-new', seatOf(3, 18), { state })));
    expect(hunt.pursuit).toMatchObject({ stage: 'write', position: seatOf(3, 19, 0), launched: null });
    expect(hunt.news).toEqual(['launched', 'ended']);
  });

  it('not listed yet, or no answer, proves nothing', () => {
    const hunt = watching();
    for (const outcome of [nodes(), failure('throttle'), nodes()]) hunt.next(outcome);
    expect(hunt.pursuit).toMatchObject({ stage: 'watch', position: seatOf(3, 18, 0) });
  });

  it('one that does not join in its time is given up', () => {
    const hunt = watching();
    while (hunt.pursuit.stage === 'watch') hunt.next(nodes(nodeViewOf('i-new', seatOf(3, 18))));
    expect(hunt.now).toBeGreaterThan(100_000);
    expect(hunt.now).toBeLessThan(130_000);
    expect(hunt.pursuit.position).toEqual(seatOf(3, 19, 0));
  });

  it('one that serves and is not heard ends the pursuit, with no other in its place', () => {
    const hunt = watching();
    const unheard = nodes(nodeViewOf('i-new', seatOf(3, 18), { phase: 'serving' }));
    while (hunt.pursuit.stage === 'watch') hunt.next(unheard);
    expect(hunt.now).toBeGreaterThan(100_000);
    expect(hunt.pursuit).toMatchObject({ stage: 'over', position: seatOf(3, 18, 0) });
    expect(hunt.news).toEqual(['launched']);
  });

  it('a newer node of the slot takes its place', () => {
    const hunt = watching();
    hunt.next(nodes(nodeViewOf('i-new', seatOf(3, 18), { state: 'terminated' }), nodeViewOf('i-8', seatOf(3, 19))));
    expect(hunt.pursuit).toMatchObject({ stage: 'watch', position: seatOf(3, 19), launched: { instanceId: 'i-8' } });
  });

  it('a node that somebody else launched is watched without a launch', () => {
    const hunt = new Hunt();
    hunt.pursuit = watchLaunched(seatOf(3, 18), 'i-9', at(0));
    expect(hunt.next(nodes(nodeViewOf('i-9', seatOf(3, 18)))).op).toBe('findNodes');
    hunt.next(nodes(nodeViewOf('i-9', seatOf(3, 18), { state: 'terminated' })));
    expect(hunt.pursuit.position).toEqual(seatOf(3, 19));
  });
});

describe('a wish (a spare)', () => {
  it.each(['capacity', 'quota', 'configuration', 'not-found'] as const)(
    'gives up at %s, with no further call',
    (kind) => {
      const hunt = new Hunt('wish');
      hunt.next(NO_HINT);
      hunt.next(failure(kind));
      expect(hunt.pursuit.stage).toBe('over');
      expect(hunt.news).toEqual(['given-up']);
      expect(dueCall(hunt.pursuit, hunt.spec, at(1e12))).toBeNull();
    },
  );

  it('repeats a lost reply like a need: the spare may be there', () => {
    const hunt = new Hunt('wish');
    hunt.next(NO_HINT);
    const first = hunt.token(failure('unknown'));
    hunt.next(NO_HINT);
    expect(hunt.token(LAUNCHED)).toBe(first);
  });

  it('whose spare came and went is not asked for again', () => {
    const hunt = new Hunt('wish');
    hunt.next(NO_HINT);
    hunt.next(LAUNCHED);
    hunt.next(nodes(nodeViewOf('i-new', seatOf(3, 18), { state: 'terminated' })));
    expect(hunt.pursuit.stage).toBe('over');
    expect(hunt.news).toEqual(['launched', 'given-up']);
  });
});
