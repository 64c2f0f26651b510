import type { Unkind } from '../unkind/unkind.js';
import type { BusEvent, Delivery, EventBus } from './bus.js';

/** Copies under way at most; more are lost, which EventBridge may do too. */
const MAX_UNDER_WAY = 10_000;

export interface CourierOptions {
  readonly bus: EventBus;
  readonly unkind: Unkind;
  readonly deliver: (delivery: Delivery) => void | Promise<void>;
  /** Told of each event and of how many copies of it are under way. */
  readonly onEvent: (event: BusEvent, copies: number) => void;
  readonly onTrouble: (message: string) => void;
}

/** Carries events to the targets of the rules that match: some are lost, some come twice, some late. */
export class Courier {
  readonly #options: CourierOptions;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  emit(event: BusEvent): void {
    const room = MAX_UNDER_WAY - this.#timers.size;
    const delays = this.#options.unkind.eventCopies().slice(0, Math.max(0, room));
    this.#options.onEvent(event, delays.length);
    for (const delayMs of delays) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#arrive(event);
      }, delayMs);
      this.#timers.add(timer);
    }
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #arrive(event: BusEvent): void {
    for (const delivery of this.#options.bus.publish(event)) {
      // A target that fails must not keep the others from their event.
      Promise.resolve()
        .then(() => this.#options.deliver(delivery))
        .catch((error) => {
          const why = error instanceof Error ? error.message : String(error);
          this.#options.onTrouble(`Target ${delivery.target.arn} of rule ${delivery.rule} failed: ${why}`);
        });
    }
  }
}
