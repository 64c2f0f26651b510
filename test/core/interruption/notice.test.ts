import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Notice,
  noticeIdentity,
  type Reading,
  readMaintenance,
  readRebalance,
  readSpotAction,
} from '../../../core/interruption/notice.js';
import { wallMs } from '../../../core/time.js';

const READERS = [readSpotAction, readRebalance, readMaintenance] as const;
const BODIES = [
  '{"action":"terminate","time":"2026-01-17T10:30:00Z"}',
  '{"noticeTime":"2026-01-17T10:30:00Z"}',
  '[{"Code":"instance-stop","EventId":"instance-event-1","NotBefore":"21 Jan 2026 09:00:43 GMT","State":"active"}]',
];
const ERROR_PAGE = '<?xml version="1.0"?><html><head><title>404 - Not Found</title></head></html>';

/** Three quarters of the depth would do to overflow a recursive writer's stack; still a small body. */
const DEEP = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;

describe('spot/instance-action', () => {
  it.each(['terminate', 'stop', 'hibernate'] as const)('%s', (action) => {
    expect(readSpotAction(200, `{"action":"${action}","time":"2026-01-17T10:30:00Z"}`)).toEqual({
      type: 'notices',
      notices: [{ kind: 'interruption', action, deadlineMs: Date.UTC(2026, 0, 17, 10, 30) }],
    });
  });

  it('reads on when AWS adds a field', () => {
    expect(readSpotAction(200, '{"action":"stop","time":"2026-01-17T10:30:00Z","reason":"x"}').type).toBe('notices');
  });

  it.each([
    ['an unknown action', '{"action":"explode","time":"2026-01-17T10:30:00Z"}'],
    ['no action', '{"time":"2026-01-17T10:30:00Z"}'],
    ['no time', '{"action":"terminate"}'],
    ['an unreadable time', '{"action":"terminate","time":"soon"}'],
    ['a time that is a number', '{"action":"terminate","time":1768645800}'],
    ['a time of endless length', `{"action":"terminate","time":"${' '.repeat(70)}2026-01-17T10:30:00Z"}`],
    ['a list', '[]'],
    ['a bare word', '"terminate"'],
    ['null', 'null'],
    ['no JSON', 'terminate'],
    ['a torn body', '{"action":"termin'],
    ['an empty body', ''],
    ['an action nested without end', `{"action":${DEEP}}`],
    ['a huge body', `{"action":"terminate","time":"2026-01-17T10:30:00Z","pad":"${'x'.repeat(70_000)}"}`],
  ])('%s is unclear', (_, body) => {
    expect(readSpotAction(200, body).type).toBe('unclear');
  });
});

describe('events/recommendations/rebalance', () => {
  it('reads its time', () => {
    expect(readRebalance(200, '{"noticeTime":"2026-01-17T10:30:00Z"}')).toEqual({
      type: 'notices',
      notices: [{ kind: 'rebalance', noticeTimeMs: Date.UTC(2026, 0, 17, 10, 30) }],
    });
  });

  it('without a readable time is unclear', () => {
    expect(readRebalance(200, '{}').type).toBe('unclear');
    expect(readRebalance(200, '{"noticeTime":"later"}').type).toBe('unclear');
  });
});

describe('events/maintenance/scheduled', () => {
  const event = (change: Record<string, unknown> = {}): Record<string, unknown> => ({
    NotBefore: '21 Jan 2026 09:00:43 GMT',
    NotAfter: '21 Jan 2026 09:17:23 GMT',
    Code: 'system-reboot',
    Description: 'scheduled reboot',
    EventId: 'instance-event-0d59937288b749b32',
    State: 'active',
    ...change,
  });
  const read = (...events: unknown[]): Reading => readMaintenance(200, JSON.stringify(events));

  it('reads the active events of the list', () => {
    const done = event({ State: 'completed', Description: '[Completed] scheduled reboot' });
    expect(read(done, event(), event({ State: 'canceled' }))).toEqual({
      type: 'notices',
      notices: [
        {
          kind: 'maintenance',
          eventId: 'instance-event-0d59937288b749b32',
          code: 'system-reboot',
          notBeforeMs: Date.UTC(2026, 0, 21, 9, 0, 43),
        },
      ],
    });
  });

  it('an empty list, or only what is over, is nothing', () => {
    expect(read()).toEqual({ type: 'nothing' });
    expect(read(event({ State: 'completed' }))).toEqual({ type: 'nothing' });
  });

  it.each([
    ['no list', '{}'],
    ['an active event without an id', JSON.stringify([event({ EventId: undefined })])],
    ['an active event without a code', JSON.stringify([event({ Code: 7 })])],
    ['an active event with an unreadable time', JSON.stringify([event({ NotBefore: 'tomorrow' })])],
  ])('%s is unclear', (_, body) => {
    expect(readMaintenance(200, body).type).toBe('unclear');
  });

  it('entries that are no events at all are left out', () => {
    expect(read(null, 3, 'reboot', [], {})).toEqual({ type: 'nothing' });
  });

  it('never reads more than 50 events', () => {
    const many = Array.from({ length: 200 }, (_, i) => event({ EventId: `e${i}` }));
    const reading = read(...many);
    expect(reading.type === 'notices' && reading.notices.length).toBe(50);
  });
});

