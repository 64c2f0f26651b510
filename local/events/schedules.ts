import { wallMs } from '../../core/time.js';
import type { CloudClock } from '../clock.js';
import type { BusEvent, Delivery, EventBus, Rule } from './bus.js';
import { isoSeconds } from './ec2-events.js';
import { parseSchedule } from './schedule.js';

export interface SchedulesOptions {
  readonly bus: EventBus;
  readonly clock: CloudClock;
  /** Real seconds per second of a schedule. */
  readonly timeScale: number;
  readonly region: string;
  readonly accountId: string;
  readonly newId: () => string;
  readonly deliver: (delivery: Delivery) => void;
  readonly onEvent: (event: BusEvent) => void;
}

interface Running {
  readonly rule: Rule;
  timer: NodeJS.Timeout | undefined;
  /** What the rule's clock says: it runs as much faster as the time scale says. */
  virtualMs: number;
}

const MAX_SLEEP_MS = 3_600_000;

/** Fires the rules that have a schedule. */
export class Schedules {
  readonly #options: SchedulesOptions;
  readonly #running = new Map<string, Running>();
  #closed = false;

  constructor(options: SchedulesOptions) {
    this.#options = options;
  }

  /** After every change of a rule. */
  sync(): void {
    if (this.#closed) return;
    const wanted = new Map(
      this.#options.bus
        .allRules()
        .filter((rule) => rule.enabled && rule.schedule !== null)
        .map((rule) => [rule.name, rule]),
    );
    for (const [name, { rule, timer }] of this.#running) {
      if (wanted.get(name) === rule) continue;
      clearTimeout(timer);
      this.#running.delete(name);
    }
    for (const [name, rule] of wanted) {
      if (this.#running.has(name)) continue;
      const running: Running = { rule, timer: undefined, virtualMs: this.#options.clock.wall() };
      this.#running.set(name, running);
      this.#arm(running);
    }
  }

  close(): void {
    this.#closed = true;
    for (const { timer } of this.#running.values()) clearTimeout(timer);
    this.#running.clear();
  }

  #arm(running: Running): void {
    const schedule = parseSchedule(running.rule.schedule ?? '');
    const next = schedule.kind === 'rate' ? running.virtualMs + schedule.periodMs : schedule.next(running.virtualMs);
    if (!Number.isFinite(next)) return;
    this.#sleep(running, next, (next - running.virtualMs) * this.#options.timeScale);
  }

  #sleep(running: Running, next: number, leftMs: number): void {
    const step = Math.min(leftMs, MAX_SLEEP_MS);
    running.timer = setTimeout(
      () => {
        if (leftMs > step) {
          this.#sleep(running, next, leftMs - step);
          return;
        }
        running.virtualMs = next;
        this.#fire(running.rule);
        this.#arm(running);
      },
      Math.max(Math.ceil(step), 1),
    );
  }

  #fire(rule: Rule): void {
    const { bus, clock, region, accountId, newId, deliver, onEvent } = this.#options;
    const event: BusEvent = {
      version: '0',
      id: newId(),
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      account: accountId,
      time: isoSeconds(wallMs(clock.wall())),
      region,
      resources: [bus.arnOf(rule.name)],
      detail: {},
    };
    onEvent(event);
    for (const delivery of bus.deliveriesOf(rule, event)) deliver(delivery);
  }
}
