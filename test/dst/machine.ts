import type { Exchange } from '../../core/gossip/message.js';
import { createNode, nextDeadlineMs, stepNode } from '../../core/node/node.js';
import type { NodeEffect, NodeEvent } from '../../core/node/port.js';
import type { NodeState } from '../../core/node/state.js';
import { chance, randomBetween, randomInt } from '../../core/rng.js';
import type { HeldSeat } from '../../core/seats/seat.js';
import { TAG } from '../../core/seats/tags.js';
import { type Context, monoMs, type Rng, wallMs } from '../../core/time.js';
import type { InstanceRecord } from '../../local/ec2/model/types.js';
import { groupOf, type ModelCloud, targetOf } from './cloud.js';
import type { Network } from './network.js';
import type { EventQueue } from './queue.js';

/** Where the machines of a schedule live. */
export interface Surroundings {
  readonly queue: EventQueue;
  readonly cloud: ModelCloud;
  readonly network: Network;
  readonly rng: Rng;
  /** Wall time of virtual time 0. */
  readonly epochMs: number;
  readonly connections: Connections;
  machineAt(host: string): Machine | undefined;
  context(machine: Machine): Context;
  /** What a machine does is told before it takes effect; what comes back is carried out. */
  onEffect(machine: Machine, effect: NodeEffect): readonly NodeEffect[];
}

/** Exchanges that wait for their reply. */
export interface Connections {
  next: number;
  readonly replies: Map<number, (exchange: Exchange) => void>;
}

type Health = 'none' | 'starting' | 'healthy' | 'stopped';

const WORKLOAD = 'web';
const PORT = 7946;
export const MEMORY_MIB = 1024;

/** One simulated machine: a brain, its workload, and the ways in which it can suffer. */
export class Machine {
  readonly id: string;
  readonly host: string;
  readonly seat: HeldSeat;
  brain: NodeState;
  /** False from the moment that the machine is gone, or that its agent has crashed. */
  running = true;
  /** Everything that should happen to a paused machine waits. */
  #waiting: (() => void)[] | null = null;
  #workload: Health = 'none';
  /** Of those that have copies. */
  readonly #copies = new Map<string, Health>();
  #timerMs = Number.POSITIVE_INFINITY;
  #life = 0;
  readonly #world: Surroundings;
  readonly #record: InstanceRecord;

  constructor(world: Surroundings, record: InstanceRecord, seat: HeldSeat) {
    this.#world = world;
    this.#record = record;
    this.id = record.instanceId;
    this.host = record.privateIp;
    this.seat = seat;
    this.brain = this.#boot();
    this.#run();
  }

  get working(): boolean {
    return this.running && this.#workload === 'healthy';
  }

