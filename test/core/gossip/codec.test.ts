import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NAME_MAX, WHOLE_MAX } from '../../../core/gossip/bytes.js';
import {
  decodeExchange,
  decodeMessages,
  encodedSize,
  encodeExchange,
  encodeMessages,
  MESSAGES_BUDGET,
  unsendable,
} from '../../../core/gossip/codec.js';
import { MAX_PURSUING, MAX_WARM, type Member, WARM_LENGTH } from '../../../core/gossip/member.js';
import { wallMs } from '../../../core/time.js';
import { anyMember, message, name } from './arbitraries.js';
import { plainMeta } from './world.js';

const exchange = fc.record({ sender: name, members: fc.array(anyMember, { maxLength: 20 }) });

describe('the wire format', () => {
  it('brings messages back as they were, in the size foretold', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        const bytes = encodeMessages(messages);
        expect(decodeMessages(bytes)).toEqual({ ok: true, value: messages });
        expect(bytes.length).toBe(2 + messages.reduce((sum, m) => sum + encodedSize(m), 0));
      }),
    );
  });

  it('brings exchanges back as they were', () => {
    fc.assert(
      fc.property(exchange, (value) => {
        expect(decodeExchange(encodeExchange(value))).toEqual({ ok: true, value });
      }),
    );
  });

  it('refuses every truncation and every addition', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 4 }), (messages) => {
        const bytes = encodeMessages(messages);
        for (let end = 0; end < bytes.length; end++) expect(decodeMessages(bytes.subarray(0, end)).ok).toBe(false);
        expect(decodeMessages(new Uint8Array([...bytes, 0])).ok).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('never throws on garbage or on altered bytes, and what it accepts is canonical', () => {
    const altered = fc
      .tuple(fc.array(message, { maxLength: 5 }), fc.nat(), fc.integer({ min: 0, max: 255 }))
      .map(([messages, at, value]) => {
        const bytes = encodeMessages(messages).slice();
        bytes[at % bytes.length] = value;
        return bytes;
      });
    const garbage = fc.uint8Array({ maxLength: 200 }).map((tail) => new Uint8Array([1, ...tail]));
    fc.assert(
      fc.property(fc.oneof(altered, garbage), (bytes) => {
        const decoded = decodeMessages(bytes);
        if (decoded.ok) expect([...encodeMessages(decoded.value)]).toEqual([...bytes]);
        else expect(decoded.reason).not.toBe('');
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (tail) => {
        const bytes = new Uint8Array([2, ...tail]);
        const decoded = decodeExchange(bytes);
        if (decoded.ok) expect([...encodeExchange(decoded.value)]).toEqual([...bytes]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('tells the two kinds of body apart', () => {
    expect(decodeExchange(encodeMessages([]))).toEqual({ ok: false, reason: 'unknown kind of body' });
    expect(decodeMessages(encodeExchange({ sender: 'a', members: [] })).ok).toBe(false);
  });

  it('refuses a list longer than its bytes without reading on', () => {
    expect(decodeExchange(new Uint8Array([2, 1, 97, 0xff, 0xff, 0x7f])).ok).toBe(false);
  });

  it('holds the largest record beside a ping in one datagram', () => {
    const longest = 'x'.repeat(NAME_MAX);
    const seat = { slot: WHOLE_MAX, generation: WHOLE_MAX, rung: WHOLE_MAX };
    const member: Member = {
      id: longest,
      address: { host: longest, port: 65_535 },
      incarnation: WHOLE_MAX,
      status: 'alive',
      meta: {
        ...plainMeta(0),
        seat,
        zone: longest,
        instanceType: longest,
        freeMemoryMiB: WHOLE_MAX,
        freeGpuMemoryMiB: WHOLE_MAX,
        work: WHOLE_MAX,
        warm: Array.from({ length: MAX_WARM }, () => 'x'.repeat(WARM_LENGTH)),
        pressure: true,
        specVersion: WHOLE_MAX,
        revision: longest,
        pursuing: Array.from({ length: MAX_PURSUING }, () => seat),
        leaving: { cause: 'interruption', deadlineMs: wallMs(WHOLE_MAX) },
      },
    };
    const ping = { type: 'ping', seq: WHOLE_MAX, sender: longest, target: longest } as const;
    const messages = [ping, { type: 'alive', member } as const];
    expect(messages.reduce((sum, one) => sum + encodedSize(one), 0)).toBeLessThanOrEqual(MESSAGES_BUDGET);
    expect(decodeMessages(encodeMessages(messages))).toEqual({ ok: true, value: messages });
  });

  it('refuses a digest that is longer than digests are, and tells only so many', () => {
    const meta = { ...plainMeta(0), warm: ['x'.repeat(WARM_LENGTH + 1)] };
    const member = { id: 'i-0', address: { host: 'h', port: 1 }, incarnation: 1, status: 'alive', meta } as const;
    expect(unsendable(member)).toContain('digest');
    expect(decodeMessages(encodeMessages([{ type: 'alive', member }])).ok).toBe(false);
    const many = { ...member, meta: { ...meta, warm: Array.from({ length: 12 }, (_, n) => `d${n}`) } };
    const back = decodeMessages(encodeMessages([{ type: 'alive', member: many }]));
    expect(back.ok && back.value[0]?.type === 'alive' && back.value[0].member.meta.warm).toHaveLength(MAX_WARM);
  });

  it('says what keeps a member from being sent', () => {
    const self: Member = {
      id: 'i-0',
      address: { host: '10.0.0.1', port: 7946 },
      incarnation: 1,
      status: 'alive',
      meta: plainMeta(0),
    };
    expect(unsendable(self)).toBeNull();
    expect(unsendable({ ...self, id: '' })).toContain("The id ''");
    expect(unsendable({ ...self, meta: { ...self.meta, zone: 'zoné' } })).toContain('zone');
    expect(unsendable({ ...self, address: { host: 'h', port: 0 } })).toContain('port 0');
    expect(unsendable({ ...self, incarnation: 1.5 })).toContain('incarnation');
  });
});
