/**
 * What must hold, whatever happens. Each checker is asked after every step or effect, and throws a `Violation` with
 * the moment and the facts.
 */
import type { NodeEffect } from '../../core/node/port.js';
import { groupOf, targetOf } from './cloud.js';
import { type Machine, MEMORY_MIB } from './machine.js';
import type { PlannedCopies } from './plan.js';
import type { World } from './world.js';

export class Violation extends Error {
  override readonly name = 'Violation';
}

/**
 * How long two nodes may hold one slot by mistake before it counts: until gossip carries the word of one to the other,
 * and the loser has drained.
 */
const SURPLUS_WINDOW_MS = 45_000;
/** Instances that ended or fell silent this recently may still have been believed alive. */
const BELIEF_MS = 90_000;

export class Checkers {
  readonly #world: World;
  readonly #doubledSince = new Map<number, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** After every step. */
  afterStep(): void {
    for (const machine of this.#world.copies.length === 0 ? [] : this.#world.machines.values()) {
      this.#checkRoom(machine, this.#world.copies);
    }
    if (this.#world.disturbed()) {
      // Parted nodes can't settle it: the window starts when they hear each other again.
      this.#doubledSince.clear();
      return;
    }
    const holders = new Map<number, Machine[]>();
    for (const machine of this.#world.machines.values()) {
      if (!machine.working || machine.paused || machine.brain.leaving !== null) continue;
      // A pre-warmed spare stands beside its predecessor on purpose.
      if (machine.brain.standby !== 'none') continue;
      // Nor is it a mistake that an on-demand node stays beside its successor while work with a deadline presses.
      if (machine.brain.waiting?.cause === 'pressure') continue;
      const slot = holders.get(machine.seat.slot) ?? [];
      slot.push(machine);
      holders.set(machine.seat.slot, slot);
    }
    for (const [slot, machines] of holders) {
      if (machines.length < 2) {
        this.#doubledSince.delete(slot);
        continue;
      }
      const since = this.#doubledSince.get(slot) ?? this.#world.queue.nowMs;
      this.#doubledSince.set(slot, since);
      if (this.#world.queue.nowMs - since > SURPLUS_WINDOW_MS) {
        const who = machines.map((m) => `${m.id} (${m.seat.slot}.${m.seat.generation} rung ${m.seat.rung})`);
        throw this.#violation(`slot ${slot} is held by ${who.join(' and ')} for over ${SURPLUS_WINDOW_MS} ms`);
      }
    }
  }

  /** Before an effect of a machine is carried out. */
  onEffect(machine: Machine, effect: NodeEffect): void {
    if (
      effect.type === 'stop-workload' &&
      this.#world.cloud.registered.has(targetOf(machine.id, groupOf(effect.name)))
    ) {
      throw this.#violation(`${machine.id} stops its workload while its target is registered`);
    }
    if (effect.type === 'call' && effect.call.op === 'terminate') this.#onTerminate(machine, effect.call.instanceId);
    if (effect.type === 'log' && effect.code === 'leaving') this.#onLeaving(machine, String(effect.fields.cause));
  }

  #onTerminate(machine: Machine, instanceId: string): void {
    if (instanceId !== machine.id) throw this.#violation(`${machine.id} ends ${instanceId}, which isn't its own`);
    if (machine.brain.fate.interruption !== null) {
      throw this.#violation(`${machine.id} ends itself after an interruption notice`);
    }
  }

  /** A node that goes because it is one too many must be one too many. */
  #onLeaving(machine: Machine, cause: string): void {
    if (cause === 'scale-in' && machine.seat.slot < this.#world.smallestDesired) {
      throw this.#violation(`${machine.id} leaves slot ${machine.seat.slot}, which was always wanted`);
    }
    if (cause !== 'surplus' && cause !== 'superseded') return;
    const others = this.#world.instancesOf(machine.seat.slot).filter((i) => i.id !== machine.id);
    const nowMs = this.#world.queue.nowMs;
    if (!others.some((i) => i.endedMs === null || nowMs - i.endedMs < BELIEF_MS)) {
      throw this.#violation(`${machine.id} leaves slot ${machine.seat.slot} as ${cause}, but nobody else holds it`);
    }
  }

  /** When the weather has been clear for long enough. */
  atEnd(desired: number, wantedRevision: string): void {
    for (let slot = 0; slot < desired; slot++) {
      const holders = [...this.#world.machines.values()].filter((m) => m.seat.slot === slot && m.working);
      const [holder] = holders;
      if (holder === undefined) throw this.#violation(`slot ${slot} is empty at the end`);
      if (holders.length > 1) throw this.#violation(`slot ${slot} has ${holders.length} holders at the end`);
      if (holder.brain.revision !== wantedRevision) throw this.#violation(`${holder.id} still runs an old revision`);
      if (!this.#world.cloud.registered.has(holder.id))
        throw this.#violation(`${holder.id} serves, but isn't a target`);
    }
    const wanted = new Set([...this.#world.machines.values()].filter((m) => m.working).map((m) => m.id));
    const orphan = this.#world.cloud
      .live()
      .find((i) => !wanted.has(i.instanceId) && !this.#world.hung.has(i.instanceId));
    if (orphan !== undefined) throw this.#violation(`${orphan.instanceId} runs, but nobody needs it`);
    const stray = [...this.#world.machines.values()].find((m) => m.working && m.seat.slot >= desired);
    if (stray !== undefined) throw this.#violation(`${stray.id} holds slot ${stray.seat.slot} of ${desired}`);
  }

  /** Of each workload as many copies as are wanted and fit, each of them a target; and of none a node more than it holds. */
  copiesAtEnd(wanted: readonly PlannedCopies[], desired: number): void {
    const machines = [...this.#world.machines.values()].filter((m) => m.working);
    let together = 0;
    for (const { name, copies } of wanted) {
      const serving = machines.filter((m) => m.serves(name));
      const targets = serving.filter((m) => this.#world.cloud.registered.has(targetOf(m.id, groupOf(name))));
      const stray = machines.find((m) => !serving.includes(m) && this.#isTarget(m.id, name));
      if (stray !== undefined) throw this.#violation(`${stray.id} is a target of ${name}, which doesn't run there`);
      if (targets.length !== serving.length)
        throw this.#violation(`${serving.find((m) => !targets.includes(m))?.id} serves ${name}, but isn't a target`);
      if (serving.length > copies) throw this.#violation(`${name} has ${serving.length} copies of ${copies}`);
      together += serving.length;
    }
    const eachNode = Math.max(1, wanted.length - (wanted.some(({ memoryMiB }) => memoryMiB > 512) ? 1 : 0));
    const sum = wanted.reduce((all, { copies }) => all + Math.min(copies, desired), 0);
    const fits = Math.min(sum, desired * eachNode);
    if (together !== fits) throw this.#violation(`${together} copies serve, where ${fits} are wanted and fit`);
  }

  #isTarget(id: string, copy: string): boolean {
    return this.#world.cloud.registered.has(targetOf(id, groupOf(copy)));
  }

  #checkRoom(machine: Machine, wanted: readonly PlannedCopies[]): void {
    const held = wanted.filter(({ name }) => machine.runs(name)).reduce((sum, { memoryMiB }) => sum + memoryMiB, 0);
    if (held > MEMORY_MIB) throw this.#violation(`${machine.id} runs copies of ${held} MiB on ${MEMORY_MIB}`);
  }

  #violation(what: string): Violation {
    return new Violation(`at ${(this.#world.queue.nowMs / 1000).toFixed(3)} s: ${what}`);
  }
}
