/** A host for one brain: events in, effects out, and the answers of a cloud that does what it is told. */
import type { CloudCall, CloudOp, CloudValues, NodeView, Outcome } from '../../../core/cloud.js';
import type { Member, WorkloadHealth } from '../../../core/gossip/member.js';
import { createNode, nextDeadlineMs, stepNode } from '../../../core/node/node.js';
import type { ImdsPath, NodeEffect, NodeEvent } from '../../../core/node/port.js';
import type { NodeIdentity, NodeState } from '../../../core/node/state.js';
import { seededRng } from '../../../core/rng.js';
import type { HeldSeat } from '../../../core/seats/seat.js';
import type { Spec } from '../../../core/spec/spec.js';
import { monoMs } from '../../../core/time.js';
import { at, EPOCH_MS, memberOf, nodeViewOf, seatOf, specOf } from '../fixtures.js';

export interface OpenCall {
  readonly id: number;
  readonly call: CloudCall;
}

export interface HostOptions {
  readonly seat?: HeldSeat;
  readonly spec?: Spec;
  readonly keepInstance?: boolean;
  readonly seed?: number;
}

export const SELF = 'i-5';

export class Host {
  state: NodeState;
  now = 0;
  /** Everything that was ever asked of the host, in order. */
  readonly effects: NodeEffect[] = [];
  /** Calls that nobody has answered yet. */
  readonly open: OpenCall[] = [];
  readonly spec: Spec;
  readonly #rng;

  constructor({ seat = seatOf(1, 4), spec = specOf(), keepInstance = false, seed = 1 }: HostOptions = {}) {
    this.spec = spec;
    this.#rng = seededRng(seed);
    const identity: NodeIdentity = {
      id: SELF,
      address: { host: '10.0.0.5', port: 7946 },
      seat,
      templateVersion: 1,
      zone: 'us-east-1a',
      instanceType: 'm7g.large',
      lifecycle: 'spot',
      freeMemoryMiB: 1_024,
      freeGpuMemoryMiB: 0,
    };
    this.state = createNode({ identity, spec, keepInstance }, at(0, this.#rng));
  }

  /** One event at the present; returns the effects of this step alone. */
  step(event: NodeEvent = { type: 'tick' }): readonly NodeEffect[] {
    const { state, effects } = stepNode(this.state, event, at(this.now, this.#rng));
    this.state = state;
    this.effects.push(...effects);
    for (const effect of effects) if (effect.type === 'call') this.open.push({ id: effect.id, call: effect.call });
    return effects;
  }

  nextMs(): number {
    return nextDeadlineMs(this.state, { nowMs: monoMs(this.now), wallMs: at(this.now).wallMs });
  }

  /** Lets time pass, with a tick at each deadline. The cloud answers nothing meanwhile, unless `answer` does. */
  pass(ms: number, answer: (call: OpenCall) => Outcome | null = () => null): void {
    const until = this.now + ms;
    for (let i = 0; i < 20_000 && this.now < until; i++) {
      this.now = Math.min(until, Math.max(this.now + 1, this.nextMs()));
      this.step();
      for (const call of [...this.open]) {
        const outcome = answer(call);
        if (outcome !== null) this.reply(call, outcome);
      }
    }
  }

  asked<Op extends CloudOp>(op: Op): OpenCall[] {
    return this.open.filter(({ call }) => call.op === op);
  }

  /** Answers the oldest open call of this kind. */
  answer<Op extends CloudOp>(
    op: Op,
    outcome: { readonly ok: true; readonly value: CloudValues[Op] } | (Outcome & { readonly ok: false }),
  ): readonly NodeEffect[] {
    const call = this.asked(op)[0];
    if (call === undefined)
      throw new Error(`Nobody asked for ${op}; open are: ${this.open.map((c) => c.call.op).join(', ')}`);
    return this.reply(call, outcome);
  }

  reply(call: OpenCall, outcome: Outcome): readonly NodeEffect[] {
    const index = this.open.indexOf(call);
    if (index >= 0) this.open.splice(index, 1);
    return this.step({ type: 'outcome', id: call.id, outcome });
  }

  /** From the first look at EC2 until it serves and is registered. */
  serve(others: readonly NodeView[] = []): void {
    this.step();
    this.answer('findNodes', { ok: true, value: [nodeViewOf(SELF, this.state.identity.seat), ...others] });
    this.health('healthy');
    while (this.asked('registerTarget').length > 0) this.answer('registerTarget', { ok: true, value: null });
    if (this.asked('tagNode').length > 0) this.answer('tagNode', { ok: true, value: null });
  }

  health(health: WorkloadHealth, inFlight: number | null = 0): readonly NodeEffect[] {
    return this.step({ type: 'workload', name: 'api', status: { health, inFlight } });
  }

  imds(path: ImdsPath, status: number, body: string): readonly NodeEffect[] {
    return this.step({ type: 'imds', path, status, body });
  }

  interrupt(inMs: number, action = 'terminate'): readonly NodeEffect[] {
    const time = new Date(EPOCH_MS + this.now + inMs).toISOString();
    return this.imds('spot/instance-action', 200, JSON.stringify({ action, time }));
  }

  /** Another node tells of itself. */
  hear(member: Member): readonly NodeEffect[] {
    return this.step({ type: 'datagram', from: member.address, messages: [{ type: 'alive', member }] });
  }

  done(type: NodeEffect['type']): NodeEffect[] {
    return this.effects.filter((effect) => effect.type === type);
  }

  /** What was asked to be written to a tag by itself: at a start the state's tag empties the others on the way. */
  told(tag: string): string[] {
    return this.calls('tagNode').flatMap((call) => {
      const text = call.op === 'tagNode' && call.tags['synkti:state'] === undefined ? call.tags[tag] : undefined;
      return text === undefined ? [] : [text];
    });
  }

  calls(op: CloudOp): CloudCall[] {
    return this.effects.flatMap((effect) => (effect.type === 'call' && effect.call.op === op ? [effect.call] : []));
  }
}

/** Peers in the other slots, so that nothing is vacant. */
export function peers(): Member[] {
  return [
    memberOf('i-1', { seat: seatOf(0) }, { address: { host: '10.0.0.1', port: 7946 } }),
    memberOf('i-2', { seat: seatOf(2) }, { address: { host: '10.0.0.2', port: 7946 } }),
  ];
}

/** A host that serves among its peers. */
export function servingHost(options: HostOptions = {}): Host {
  const host = new Host(options);
  host.serve();
  for (const peer of peers()) host.hear(peer);
  return host;
}
