/**
 * IMDS bodies to notices. IMDS answers 404 until there is something to say; a body of any other status is never read,
 * since error pages have bodies too.
 */
import { show } from '../show.js';
import { type WallMs, wallMs } from '../time.js';

export type NoticeAction = 'terminate' | 'stop' | 'hibernate';

/** EC2 takes the instance away. */
export interface InterruptionNotice {
  readonly kind: 'interruption';
  readonly action: NoticeAction;
  /** When the instance is taken; for `hibernate` that is at once, whatever the body says. */
  readonly deadlineMs: WallMs;
}

/** EC2 thinks that an interruption is likelier than usual. */
export interface RebalanceNotice {
  readonly kind: 'rebalance';
  readonly noticeTimeMs: WallMs;
}

/** A scheduled event of the host: retirement, reboot, stop, maintenance. */
export interface MaintenanceNotice {
  readonly kind: 'maintenance';
  readonly eventId: string;
  readonly code: string;
  readonly notBeforeMs: WallMs;
}

export type Notice = InterruptionNotice | RebalanceNotice | MaintenanceNotice;

export type Reading =
  /** IMDS says that there is nothing. */
  | { readonly type: 'nothing' }
  | { readonly type: 'notices'; readonly notices: readonly Notice[] }
  /** No answer, or none that can be understood: nothing is known. */
  | { readonly type: 'unclear'; readonly why: string };

const NOTHING: Reading = { type: 'nothing' };

/** Longest body worth reading; the longest real one, a list of scheduled events, has a few kB. */
const MAX_BODY = 65_536;

export function readSpotAction(status: number, body: string): Reading {
  return readJson(status, body, (json) => {
    const { action, time } = json as { action?: unknown; time?: unknown };
    const deadline = parseTime(time);
    if (action !== 'terminate' && action !== 'stop' && action !== 'hibernate') return `unknown action ${show(action)}`;
    if (deadline === null) return `unreadable time ${show(time)}`;
    return [{ kind: 'interruption', action, deadlineMs: deadline }];
  });
}

export function readRebalance(status: number, body: string): Reading {
  return readJson(status, body, (json) => {
    const noticeTimeMs = parseTime((json as { noticeTime?: unknown }).noticeTime);
    return noticeTimeMs === null ? 'no readable noticeTime' : [{ kind: 'rebalance', noticeTimeMs }];
  });
}

/** Events that are completed or canceled stay listed for a while and are left out. */
export function readMaintenance(status: number, body: string): Reading {
  return readJson(status, body, (json) => {
    if (!Array.isArray(json)) return 'not a list of events';
    const notices: MaintenanceNotice[] = [];
    for (const event of json.slice(0, 50)) {
      const { Code, EventId, NotBefore, State } = (event ?? {}) as Record<string, unknown>;
      if (State !== 'active') continue;
      // Scheduled events carry times such as "21 Jan 2026 09:00:43 GMT".
      const notBeforeMs = parseTime(NotBefore);
      if (typeof Code !== 'string' || typeof EventId !== 'string' || notBeforeMs === null) return 'an unreadable event';
      notices.push({ kind: 'maintenance', eventId: EventId, code: Code, notBeforeMs });
    }
    return notices;
  });
}

/** One identity per notice, however often and by whatever way it is seen. */
export function noticeIdentity(notice: Notice): string {
  switch (notice.kind) {
    case 'interruption':
      return `interruption ${notice.action} ${notice.deadlineMs}`;
    case 'rebalance':
      return `rebalance ${notice.noticeTimeMs}`;
    case 'maintenance':
      return `maintenance ${notice.eventId}`;
  }
}

function readJson(status: number, body: string, read: (json: object) => readonly Notice[] | string): Reading {
  if (status === 404) return NOTHING;
  if (status !== 200) return { type: 'unclear', why: status === 0 ? 'no answer' : `status ${status}` };
  if (body.length > MAX_BODY) return { type: 'unclear', why: `a body of ${body.length} characters` };
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { type: 'unclear', why: 'not JSON' };
  }
  if (typeof json !== 'object' || json === null) return { type: 'unclear', why: 'not an object' };
  const notices = read(json);
  if (typeof notices === 'string') return { type: 'unclear', why: notices };
  return notices.length === 0 ? NOTHING : { type: 'notices', notices };
}

function parseTime(value: unknown): WallMs | null {
  if (typeof value !== 'string' || value.length > 64) return null;
  const ms = Date.parse(value);
  return Number.isFinite(ms) ? wallMs(ms) : null;
}
