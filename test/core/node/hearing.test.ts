/** A node tells by a tag that its gossip reaches few of the cluster. */
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../core/cloud.js';
import { EPOCH_MS, failure, memberOf, nodeViewOf, seatOf, specOf } from '../fixtures.js';
import { Host, type OpenCall, SELF } from './host.js';

const OK: Outcome = { ok: true, value: null };
const DENIED: Outcome = { ok: false, error: { kind: 'configuration', code: 'UnauthorizedOperation', message: 'no' } };
const told = (host: Host): string[] => host.told('synkti:hears');
const codes = (host: Host): string[] =>
  host
    .done('log')
    .flatMap((effect) => (effect.type === 'log' && effect.code.startsWith('gossip') ? [effect.code] : []));
const tagged = ({ call }: OpenCall): Outcome | null => (call.op === 'tagNode' ? OK : null);

/** Slot 1 of four; it hears nobody yet. */
function lonely(): Host {
  const host = new Host({ spec: specOf({ desired: 4, gossip: { preset: 'lan', port: 7946, secretId: 's' } }) });
  host.serve();
  return host;
}

const peer = (slot: number) =>
  memberOf(`i-1${slot}`, { seat: seatOf(slot) }, { address: { host: `10.0.1.${slot}`, port: 7946 } });

describe('a node that hears few', () => {
  it('says how many after half a minute, and takes it back as soon as it hears most', () => {
    const host = lonely();
    host.pass(28_000, tagged);
    expect(told(host)).toEqual([]);
    host.pass(10_000, tagged);
    expect(told(host)).toEqual(['1']);
    expect(codes(host)).toEqual(['gossip-apart']);
    host.hear(peer(0));
    host.hear(peer(2));
    expect(host.state.hearing.apart).toBe(false);
    host.pass(100, tagged);
    expect(told(host)).toEqual(['1', '']);
    expect(codes(host)).toEqual(['gossip-apart', 'gossip-whole']);
  });

  it('takes it back again after a while when that failed', () => {
    const host = lonely();
    host.pass(38_000, tagged);
    host.hear(peer(0));
    host.hear(peer(2));
    const failing = ({ call }: OpenCall): Outcome | null => (call.op === 'tagNode' ? failure('throttle') : null);
    host.pass(1_000, failing);
    expect(told(host)).toEqual(['1', '']);
    for (let s = 0; s < 62; s++) {
      host.pass(1_000, tagged);
      for (const slot of [0, 2]) host.hear({ ...peer(slot), incarnation: EPOCH_MS + s });
    }
    expect(told(host)).toEqual(['1', '', '']);
  });

  it('a short time says nothing', () => {
    const host = lonely();
    host.pass(20_000, tagged);
    host.hear(peer(0));
    host.hear(peer(2));
    host.pass(100, tagged);
    expect(host.state.hearing).toEqual({ fewSinceMs: null, apart: false });
  });

  it('and may not say so tries again seldom', () => {
    const host = lonely();
    host.pass(3_000_000, ({ call }) =>
      call.op !== 'tagNode' ? null : call.tags['synkti:state'] === undefined ? DENIED : OK,
    );
    expect(told(host)).toEqual(['1']);
  });

  it('because more are not wanted says nothing', () => {
    const alone = new Host({ seat: seatOf(0), spec: specOf({ desired: 1 }) });
    alone.serve();
    alone.pass(200_000, tagged);
    expect(told(alone)).toEqual([]);
  });
});

it('only the first tag of a life empties what a former one may have told', () => {
  const host = lonely();
  host.pass(100, tagged);
  host.interrupt(100_000);
  host.pass(100, tagged);
  expect(host.calls('tagNode').map((call) => (call.op === 'tagNode' ? call.tags : null))).toEqual([
    { 'synkti:state': 'serving', 'synkti:waiting': '', 'synkti:hears': '' },
    { 'synkti:state': 'draining' },
  ]);
});

it('where a node may write no other tag, its state is written alone', () => {
  const host = new Host();
  host.step();
  host.answer('findNodes', { ok: true, value: [nodeViewOf(SELF, host.state.identity.seat)] });
  host.health('healthy');
  host.pass(10_000, ({ call }) => {
    if (call.op === 'registerTarget') return OK;
    return call.op !== 'tagNode' ? null : Object.keys(call.tags).length > 1 ? DENIED : OK;
  });
  const keys = host.calls('tagNode').map((call) => (call.op === 'tagNode' ? Object.keys(call.tags) : []));
  expect(keys.slice(0, 2)).toEqual([['synkti:state', 'synkti:waiting', 'synkti:hears'], ['synkti:state']]);
  expect(host.state.tags.written).toBe('serving');
});
