import type { Context } from '../core/time.js';
import type { CloudEvent, InstanceView } from './cloud-types.js';
import { nextDeadlineMs } from './ec2/model/launch.js';
import { advance } from './ec2/model/life.js';
import type { Ec2Model, InstanceRecord, Transition } from './ec2/model/types.js';
import type { Elbv2 } from './elbv2/elbv2.js';
import type { Courier } from './events/courier.js';
import { ec2Event } from './events/ec2-events.js';
import type { Power } from './power.js';

export interface PumpOptions {
  readonly model: Ec2Model;
  readonly power: Power;
  readonly elb: Pick<Elbv2, 'instanceCut' | 'instanceEnded'>;
  readonly courier: Courier;
  readonly context: () => Context;
  readonly accountId: string;
  readonly viewOf: (record: InstanceRecord) => InstanceView;
  readonly tell: (event: CloudEvent) => void;
  readonly newId: () => string;
}

/** Longest sleep: `setTimeout` can't do more than 24 days, and a minute is as good. */
const MAX_SLEEP_MS = 60_000;
/** Of the time between shutting-down and terminated, what a machine has after SIGTERM. */
const GRACE_SHARE = 0.8;

/** Lets the EC2 model advance on the clock, and turns its transitions into acts and events. */
export class Pump {
  readonly #options: PumpOptions;
  #timer: NodeJS.Timeout | null = null;
  #running = false;
  #closed = false;

  constructor(options: PumpOptions) {
    this.#options = options;
  }

  /** After every change of the model. */
  run(): void {
    // A listener that changes the model comes back here: the loop below picks its transitions up.
    if (this.#running || this.#closed) return;
    this.#running = true;
    try {
      for (;;) {
        const transitions = advance(this.#options.model, this.#options.context());
        if (transitions.length === 0) break;
        for (const transition of transitions) this.#act(transition);
      }
    } finally {
      this.#running = false;
    }
    this.#sleep();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #sleep(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const { model, context } = this.#options;
    const inMs = Math.min(Math.max(Math.ceil(nextDeadlineMs(model) - context().nowMs), 0), MAX_SLEEP_MS);
    this.#timer = setTimeout(() => this.run(), inMs);
  }

  #act(transition: Transition): void {
    const { power, elb, model, tell, viewOf, courier, accountId, newId } = this.#options;
    const { instanceId, wallMs: atMs } = transition;
    const record = model.instances.get(instanceId)?.record;
    switch (transition.type) {
      case 'state': {
        const { from, to, cause } = transition;
        if (record !== undefined) {
          tell({
            type: 'instance-state',
            atMs,
            instanceId,
            from,
            to,
            cause,
            instance: { ...viewOf(record), state: to },
          });
          if (to === 'running') power.on(record);
        }
        if (to === 'shutting-down' && cause === 'user') {
          power.shutDown(instanceId, Math.floor(model.options.shutdownMs * GRACE_SHARE));
        }
        if (to === 'terminated' || to === 'stopped') {
          power.off(instanceId);
          elb.instanceEnded(instanceId);
        }
        break;
      }
      case 'interruption-notice':
        tell({ type: 'interruption-notice', atMs, instanceId, interruption: transition.interruption });
        break;
      case 'rebalance-recommendation':
        tell({ type: 'rebalance-recommendation', atMs, instanceId });
        break;
      case 'maintenance-scheduled':
        tell({ type: 'maintenance', atMs, instanceId, event: transition.event });
        break;
      case 'failed':
      case 'reclaimed':
        power.cut(instanceId);
        elb.instanceCut(instanceId);
        tell({ type: 'cut-off', atMs, instanceId, cause: transition.type === 'failed' ? 'failure' : 'interruption' });
        break;
    }
    const event = ec2Event(transition, {
      account: accountId,
      region: model.options.region,
      zoneOf: () => record?.zone ?? null,
      newId,
    });
    if (event !== null) courier.emit(event);
  }
}
