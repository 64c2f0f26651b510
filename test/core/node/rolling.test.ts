/** A successor that doesn't get healthy stops the roll; one that only starts again doesn't. */
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../core/cloud.js';
import { wantedRevision } from '../../../core/spec/revision.js';
import { EPOCH_MS, memberOf, policyOf, seatOf, specOf } from '../fixtures.js';
import { type Host, type OpenCall, servingHost } from './host.js';

const PATIENCE_MS = 60_000;
const OK: Outcome = { ok: true, value: null };
const tagged = ({ call }: OpenCall): Outcome | null => (call.op === 'tagNode' ? OK : null);
const stops = (host: Host): number =>
  host.done('log').filter((effect) => effect.type === 'log' && effect.code === 'roll-stopped').length;

/** Slot 1 of three, whose turn it is; the others run the new version already. A spare was launched before it came. */
function rolling(noticed: boolean): {
  readonly host: Host;
  successorIs: (is: 'starting' | 'healthy', forMs: number) => void;
} {
  const policy = policyOf({ bootPatienceMs: PATIENCE_MS, rebalance: 'pre-warm', atRiskMs: 3_600_000 });
  const spec = specOf({ policy });
  const host = servingHost({ seat: seatOf(1), spec });
  if (noticed) {
    const noticeTime = new Date(EPOCH_MS).toISOString();
    host.imds('events/recommendations/rebalance', 200, JSON.stringify({ noticeTime }));
    host.pass(500, tagged);
    expect(host.state.standby).toBe('keep');
  }
  const before = wantedRevision(spec);
  host.state.spec = { ...spec, version: spec.version + 1, launch: { ...spec.launch, templateVersion: 9 } };
  host.state.membersChanged = true;
  const revision = wantedRevision(host.state.spec);
  for (const [id, slot] of [
    ['i-1', 0],
    ['i-2', 2],
  ] as const) {
    host.hear(memberOf(id, { seat: seatOf(slot), revision }, { incarnation: EPOCH_MS + 1 }));
  }
  host.pass(2_000, tagged);
  expect(host.state.roll).toMatchObject({ wanted: revision, stopped: false });
  let incarnation = EPOCH_MS;
  return {
    host,
    successorIs: (workload, forMs) => {
      // Heard of every second: one that is silent would soon be given up.
      for (let leftMs = forMs; leftMs >= 0; leftMs -= 1_000) {
        incarnation++;
        host.hear(
          memberOf('i-9', { seat: seatOf(1, 2), revision: noticed ? before : revision, workload }, { incarnation }),
        );
        host.pass(1_000, tagged);
      }
    },
  };
}

describe('a roll', () => {
  it('stops when its successor does not get healthy in time, and sends it away', () => {
    const { host, successorIs } = rolling(false);
    successorIs('starting', PATIENCE_MS - 5_000);
    expect(stops(host)).toBe(0);
    successorIs('starting', 10_000);
    expect(stops(host)).toBe(1);
    expect(host.state.standby).toBe('release');
  });

  it('goes when its successor is healthy', () => {
    const { host, successorIs } = rolling(false);
    successorIs('healthy', 1_000);
    expect(host.state.leaving?.cause).toBe('superseded');
  });

  it('is not stopped by a spare that starts again after the patience, only by one that stays so', () => {
    const { host, successorIs } = rolling(true);
    successorIs('starting', 1_000);
    successorIs('healthy', 2 * PATIENCE_MS);
    expect(host.state.leaving).toBeNull();
    successorIs('starting', 10_000);
    expect(stops(host)).toBe(0);
    successorIs('starting', PATIENCE_MS);
    expect(stops(host)).toBe(1);
  });
});
