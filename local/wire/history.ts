import type { WallMs } from '../../core/time.js';
import type { Principal } from './service.js';

/** One finished call to the endpoint. */
export interface Call {
  readonly atMs: WallMs;
  readonly durationMs: number;
  /** Signing name; `-` when the request was unsigned. */
  readonly service: string;
  /** `-` when unknown. */
  readonly action: string;
  readonly principal: Principal | null;
  readonly status: number;
  /** `OK`, AWS's error code, or the status where the answer has no code. */
  readonly code: string;
  /** The act took place (or not), and the answer never left: the connection was destroyed. */
  readonly replyLost: boolean;
}

export interface CallCount {
  readonly service: string;
  readonly action: string;
  readonly principal: Principal['kind'] | 'none';
  readonly code: string;
  readonly count: number;
}

/** Different (service, action, principal, code) that are counted one by one; what is beyond goes to `other`. */
const MAX_KINDS = 2_000;

/** Counts calls by kind, and tells one subscriber. */
export class CallHistory {
  readonly #counts = new Map<string, { kind: Omit<CallCount, 'count'>; count: number }>();
  readonly #subscriber: (call: Call) => void;

  constructor(subscriber: (call: Call) => void = () => {}) {
    this.#subscriber = subscriber;
  }

  record(call: Call): void {
    let kind = {
      service: call.service,
      action: call.action,
      principal: call.principal?.kind ?? ('none' as const),
      code: call.replyLost ? 'ReplyLost' : call.code,
    };
    let key = `${kind.service}\n${kind.action}\n${kind.principal}\n${kind.code}`;
    if (!this.#counts.has(key) && this.#counts.size >= MAX_KINDS) {
      kind = { service: 'other', action: 'other', principal: kind.principal, code: 'other' };
      key = `other\n${kind.principal}`;
    }
    const entry = this.#counts.get(key);
    if (entry === undefined) this.#counts.set(key, { kind, count: 1 });
    else entry.count++;
    this.#subscriber(call);
  }

  /** Sorted by service, action, principal, code. */
  counts(): CallCount[] {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([, { kind, count }]) => ({ ...kind, count }));
  }
}
