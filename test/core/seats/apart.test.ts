import { describe, expect, it } from 'vitest';
import type { NodeView } from '../../../core/cloud.js';
import { isCutOff, livesUnheard } from '../../../core/seats/apart.js';
import { nodeViewOf, seatOf } from '../fixtures.js';

const node = (slot: number, change: Partial<NodeView> = {}): NodeView =>
  nodeViewOf(`i-${slot}`, seatOf(slot), { phase: 'serving', ...change });
const heard = (...slots: number[]): ReadonlySet<string> => new Set(slots.map((slot) => `i-${slot}`));

describe('a listener is cut off', () => {
  const six = [0, 1, 2, 3, 4, 5].map((slot) => node(slot));

  it('when it hears less than half of those that serve', () => {
    expect(isCutOff(heard(0), six)).toBe(true);
    expect(isCutOff(heard(0, 1), six)).toBe(true);
  });

  it('not when it hears just half: the others would say that they hear few', () => {
    expect(isCutOff(heard(0, 1, 2), six)).toBe(false);
    expect(isCutOff(heard(0), [node(0), node(1)])).toBe(false);
  });

  it('not when the others boot, leave or are over: only those that serve count', () => {
    const rest = [node(1, { phase: null }), node(2, { phase: 'draining' }), node(3, { state: 'terminated' })];
    expect(isCutOff(heard(0), [node(0), ...rest])).toBe(false);
    expect(isCutOff(heard(), [])).toBe(false);
  });
});

it.each([
  [{ hears: 1 }, true],
  [{ hears: null }, false],
  [{ hears: 1, phase: 'draining' as const }, false],
  [{ hears: 1, state: 'terminated' as const }, false],
])('%j lives unheard: %s', (change, expected) => {
  expect(livesUnheard(node(0, change))).toBe(expected);
});