  /** A process of it may be there. */
  runs(copy: string): boolean {
    return this.running && ['starting', 'healthy'].includes(this.#copies.get(copy) ?? 'none');
  }

  serves(copy: string): boolean {
    return this.running && this.#copies.get(copy) === 'healthy';
  }

  get paused(): boolean {
    return this.#waiting !== null;
  }

  pause(forMs: number): void {
    if (this.#waiting !== null || !this.running) return;
    this.#waiting = [];
    this.#world.queue.after(forMs, () => this.#resume());
  }

  /** The agent's process ends and a new one starts; the workload goes with it. */
  restart(): void {
    if (!this.running || this.#waiting !== null) return;
    this.#life++;
    this.#workload = 'none';
    this.#copies.clear();
    this.brain = this.#boot();
    this.#run();
  }

  /** The machine is gone. */
  end(): void {
    this.running = false;
    this.#life++;
    this.#workload = 'stopped';
    this.#copies.clear();
  }

  deliver(event: NodeEvent): void {
    this.#when(() => this.#step(event));
  }

  #boot(): NodeState {
    const { cloud } = this.#world;
    const record = this.#record;
    const parsed = JSON.parse(cloud.spec);
    return createNode(
      {
        identity: {
          id: this.id,
          address: { host: this.host, port: PORT },
          seat: this.seat,
          templateVersion: Number(record.tags[TAG.template] ?? 0),
          zone: record.zone,
          instanceType: record.instanceType,
          lifecycle: record.lifecycle,
          freeMemoryMiB: MEMORY_MIB,
          freeGpuMemoryMiB: 0,
        },
        spec: parsed,
        keepInstance: false,
      },
      this.#world.context(this),
    );
  }

  #run(): void {
    const life = this.#life;
    this.#step({ type: 'tick' });
    const poll = (): void => {
      if (!this.running || life !== this.#life) return;
      this.#when(() => this.#pollImds());
      this.#world.queue.after(1_000, poll);
    };
    this.#world.queue.after(randomInt(this.#world.rng, 1_000), poll);
  }

  /** Runs now, or after the pause; never for a machine or an agent that is gone. */
  #when(run: () => void): void {
    if (!this.running) return;
    if (this.#waiting === null) run();
    else this.#waiting.push(run);
  }

  #resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const run of waiting) if (this.running) run();
    if (this.running) this.#step({ type: 'tick' });
  }

  #step(event: NodeEvent): void {
    if (this.brain.phase === 'gone') return;
    const ctx = this.#world.context(this);
    const { state, effects } = stepNode(this.brain, event, ctx);
    this.brain = state;
    for (const effect of effects) {
      for (const allowed of this.#world.onEffect(this, effect)) this.#apply(allowed);
    }
    this.#arm();
  }

  #arm(): void {
    const at = nextDeadlineMs(this.brain, this.#world.context(this));
    if (at === Number.POSITIVE_INFINITY || (at >= this.#timerMs && this.#timerMs > this.#world.queue.nowMs)) return;
    const life = this.#life;
    this.#timerMs = Math.max(at, this.#world.queue.nowMs + 1);
    const dueMs = this.#timerMs;
    this.#world.queue.at(dueMs, () => {
      if (life !== this.#life || this.#timerMs !== dueMs) return;
      this.#timerMs = Number.POSITIVE_INFINITY;
      this.deliver({ type: 'tick' });
    });
  }

  #apply(effect: NodeEffect): void {
    const { queue, cloud, network, rng } = this.#world;
    const life = this.#life;
    switch (effect.type) {
      case 'datagram':
        for (const delay of network.datagram(this.host, effect.to.host)) {
          const from = { host: this.host, port: PORT };
          queue.after(delay, () =>
            this.#world.machineAt(effect.to.host)?.deliver({ type: 'datagram', from, messages: effect.messages }),
          );
        }
        return;
      case 'exchange':
        this.#exchange(effect);
        return;
      case 'exchange-reply':
        this.#world.connections.replies.get(effect.connection)?.(effect.exchange);
        this.#world.connections.replies.delete(effect.connection);
        return;
      case 'call': {
        const { arrives, answers } = cloud.fateOf(this.#world.context(this));
        const there = randomBetween(rng, 5, 60);
        queue.after(there, () => {
          // A call that is on its way takes effect even if its caller has died since.
          const outcome = arrives ? cloud.carryOut(effect.call, this.#world.context(this)) : null;
          const back = effect.call.op === 'launch' ? randomBetween(rng, 500, 2_500) : randomBetween(rng, 5, 100);
          const answer = answers && outcome !== null ? outcome : NO_ANSWER;
          const late = answers && outcome !== null ? back : effect.timeoutMs;
          queue.after(late, () => {
            if (life === this.#life) this.deliver({ type: 'outcome', id: effect.id, outcome: answer });
          });
        });
        return;
      }
      case 'start-workload':
        this.#become(effect.name, 'starting');
        queue.after(randomBetween(rng, 300, 3_000), () => {
          if (life !== this.#life || this.#healthOf(effect.name) !== 'starting') return;
          this.#become(effect.name, 'healthy');
          this.#report();
        });
        return;
      case 'stop-workload':
        queue.after(Math.min(effect.graceMs, randomBetween(rng, 10, 400)), () => {
          if (life !== this.#life) return;
          this.#become(effect.name, 'stopped');
          this.#report();
        });
        return;
      case 'exit':
        // systemd doesn't restart an agent that ended on purpose.
        this.#life++;
        this.#workload = 'stopped';
        this.#copies.clear();
        return;
      case 'log':
      case 'save-log':
        return;
    }
  }

  #exchange(effect: NodeEffect & { readonly type: 'exchange' }): void {
    const { queue, network } = this.#world;
    const life = this.#life;
    const fail = (): void => {
      if (life === this.#life) this.deliver({ type: 'exchange-failed', to: effect.to });
    };
    const there = network.stream(this.host, effect.to.host);
    const peer = this.#world.machineAt(effect.to.host);
    if (there === null || peer === undefined || !peer.running || peer.paused) {
      queue.after(1_000, fail);
      return;
    }
    queue.after(there, () => {
      const { connections } = this.#world;
      const connection = connections.next++;
      connections.replies.set(connection, (exchange) => {
        const back = network.stream(effect.to.host, this.host);
        if (back === null) queue.after(1_000, fail);
        else
          queue.after(back, () => {
            if (life === this.#life) this.deliver({ type: 'exchange-answer', to: effect.to, exchange });
          });
      });
      peer.deliver({ type: 'exchange', connection, exchange: effect.exchange });
      queue.after(10_000, () => connections.replies.delete(connection));
    });
  }

  #pollImds(): void {
    const { cloud, rng } = this.#world;
    if (chance(rng, 0.01)) {
      this.#step({ type: 'imds', path: 'spot/instance-action', status: chance(rng, 0.5) ? 503 : 0, body: '' });
      return;
    }
    const record = cloud.ec2.instances.get(this.id)?.record;
    const notice = record?.interruption;
    if (notice != null && notice.announce !== 'none') {
      const body = JSON.stringify({ action: notice.action, time: new Date(notice.atMs).toISOString() });
      this.#step({ type: 'imds', path: 'spot/instance-action', status: 200, body });
    } else {
      this.#step({ type: 'imds', path: 'spot/instance-action', status: 404, body: '<html>Not Found</html>' });
    }
    if (record?.rebalanceNoticeMs != null) {
      const body = JSON.stringify({ noticeTime: new Date(record.rebalanceNoticeMs).toISOString() });
      this.#step({ type: 'imds', path: 'events/recommendations/rebalance', status: 200, body });
    }
    this.#report();
  }

  #healthOf(name: string): Health {
    return name === WORKLOAD ? this.#workload : (this.#copies.get(name) ?? 'none');
  }

  #become(name: string, health: Health): void {
    if (name === WORKLOAD) this.#workload = health;
    else this.#copies.set(name, health);
  }

  #reportCopies(): void {
    const { registered } = this.#world.cloud;
    for (const [name, health] of [...this.#copies]) {
      if (health === 'none') continue;
      // It is its last word.
      if (health === 'stopped') this.#copies.delete(name);
      const inFlight = health === 'healthy' && registered.has(targetOf(this.id, groupOf(name))) ? 2 : 0;
      this.deliver({ type: 'workload', name, status: { health, inFlight } });
    }
  }

  #report(): void {
    this.#reportCopies();
    if (this.#workload === 'none') return;
    const inFlight = this.#workload !== 'healthy' ? 0 : this.#world.cloud.registered.has(this.id) ? 2 : 0;
    this.deliver({ type: 'workload', name: WORKLOAD, status: { health: this.#workload, inFlight } });
  }
}

const NO_ANSWER = { ok: false, error: { kind: 'unknown', code: 'TimeoutError', message: 'No answer.' } } as const;

export function contextAt(queue: EventQueue, epochMs: number, skewMs: number, rng: Rng): Context {
  return { nowMs: monoMs(queue.nowMs), wallMs: wallMs(epochMs + queue.nowMs + skewMs), rng };
}
