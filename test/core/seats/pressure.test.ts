/** Seats that are filled while work with a deadline falls behind on spot. */
import { describe, expect, it } from 'vitest';
import type { CloudCall, Hint, LaunchRequest, NodeView, Outcome } from '../../../core/cloud.js';
import { chance, pick, seededRng } from '../../../core/rng.js';
import { launchRequest, launchToken } from '../../../core/seats/launch.js';
import { answered, asked, dueCall, type Pursuit, startPursuit } from '../../../core/seats/pursuit.js';
import { at, failure, nodeViewOf, seatOf, specOf } from '../fixtures.js';

const spec = specOf({ desired: 9 });
const NO_HINT: Outcome = { ok: true, value: null };

/** Answers the pursuit's calls until it launches, and returns the market. */
function marketOfNext(start: Pursuit, pressed: boolean, outcome: Outcome): { market: string; pursuit: Pursuit } {
  let pursuit = start;
  for (let i = 0; i < 5; i++) {
    const ctx = at(Math.max(0, pursuit.dueMs));
    const call = dueCall(pursuit, spec, ctx, pressed);
    if (call === null) break;
    pursuit = asked(pursuit, call);
    const answer = call.op === 'launch' ? outcome : call.op === 'writeHint' ? failure('unknown') : NO_HINT;
    pursuit = answered(pursuit, answer, spec, ctx).pursuit;
    if (call.op === 'launch') return { market: call.request.market, pursuit };
  }
  throw new Error('no launch');
}

describe('under pressure', () => {
  it('a needed seat is asked for on-demand at the rung it has come to, a spare is not', () => {
    for (const [kind, market] of [
      ['need', 'on-demand'],
      ['wish', 'spot'],
    ] as const) {
      const start = startPursuit(kind, seatOf(3, 18), at(0));
      expect(marketOfNext(start, true, failure('throttle')).market).toBe(market);
    }
  });

  it('the token is the same, and nothing but the market differs', () => {
    const [plain, pressed] = [launchRequest(spec, seatOf(3)), launchRequest(spec, seatOf(3), 'on-demand')];
    expect(pressed).toEqual({ ...plain, market: 'on-demand' });
    expect(pressed.token).toBe(launchToken(spec.cluster, spec.epoch, seatOf(3)));
  });

  it('a rung that was asked for is asked for again where it was', () => {
    const start = startPursuit('need', seatOf(3, 18), at(0));
    const lost = marketOfNext(start, false, failure('unknown')).pursuit;
    expect(marketOfNext(lost, true, failure('unknown')).market).toBe('spot');
    const held = marketOfNext(start, true, failure('unknown')).pursuit;
    expect(marketOfNext(held, false, failure('unknown')).market).toBe('on-demand');
  });

  it.each(['capacity', 'quota'] as const)('%s on-demand: the next rung goes where it would anyway', (kind) => {
    let pursuit = startPursuit('need', seatOf(3, 18), at(0));
    const markets: string[] = [];
    for (let i = 0; i < 4; i++) {
      const next = marketOfNext(pursuit, true, failure(kind));
      markets.push(next.market);
      pursuit = next.pursuit;
    }
    // Rungs are spot, spot, on-demand by themselves; a spot quota leads to the on-demand rung.
    expect(markets.slice(0, 3)).toEqual(['on-demand', 'spot', 'on-demand']);
  });

  it('callers that know of it and callers that do not fill the seat, and never launch twice for one rung', () => {
    let twins = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const rng = seededRng(seed);
      const world = new World(rng, seed % 2 === 0);
      const hunters = [0, 1, 2].map((n) => startPursuit('need', seatOf(3, 18), at(n * 100)));
      for (let now = 0; now < 600_000; now += 250) {
        hunters.forEach((pursuit, n) => {
          const call = dueCall(pursuit, spec, at(now, rng), chance(rng, 0.5));
          if (call === null) return;
          const outcome = world.answer(call, now);
          hunters[n] = answered(asked(pursuit, call), outcome, spec, at(now, rng)).pursuit;
        });
      }
      const rungs = world.launched.map((node) => node.seat?.rung);
      expect(new Set(rungs).size, `seed ${seed}`).toBe(rungs.length);
      expect(
        hunters.every((one) => world.launched.some(({ instanceId }) => instanceId === one.launched?.instanceId)),
        `seed ${seed}`,
      ).toBe(true);
      if (rungs.length > 1) twins++;
    }
    // Twins of different rungs come of a hint read just before others write it; the higher rung ends itself.
    expect(twins).toBeLessThanOrEqual(10);
  });
});

/** EC2's tokens, tags and the hint of one slot; capacity comes and goes, replies are lost. */
class World {
  readonly launched: NodeView[] = [];
  readonly #tokens = new Map<string, { readonly body: string; readonly id: string | null }>();
  #hint: Hint | null = null;
  readonly #rng: ReturnType<typeof seededRng>;
  readonly #failedUsesToken: boolean;

  constructor(rng: ReturnType<typeof seededRng>, failedUsesToken: boolean) {
    this.#rng = rng;
    this.#failedUsesToken = failedUsesToken;
  }

  answer(call: CloudCall, now: number): Outcome {
    const outcome = this.#carryOut(call, now);
    return chance(this.#rng, 0.03) ? failure('unknown') : outcome;
  }

  #carryOut(call: CloudCall, now: number): Outcome {
    switch (call.op) {
      case 'readHint':
        return { ok: true, value: this.#hint };
      case 'writeHint': {
        if ((this.#hint?.etag ?? null) !== call.etag) return failure('conflict');
        this.#hint = { position: call.position, etag: `e${now}.${this.#rng.next()}` };
        return { ok: true, value: { etag: this.#hint.etag } };
      }
      case 'findNodes':
        return { ok: true, value: this.launched };
      case 'launch':
        return this.#launch(call.request, now);
      default:
        throw new Error(call.op);
    }
  }

  #launch(request: LaunchRequest, now: number): Outcome {
    const body = JSON.stringify(request);
    const known = this.#tokens.get(request.token);
    if (known !== undefined && known.body !== body) return failure('mismatch');
    if (known?.id) return { ok: true, value: { instanceIds: [known.id], errors: [] } };
    // In the first minute neither market has anything.
    const there = now > 60_000 && pick(this.#rng, [true, false]) === true;
    const id = there ? `i-${this.launched.length}` : null;
    if (id !== null || this.#failedUsesToken) this.#tokens.set(request.token, { body, id });
    if (id === null) return failure('capacity');
    this.launched.push(nodeViewOf(id, request.seat));
    return { ok: true, value: { instanceIds: [id], errors: [] } };
  }
}
