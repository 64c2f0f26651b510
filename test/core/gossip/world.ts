import {
  DATAGRAM_MAX,
  type Decoded,
  decodeExchange,
  decodeMessages,
  encodeExchange,
  encodeMessages,
} from '../../../core/gossip/codec.js';
import { GOSSIP_PRESETS, type GossipConfig } from '../../../core/gossip/config.js';
import {
  createGossip,
  type GossipEvent,
  type GossipState,
  liveMembers,
  type MemberChange,
  nextGossipDeadlineMs,
  stepGossip,
} from '../../../core/gossip/gossip.js';
import { type Keyring, NONCE_BYTES, open, SEAL_BYTES, type SealContext, seal } from '../../../core/gossip/keyring.js';
import type { Address, Member, Meta } from '../../../core/gossip/member.js';
import type { Exchange, Message } from '../../../core/gossip/message.js';
import { chance, forkRng, hash32, randomInt, seededRng } from '../../../core/rng.js';
import { type MonoMs, monoMs, NEVER, type Rng, wallMs } from '../../../core/time.js';
import { aesGcm } from './aead.js';
import { Agenda } from './agenda.js';

/**
 * Many nodes' gossip under virtual time on a seeded network. Everything that crosses the network is encoded and decoded,
 * and counted as if sealed. Same options, same calls: same run, to the byte (`trace`).
 */
export interface WorldOptions {
  readonly seed: number | string;
  readonly config?: GossipConfig;
  /** Share of datagrams lost; default 0. */
  readonly loss?: number;
  /** Share of datagrams delivered twice; default 0. */
  readonly duplicates?: number;
  /** One way, in ms; the spread reorders. Default 1 to 5. */
  readonly delayMs?: readonly [low: number, high: number];
  /** Keeps every datagram, for replays; default false. */
  readonly record?: boolean;
  /** Really seals everything, with each node's own `ring`; default: sealing is only counted. */
  readonly ring?: Keyring;
}

export interface WorldNode {
  readonly id: string;
  readonly address: Address;
  gossip: GossipState;
  rng: Rng;
  up: boolean;
  paused: boolean;
  /** What came while it was paused. */
  inbox: GossipEvent[];
  tickMs: MonoMs;
  /** Null: nothing is sealed. */
  ring: Keyring | null;
  sentBytes: number;
  datagrams: number;
}

export interface WorldNews {
  readonly atMs: number;
  readonly at: string;
  readonly change: MemberChange;
  readonly member: Member;
}

export interface Recorded {
  readonly atMs: number;
  readonly from: Address;
  readonly to: Address;
  readonly messages: readonly Message[];
}

const EPOCH_MS = 1_767_225_600_000;
/** A connection attempt or an answer is given up after this. */
const CONNECT_MS = 2_000;
const INBOX_MAX = 2_000;
const ZONES = ['a', 'b', 'c'];
const NO_BYTES = new Uint8Array(0);