describe('every path', () => {
  it('a 404 is nothing, and its body is never read, be it a notice itself', () => {
    for (const read of READERS) {
      for (const body of [...BODIES, ERROR_PAGE, '']) expect(read(404, body)).toEqual({ type: 'nothing' });
    }
  });

  it('no other status than 200 is ever a notice', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 599 }), fc.constantFrom(...BODIES), (status, body) => {
        fc.pre(status !== 200);
        for (const read of READERS) {
          expect(read(status, body).type).toBe(status === 404 ? 'nothing' : 'unclear');
        }
      }),
    );
  });

  it('garbage never throws, and what comes out is well-formed', () => {
    const nearly = fc.constantFrom(...BODIES).chain((body) =>
      fc.tuple(fc.nat(body.length), fc.nat(body.length), fc.string()).map(([from, to, noise]) => {
        return body.slice(0, Math.min(from, to)) + noise + body.slice(Math.max(from, to));
      }),
    );
    const keys = fc.constantFrom('action', 'time', 'noticeTime', 'Code', 'EventId', 'NotBefore', 'State', '__proto__');
    const values = fc.oneof(fc.jsonValue(), fc.constantFrom('terminate', 'active', '2026-01-17T10:30:00Z'));
    const object = fc.dictionary(keys, values);
    const json = fc.oneof(object, fc.array(object), fc.jsonValue()).map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(fc.oneof(fc.string(), nearly, json), (body) => {
        for (const read of READERS) expectWellFormed(read(200, body));
      }),
      { numRuns: 3_000 },
    );
  });
});

function expectWellFormed(reading: Reading): void {
  if (reading.type === 'unclear') {
    expect(reading.why.length).toBeGreaterThan(0);
    expect(reading.why.length).toBeLessThan(100);
  }
  if (reading.type !== 'notices') return;
  expect(reading.notices.length).toBeGreaterThan(0);
  for (const notice of reading.notices) {
    const time =
      notice.kind === 'interruption'
        ? notice.deadlineMs
        : notice.kind === 'rebalance'
          ? notice.noticeTimeMs
          : notice.notBeforeMs;
    expect(Number.isFinite(time)).toBe(true);
    if (notice.kind === 'interruption') expect(['terminate', 'stop', 'hibernate']).toContain(notice.action);
  }
}

describe('the identity of a notice', () => {
  const notices: Notice[] = [
    { kind: 'interruption', action: 'terminate', deadlineMs: wallMs(1) },
    { kind: 'interruption', action: 'stop', deadlineMs: wallMs(1) },
    { kind: 'interruption', action: 'terminate', deadlineMs: wallMs(2) },
    { kind: 'rebalance', noticeTimeMs: wallMs(1) },
    { kind: 'maintenance', eventId: 'e1', code: 'instance-stop', notBeforeMs: wallMs(1) },
    { kind: 'maintenance', eventId: 'e2', code: 'instance-stop', notBeforeMs: wallMs(1) },
  ];

  it('differs from notice to notice', () => {
    expect(new Set(notices.map(noticeIdentity)).size).toBe(notices.length);
  });

  it('of a scheduled event stays when the event is put off', () => {
    const put = { kind: 'maintenance', eventId: 'e1', code: 'instance-stop', notBeforeMs: wallMs(9) } as const;
    expect(noticeIdentity(put)).toBe(noticeIdentity(notices[4] as Notice));
  });
});
