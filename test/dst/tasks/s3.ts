/** A model of one S3 bucket with strict conditions, under virtual time. What takes effect is told to a watcher. */
import type { CloudError } from '../../../core/cloud.js';
import { hash32 } from '../../../core/rng.js';
import type { StoreCall, StoreOutcome } from '../../../core/tasks/port.js';
import { wallMs } from '../../../core/time.js';

export interface StoredObject {
  readonly body: string;
  readonly etag: string;
  /** When it took effect, exactly; listings tell whole seconds. */
  readonly atMs: number;
}

export interface Watcher {
  /** After a put or a deletion has taken effect. `by`: who asked. */
  changed(by: string, key: string, before: StoredObject | null, after: StoredObject | null): void;
}

const PAGE = 1_000;

export class ModelS3 {
  readonly objects = new Map<string, StoredObject>();
  readonly requests = new Map<string, number>();
  readonly #watcher: Watcher;
  readonly #nowMs: () => number;
  #sorted: string[] | null = null;

  /** @param nowMs S3's own wall clock */
  constructor(watcher: Watcher, nowMs: () => number) {
    this.#watcher = watcher;
    this.#nowMs = nowMs;
  }

  carryOut(by: string, call: StoreCall): StoreOutcome {
    this.requests.set(call.op, (this.requests.get(call.op) ?? 0) + 1);
    switch (call.op) {
      case 'list':
        return { ok: true, value: this.#list(call.prefix, call.after) };
      case 'get': {
        const found = this.objects.get(call.key);
        return { ok: true, value: found === undefined ? null : { body: found.body, etag: found.etag } };
      }
      case 'put': {
        const before = this.objects.get(call.key) ?? null;
        if (call.etag !== undefined && (before?.etag ?? null) !== call.etag) {
          return failure('conflict', 'PreconditionFailed');
        }
        return { ok: true, value: { etag: this.put(by, call.key, call.body).etag } };
      }
      case 'delete':
        for (const key of call.keys) this.remove(by, key);
        return { ok: true, value: null };
    }
  }

  put(by: string, key: string, body: string): StoredObject {
    const before = this.objects.get(key) ?? null;
    const object = { body, etag: digest(body), atMs: this.#nowMs() };
    this.objects.set(key, object);
    if (before === null) this.#sorted = null;
    this.#watcher.changed(by, key, before, object);
    return object;
  }

  remove(by: string, key: string): void {
    const before = this.objects.get(key);
    if (before === undefined) return;
    this.objects.delete(key);
    this.#sorted = null;
    this.#watcher.changed(by, key, before, null);
  }

  under(prefix: string): string[] {
    this.#sorted ??= [...this.objects.keys()].sort();
    return this.#sorted.filter((key) => key.startsWith(prefix));
  }

  #list(prefix: string, after: string | null): (StoreOutcome<'list'> & { ok: true })['value'] {
    const keys = this.under(prefix).filter((key) => after === null || key > after);
    const entries = keys.slice(0, PAGE).map((key) => {
      const { etag, body, atMs } = this.objects.get(key) as StoredObject;
      return { key, etag, bytes: body.length, modifiedMs: wallMs(Math.floor(atMs / 1_000) * 1_000) };
    });
    return { entries, nowMs: wallMs(Math.floor(this.#nowMs())), more: keys.length > PAGE };
  }
}

/** Of the body alone, as S3's is: equal bodies have equal ETags. */
const digest = (body: string): string => `"${hash32(body).toString(16)}${hash32(`2${body}`).toString(16)}"`;

export function failure(kind: CloudError['kind'], code: string): StoreOutcome {
  return { ok: false, error: { kind, code, message: code } };
}