export class World {
  readonly nodes = new Map<string, WorldNode>();
  readonly news: WorldNews[] = [];
  readonly recorded: Recorded[] = [];
  nowMs = monoMs(0);
  /** Envelopes that a node's ring refused. */
  refused = 0;
  /** A hash over all that happened. */
  trace = 0;
  /** Whether traffic from one id to another is cut. */
  cut: (from: string, to: string) => boolean = () => false;
  readonly #options: WorldOptions;
  readonly #agenda = new Agenda();
  readonly #net: Rng;
  readonly #byHost = new Map<string, WorldNode>();
  readonly #answers = new Map<number, (sealed: Uint8Array) => void>();
  #connections = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#net = forkRng(seededRng(options.seed), 'network');
  }

  /** Starts nodes `n0`, `n1`, ... that join through the first one. */
  addMany(count: number): void {
    for (let i = 0; i < count; i++) this.add(`n${i}`, i === 0 ? [] : ['n0']);
  }

  add(id: string, seeds: readonly string[], meta: Partial<Meta> = {}): WorldNode {
    const number = this.nodes.size;
    const address = { host: `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`, port: 7946 };
    const rng = seededRng(`${this.#options.seed}:${id}`);
    const node: WorldNode = {
      id,
      address,
      rng,
      gossip: this.#create(id, address, meta, rng),
      up: true,
      paused: false,
      inbox: [],
      tickMs: NEVER,
      ring: this.#options.ring ?? null,
      sentBytes: 0,
      datagrams: 0,
    };
    this.nodes.set(id, node);
    this.#byHost.set(address.host, node);
    this.join(id, seeds);
    return node;
  }

  join(id: string, seeds: readonly string[]): void {
    this.step(id, { type: 'join', seeds: seeds.map((seed) => this.node(seed).address) });
  }

  node(id: string): WorldNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  /** Ends a node without a word. */
  kill(...ids: readonly string[]): void {
    for (const id of ids) this.node(id).up = false;
  }

  /** The same id and address with a new life. */
  restart(id: string, seeds: readonly string[]): void {
    const node = this.node(id);
    node.up = true;
    node.paused = false;
    node.inbox = [];
    node.tickMs = NEVER;
    node.rng = seededRng(`${this.#options.seed}:${id}:${this.nowMs}`);
    node.gossip = this.#create(id, node.address, {}, node.rng);
    this.join(id, seeds);
  }

  pause(id: string): void {
    this.node(id).paused = true;
  }

  /** The host's timer fires first, then it reads its sockets. */
  resume(id: string): void {
    const node = this.node(id);
    if (!node.paused) return;
    node.paused = false;
    const { inbox } = node;
    node.inbox = [];
    if (node.up && nextGossipDeadlineMs(node.gossip) <= this.nowMs) this.step(id, { type: 'tick' });
    for (const event of inbox) this.step(id, event);
    this.#schedule(node);
  }

  /** Gives a node an event now. */
  step(id: string, event: GossipEvent): void {
    const node = this.node(id);
    if (!node.up) return;
    if (node.paused) {
      if (node.inbox.length < INBOX_MAX && event.type !== 'tick') node.inbox.push(event);
      return;
    }
    const context = { nowMs: this.nowMs, wallMs: wallMs(EPOCH_MS + this.nowMs), rng: node.rng };
    const { state, effects } = stepGossip(node.gossip, event, context);
    node.gossip = state;
    this.#note(event.type);
    for (const effect of effects) {
      switch (effect.type) {
        case 'datagram':
          this.#send(node, effect.to, effect.messages);
          break;
        case 'exchange':
          this.#connect(node, effect.to, effect.exchange);
          break;
        case 'exchange-reply':
          this.#answers.get(effect.connection)?.(this.#pack(node, encodeExchange(effect.exchange)));
          break;
        case 'member':
          this.news.push({ atMs: this.nowMs, at: id, change: effect.change, member: effect.member });
          this.#note(`${id} ${effect.change} ${effect.member.id} ${effect.member.incarnation}`);
          break;
      }
    }
    this.#schedule(node);
  }

  at(atMs: number, action: () => void): void {
    this.#agenda.add(monoMs(atMs), action);
  }

  /** Runs up to and including virtual time `untilMs`. */
  run(untilMs: number): void {
    for (;;) {
      const entry = this.#agenda.takeUntil(untilMs);
      if (entry === null) break;
      this.nowMs = entry.atMs;
      entry.action();
    }
    this.nowMs = monoMs(untilMs);
  }

  /** Runs until `done`, looking every `stepMs`; the time it took, or null after `withinMs`. */
  runUntil(done: () => boolean, withinMs: number, stepMs = 10): number | null {
    const start = this.nowMs;
    while (this.nowMs - start < withinMs) {
      if (done()) return this.nowMs - start;
      this.run(this.nowMs + stepMs);
    }
    return done() ? this.nowMs - start : null;
  }

  /** Whether each running node sees exactly the running nodes, all of them alive. */
  agreed(ids: readonly string[] = this.running()): boolean {
    const expected = [...ids].sort().join();
    return ids.every((id) => {
      const live = liveMembers(this.node(id).gossip);
      return live.every((m) => m.status === 'alive') && live.map((m) => m.id).join() === expected;
    });
  }

  running(): string[] {
    return [...this.nodes.values()].filter((n) => n.up).map((n) => n.id);
  }

  /** A datagram out of nowhere, such as a replayed one; subject to nothing. */
  inject(to: Address, from: Address, messages: readonly Message[]): void {
    const node = this.#byHost.get(to.host);
    if (node !== undefined) this.step(node.id, { type: 'datagram', from, messages });
  }

  #create(id: string, address: Address, meta: Partial<Meta>, rng: Rng): GossipState {
    const slot = hash32(id) % 1_000;
    const self: Member = {
      id,
      address,
      incarnation: EPOCH_MS + this.nowMs,
      status: 'alive',
      meta: { ...plainMeta(slot), zone: `eu-west-1${ZONES[slot % 3]}`, ...meta },
    };
    const context = { nowMs: this.nowMs, wallMs: wallMs(EPOCH_MS + this.nowMs), rng };
    return createGossip(self, this.#options.config ?? GOSSIP_PRESETS.lan, context);
  }

  #schedule(node: WorldNode): void {
    const due = nextGossipDeadlineMs(node.gossip);
    if (!node.up || node.paused || due >= node.tickMs) return;
    node.tickMs = due;
    this.#agenda.add(monoMs(Math.max(due, this.nowMs)), () => {
      if (node.tickMs !== due) return;
      node.tickMs = NEVER;
      if (!node.up || node.paused) return;
      if (nextGossipDeadlineMs(node.gossip) <= this.nowMs) this.step(node.id, { type: 'tick' });
      else this.#schedule(node);
    });
  }

  #send(from: WorldNode, to: Address, messages: readonly Message[]): void {
    const body = encodeMessages(messages);
    if (body.length + SEAL_BYTES > DATAGRAM_MAX) throw new Error(`a datagram's body of ${body.length} bytes`);
    const sealed = this.#pack(from, body);
    from.datagrams++;
    this.#note(to.host, sealed);
    const { loss = 0, duplicates = 0, record = false } = this.#options;
    if (record) this.recorded.push({ atMs: this.nowMs, from: from.address, to, messages });
    const copies = chance(this.#net, duplicates) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const lost = chance(this.#net, loss);
      const delay = this.#delay();
      if (lost) continue;
      this.at(this.nowMs + delay, () => {
        const node = this.#byHost.get(to.host);
        if (node === undefined || this.cut(from.id, node.id)) return;
        const bytes = this.#unpack(node, sealed);
        if (bytes === null) return;
        this.step(node.id, { type: 'datagram', from: from.address, messages: must(decodeMessages(bytes)) });
      });
    }
  }

  #connect(from: WorldNode, to: Address, exchange: Exchange): void {
    const connection = ++this.#connections;
    const node = this.#byHost.get(to.host);
    const finish = (event: GossipEvent): void => {
      if (this.#answers.delete(connection)) this.step(from.id, event);
    };
    this.#answers.set(connection, (sealed) => {
      this.at(this.nowMs + this.#delay(), () => {
        const bytes = this.#unpack(from, sealed);
        if (bytes === null) return;
        finish({ type: 'exchange-answer', to, exchange: must(decodeExchange(bytes)) });
      });
    });
    this.at(this.nowMs + CONNECT_MS, () => finish({ type: 'exchange-failed', to }));
    if (node === undefined || !node.up || this.cut(from.id, node.id) || this.cut(node.id, from.id)) return;
    const sealed = this.#pack(from, encodeExchange(exchange));
    this.at(this.nowMs + 2 * this.#delay(), () => {
      const bytes = this.#unpack(node, sealed);
      if (bytes === null) return;
      this.step(node.id, { type: 'exchange', connection, exchange: must(decodeExchange(bytes)) });
    });
  }

  #pack(from: WorldNode, bytes: Uint8Array): Uint8Array {
    const { ring } = from;
    const sealed = ring === null ? bytes : seal(ring, this.#nonce(), bytes, this.#sealing());
    from.sentBytes += bytes.length + SEAL_BYTES;
    return sealed;
  }

  #unpack(to: WorldNode, sealed: Uint8Array): Uint8Array | null {
    if (to.ring === null) return sealed;
    const opened = open(to.ring, sealed, this.#sealing());
    if (opened.ok) return opened.plaintext;
    this.refused++;
    return null;
  }

  #nonce(): Uint8Array {
    return Uint8Array.from({ length: NONCE_BYTES }, () => randomInt(this.#net, 256));
  }

  #sealing(): SealContext {
    return { aead: aesGcm, cluster: 'world', wallMs: wallMs(EPOCH_MS + this.nowMs) };
  }

  #delay(): number {
    const [low, high] = this.#options.delayMs ?? [1, 5];
    return low + randomInt(this.#net, high - low + 1);
  }

  /** FNV-1a, as in core/rng.ts, over the time, a text and the bytes of a datagram. */
  #note(text: string, bytes: Uint8Array = NO_BYTES): void {
    let hash = Math.imul(this.trace ^ this.nowMs, 0x01000193);
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
    this.trace = hash >>> 0;
  }
}

/** What a node without news says of itself. */
export function plainMeta(slot: number): Meta {
  return {
    seat: { slot, generation: 1, rung: 0 },
    zone: 'eu-west-1a',
    instanceType: 'm7i.large',
    lifecycle: 'spot',
    freeMemoryMiB: 4_096,
    freeGpuMemoryMiB: 0,
    work: 0,
    warm: [],
    pressure: false,
    workload: 'healthy',
    runs: 0,
    serves: 0,
    copyMemoryMiB: 0,
    copyGpuMemoryMiB: 0,
    specVersion: 1,
    revision: '1.web',
    standby: 'none',
    pursuing: [],
    leaving: null,
  };
}

function must<T>(decoded: Decoded<T>): T {
  if (!decoded.ok) throw new Error(`undecodable: ${decoded.reason}`);
  return decoded.value;
}
