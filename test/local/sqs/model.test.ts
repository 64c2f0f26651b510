import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Message, QueueModel, type QueueSettings } from '../../../local/sqs/model.js';

const SETTINGS: QueueSettings = {
  delayMs: 0,
  visibilityMs: 30_000,
  retentionMs: 345_600_000,
  waitMs: 0,
  deadLetter: null,
};
const send = (queue: QueueModel, id: string, delayMs: number, nowMs: number) =>
  queue.send({ id, body: id, attributes: {} }, delayMs, nowMs);
const ids = (messages: readonly Message[]) => messages.map(({ id }) => id);

describe('a queue', () => {
  test('delays, hides what is in flight, and gives it out again', () => {
    const queue = new QueueModel(SETTINGS);
    send(queue, 'a', 5_000, 0);
    expect(queue.counts(0)).toEqual({ visible: 0, inFlight: 0, delayed: 1 });
    expect(queue.nextVisibleMs()).toBe(5_000);
    expect(queue.receive(10, 30_000, 4_999).messages).toEqual([]);
    expect(ids(queue.receive(10, 30_000, 5_000).messages)).toEqual(['a']);
    expect(queue.counts(5_000)).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
    expect(queue.receive(10, 30_000, 34_999).messages).toEqual([]);
    expect(queue.receive(10, 30_000, 35_000).messages).toMatchObject([
      { id: 'a', receives: 2, firstReceivedMs: 5_000 },
    ]);
  });

  test('a receipt of an earlier delivery deletes nothing', () => {
    const queue = new QueueModel(SETTINGS);
    send(queue, 'a', 0, 0);
    const first = queue.receive(1, 1_000, 0).messages[0]?.receipt ?? '';
    const second = queue.receive(1, 1_000, 1_000).messages[0]?.receipt ?? '';
    expect(queue.delete(first)).toBe(false);
    expect(queue.delete(second)).toBe(true);
    expect(() => queue.changeVisibility(second, 0, 1_000)).toThrow(/not in flight/);
    expect(() => queue.delete('rubbish')).toThrow(/receipt handle/);
  });

  test('what is received too often goes to the dead letters', () => {
    const queue = new QueueModel({ ...SETTINGS, deadLetter: { arn: 'dead', maxReceives: 2 } });
    send(queue, 'a', 0, 0);
    for (const at of [0, 1_000]) expect(ids(queue.receive(1, 1_000, at).messages)).toEqual(['a']);
    const last = queue.receive(1, 1_000, 2_000);
    expect([ids(last.messages), ids(last.dead)]).toEqual([[], ['a']]);
    expect(queue.counts(2_000)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  test('forgets after the retention period', () => {
    const queue = new QueueModel({ ...SETTINGS, retentionMs: 60_000 });
    send(queue, 'a', 0, 0);
    expect(queue.receive(1, 0, 59_999).messages).toHaveLength(1);
    expect(queue.receive(1, 0, 60_000).messages).toEqual([]);
  });
});

type Step =
  | { readonly type: 'send'; readonly delayMs: number }
  | { readonly type: 'receive'; readonly max: number; readonly visibilityMs: number }
  | { readonly type: 'delete' | 'release'; readonly which: number }
  | { readonly type: 'wait'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('send' as const), delayMs: fc.nat(2_000) }),
  fc.record({
    type: fc.constant('receive' as const),
    max: fc.integer({ min: 1, max: 10 }),
    visibilityMs: fc.nat(3_000),
  }),
  fc.record({ type: fc.constantFrom('delete' as const, 'release' as const), which: fc.nat(20) }),
  fc.record({ type: fc.constant('wait' as const), ms: fc.nat(2_000) }),
);

test('nothing is lost, nothing comes after it was deleted, nothing twice while it is hidden', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.option(fc.integer({ min: 1, max: 4 })), (steps, maxReceives) => {
      const queue = new QueueModel({
        ...SETTINGS,
        deadLetter: maxReceives === null ? null : { arn: 'dead', maxReceives },
      });
      let nowMs = 0;
      let sent = 0;
      const deleted = new Set<string>();
      const buried = new Set<string>();
      const hiddenUntil = new Map<string, number>();
      const receipts: { id: string; receipt: string }[] = [];
      const receive = (max: number, visibilityMs: number): number => {
        const { messages, dead } = queue.receive(max, visibilityMs, nowMs);
        expect(messages.length).toBeLessThanOrEqual(max);
        for (const { id } of dead) buried.add(id);
        for (const { id, receipt, receives } of messages) {
          expect(deleted.has(id) || buried.has(id)).toBe(false);
          expect(hiddenUntil.get(id) ?? 0).toBeLessThanOrEqual(nowMs);
          if (maxReceives !== null) expect(receives).toBeLessThanOrEqual(maxReceives);
          hiddenUntil.set(id, nowMs + visibilityMs);
          receipts.push({ id, receipt });
        }
        return messages.length + dead.length;
      };
      for (const one of steps) {
        const chosen = one.type === 'delete' || one.type === 'release' ? receipts[one.which] : undefined;
        if (one.type === 'wait') nowMs += one.ms;
        else if (one.type === 'receive') receive(one.max, one.visibilityMs);
        else if (one.type === 'send') {
          const id = `m${sent++}`;
          hiddenUntil.set(id, nowMs + one.delayMs);
          send(queue, id, one.delayMs, nowMs);
        } else if (chosen !== undefined && one.type === 'delete') {
          if (queue.delete(chosen.receipt)) deleted.add(chosen.id);
        } else if (chosen !== undefined) {
          try {
            queue.changeVisibility(chosen.receipt, 0, nowMs);
            hiddenUntil.set(chosen.id, nowMs);
          } catch {
            // It wasn't in flight by that receipt.
          }
        }
      }
      const { visible, inFlight, delayed } = queue.counts(nowMs);
      expect(visible + inFlight + delayed + deleted.size + buried.size).toBe(sent);
      // Everything that is left comes out in the end.
      nowMs += 10_000;
      const left = new Set<string>();
      for (let i = 0; i <= sent; i++) {
        if (receive(10, 1_000_000) === 0) break;
      }
      for (const { id } of receipts) left.add(id);
      expect(new Set([...left, ...deleted, ...buried]).size).toBe(sent);
    }),
    { numRuns: 500 },
  );
});
