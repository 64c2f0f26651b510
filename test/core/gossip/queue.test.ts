import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../../core/gossip/message.js';
import { createQueue, enqueue, take } from '../../../core/gossip/queue.js';

const word = (id: string, incarnation = 1): Message => ({ type: 'suspect', id, incarnation, accuser: 'x' });
const ids = (messages: readonly Message[]): string[] => messages.map((m) => ('id' in m ? m.id : ''));

describe('the queue of news', () => {
  it('gives each word out as often as allowed, the least sent first', () => {
    const queue = createQueue(10);
    enqueue(queue, 'a', word('a'), 10, false);
    expect(ids(take(queue, 10, 3))).toEqual(['a']);
    enqueue(queue, 'b', word('b'), 10, false);
    expect(ids(take(queue, 10, 3))).toEqual(['b']);
    expect(ids(take(queue, 20, 3))).toEqual(['a', 'b']);
    expect(ids(take(queue, 20, 3))).toEqual(['a', 'b']);
    expect(take(queue, 20, 3)).toEqual([]);
    expect(queue.byId.size).toBe(0);
  });

  it('lets a newer word replace the older, and an urgent one go first', () => {
    const queue = createQueue(10);
    enqueue(queue, 'a', word('a', 1), 10, false);
    enqueue(queue, 'b', word('b', 1), 10, false);
    enqueue(queue, 'b', word('b', 2), 10, true);
    expect(take(queue, 10, 4)).toEqual([word('b', 2)]);
    expect(take(queue, 100, 4)).toEqual([word('a'), word('b', 2)]);
  });

  it('drops the most sent when full', () => {
    const queue = createQueue(2);
    enqueue(queue, 'a', word('a'), 10, false);
    take(queue, 10, 4);
    enqueue(queue, 'b', word('b'), 10, false);
    enqueue(queue, 'c', word('c'), 10, false);
    expect([...queue.byId.keys()]).toEqual(['b', 'c']);
    expect(queue.dropped).toBe(1);
  });

  it('never exceeds its bound or the budget, and ends empty', () => {
    const entry = fc.record({
      id: fc.integer({ min: 0, max: 30 }).map(String),
      size: fc.integer({ min: 5, max: 60 }),
      urgent: fc.boolean(),
      budget: fc.integer({ min: 0, max: 200 }),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 60 }), (entries) => {
        const queue = createQueue(16);
        const sizes = new Map<string, number>();
        for (const { id, size, urgent, budget } of entries) {
          enqueue(queue, id, word(id), size, urgent);
          sizes.set(id, size);
          const spent = ids(take(queue, budget, 4)).reduce((sum, taken) => sum + (sizes.get(taken) ?? 0), 0);
          expect(spent).toBeLessThanOrEqual(budget);
          expect(queue.byId.size).toBeLessThanOrEqual(16);
        }
        for (let i = 0; i < 5; i++) take(queue, 10_000, 4);
        expect(queue.byId.size).toBe(0);
      }),
    );
  });
});
