import { chance, randomBetween, randomInt } from '../../../core/rng.js';
import { parseNote, writeNote } from '../../../core/tasks/note.js';
import type { Note, PeerView, StoreCall, StoreOutcome, WorkerEffect, WorkerEvent } from '../../../core/tasks/port.js';
import { createWorker, nextWorkerDeadlineMs, stepWorker, type WorkerState } from '../../../core/tasks/worker.js';
import { type Context, monoMs, type Rng, wallMs } from '../../../core/time.js';
import type { EventQueue } from '../queue.js';
import type { TaskPlan } from './plan.js';
import { Programs } from './programs.js';
import { failure, type ModelS3 } from './s3.js';

/** Where the machines of a schedule live. */
export interface Surroundings {
  readonly queue: EventQueue;
  readonly s3: ModelS3;
  readonly rng: Rng;
  readonly plan: TaskPlan;
  /** What goes wrong now and then; all 0 when the weather is clear. */
  readonly weather: Weather;
  readonly epochMs: number;
  machine(id: string): Machine | undefined;
  hears(a: string, b: string): boolean;
  cutOff(id: string): boolean;
  /** Its record changed: the others hear of it. */
  told(machine: Machine): void;
  /** How often this task began anywhere. */
  began(task: string): number;
  onEffect(machine: Machine, effect: WorkerEffect): readonly WorkerEffect[];
  onTorn(machine: Machine, task: string, why: string): void;
  /** Its program takes the machine down. */
  deadly(machine: Machine): void;
}

export interface Weather {
  lostReply: number;
  lostCall: number;
  throttle: number;
  slow: number;
  lostNote: number;
  uploadFails: number;
}

/** One machine: a worker, what its host does, and the ways in which it can suffer. */
export class Machine {
  readonly id: string;
  readonly bornMs: number;
  worker: WorkerState;
  alive = true;
  stopped = false;
  published: Extract<WorkerEffect, { type: 'publish' }> | null = null;
  readonly #programs: Programs;
  #waiting: (() => void)[] | null = null;
  #timerMs = Number.POSITIVE_INFINITY;
  #life = 0;
  #skewMs: number;
  #monoMs: number;
  #connections = new Map<number, (note: Note) => void>();
  #nextConnection = 1;
  readonly #world: Surroundings;

  constructor(world: Surroundings, id: string) {
    this.#world = world;
    this.id = id;
    this.bornMs = world.queue.nowMs;
    this.#skewMs = Math.round(randomBetween(world.rng, -500, 500));
    this.#monoMs = randomInt(world.rng, 1_000_000);
    this.#programs = new Programs({
      ...{ id, world },
      deliver: (event) => this.deliver(event),
      after: (delayMs, run) => this.#after(delayMs, run),
      nowMs: () => this.context().nowMs,
      torn: (task, why) => world.onTorn(this, task, why),
      deadly: () => world.deadly(this),
    });
    this.worker = this.#boot();
  }

  get paused(): boolean {
    return this.#waiting !== null;
  }

  get leaving(): boolean {
    return this.worker.leaving !== null;
  }

  start(): void {
    this.deliver({ type: 'start' });
  }

  pause(forMs: number): void {
    if (this.#waiting !== null || !this.alive) return;
    this.#waiting = [];
    this.#world.queue.after(forMs, () => {
      const waiting = this.#waiting ?? [];
      this.#waiting = null;
      for (const run of waiting) run();
    });
  }

  /** The agent's process ends with all programs, and a new one starts. */
  restart(): void {
    if (!this.alive || this.#waiting !== null) return;
    this.#life++;
    this.stopped = false;
    this.#programs.clear();
    this.#timerMs = Number.POSITIVE_INFINITY;
    this.worker = this.#boot();
    this.#world.told(this);
    this.start();
  }

  end(): void {
    this.alive = false;
    this.#life++;
    this.#programs.clear();
  }

  deliver(event: WorkerEvent): void {
    this.#when(() => this.#step(event));
  }

  view(): PeerView {
    return {
      id: this.id,
      address: { host: this.id, port: 1 },
      leaving: this.leaving,
      freeMemoryMiB: this.published?.freeMemoryMiB ?? 0,
      freeGpuMemoryMiB: this.published?.freeGpuMemoryMiB ?? 0,
      warm: this.published?.warm ?? [],
    };
  }

  /** A peer asks; `reply` is called at most once. */
  asked(from: string, text: string, reply: (note: Note) => void): void {
    const parsed = parseNote(text);
    if (!parsed.ok) throw new Error(`A note that can't be read: ${parsed.problem}`);
    const connection = this.#nextConnection++;
    this.#connections.set(connection, reply);
    this.deliver({ type: 'asked', connection, from, note: parsed.value });
  }

  context(): Context {
    const { queue, epochMs, rng } = this.#world;
    return {
      nowMs: monoMs(queue.nowMs + this.#monoMs),
      wallMs: wallMs(epochMs + queue.nowMs + this.#skewMs),
      rng,
    };
  }

  #boot(): WorkerState {
    const { plan } = this.#world;
    const identity = { id: this.id, instanceType: 'm7g.large', zone: 'us-east-1a', lifecycle: 'spot' as const };
    const workload = {
      ...{ name: 'tasks', kind: 'tasks' as const, port: null, environment: {}, health: null, inFlightPath: null },
      ...{ targetGroupArns: [], stopGraceMs: 5_000, memoryMiB: plan.memoryMiB, gpuMemoryMiB: 0 },
      ...{ maxTasks: plan.maxTasks, leaseMs: plan.leaseMs },
    };
    const room = { memoryMiB: plan.memoryMiB, gpuMemoryMiB: 0 };
    return createWorker({ identity, workload, room, writer: this.id, preset: plan.preset }, this.context());
  }

  /** Runs it now, after the pause, or never if this life has ended by then. */
  #when(run: () => void): void {
    const life = this.#life;
    const guarded = (): void => {
      if (this.alive && this.#life === life) run();
    };
    if (this.#waiting !== null) this.#waiting.push(guarded);
    else guarded();
  }

  #after(delayMs: number, run: () => void): void {
    const life = this.#life;
    this.#world.queue.after(delayMs, () => {
      if (this.#life === life) this.#when(run);
    });
  }

  #step(event: WorkerEvent): void {
    const { state, effects } = stepWorker(this.worker, event, this.context());
    this.worker = state;
    for (const effect of effects) for (const real of this.#world.onEffect(this, effect)) this.#carryOut(real);
    this.#schedule();
  }

  #schedule(): void {
    const { queue } = this.#world;
    const atMs = Math.max(nextWorkerDeadlineMs(this.worker, this.context()) - this.#monoMs, queue.nowMs + 1);
    if (!(atMs < Number.POSITIVE_INFINITY) || atMs === this.#timerMs) return;
    this.#timerMs = atMs;
    const life = this.#life;
    queue.at(atMs, () => {
      if (this.#timerMs !== atMs || this.#life !== life) return;
      this.#timerMs = Number.POSITIVE_INFINITY;
      this.deliver({ type: 'tick' });
    });
  }

  #carryOut(effect: WorkerEffect): void {
    switch (effect.type) {
      case 'store':
        this.#store(effect.id, effect.call, effect.timeoutMs);
        return;
      case 'ask':
        this.#ask(effect);
        return;
      case 'answer': {
        const reply = this.#connections.get(effect.connection);
        this.#connections.delete(effect.connection);
        reply?.(effect.note);
        return;
      }
      case 'run-task':
        this.#programs.run(effect.spec, effect.fence, effect.restore);
        return;
      case 'tell-task':
        this.#programs.tell(effect.task, effect.fence);
        return;
      case 'stop-task':
        this.#programs.stop(effect.task, effect.fence, effect.graceMs);
        return;
      case 'save-task':
        this.#programs.save(effect.task, effect.fence, effect.seq, effect.byMs);
        return;
      case 'prune':
        this.#programs.prune(effect);
        return;
      case 'save-task-log':
        this.#world.s3.put(this.id, effect.key, 'log');
        return;
      case 'drop-task':
        this.#programs.drop(effect.task, effect.fence);
        return;
      case 'publish':
        this.published = effect;
        this.#world.told(this);
        return;
      case 'log':
        return;
      case 'stopped':
        this.stopped = true;
        return;
    }
  }

  #store(id: number, call: StoreCall, timeoutMs: number): void {
    const { queue, s3, rng, weather, plan } = this.#world;
    const answer = (outcome: StoreOutcome, delayMs: number): void =>
      this.#after(delayMs, () => this.deliver({ type: 'stored', id, outcome }));
    const lost = (): void => answer(failure('unknown', 'Timeout'), timeoutMs);
    if (this.#world.cutOff(this.id) || chance(rng, weather.lostCall)) {
      lost();
      return;
    }
    const wayMs = 5 + randomInt(rng, 60) + (chance(rng, weather.slow) ? randomInt(rng, plan.slowMs) : 0);
    const replies = !chance(rng, weather.lostReply);
    const refused = chance(rng, weather.throttle);
    // It arrives although its sender may be paused or gone by then.
    queue.after(wayMs, () => {
      const outcome = refused ? failure('throttle', 'SlowDown') : s3.carryOut(this.id, call);
      if (replies && wayMs < timeoutMs) answer(outcome, 5 + randomInt(rng, 40));
      else answer(failure('unknown', 'Timeout'), Math.max(0, timeoutMs - wayMs));
    });
  }

  #ask(effect: Extract<WorkerEffect, { type: 'ask' }>): void {
    const { queue, rng, weather } = this.#world;
    const { id, to, timeoutMs } = effect;
    let answered = false;
    const answer = (note: Note | null): void => {
      if (answered) return;
      answered = true;
      this.#when(() => this.#step({ type: 'answered', id, note }));
    };
    const life = this.#life;
    queue.after(timeoutMs, () => {
      if (this.#life === life) answer(null);
    });
    if (chance(rng, weather.lostNote)) return;
    const text = writeNote(effect.note);
    queue.after(5 + randomInt(rng, 60), () => {
      const peer = this.#world.machine(to.host);
      if (peer === undefined || !peer.alive || !this.#world.hears(this.id, to.host)) return;
      peer.asked(this.id, text, (note) => {
        if (chance(rng, weather.lostNote) || !this.#world.hears(this.id, to.host)) return;
        const parsed = parseNote(writeNote(note));
        if (!parsed.ok) throw new Error(`A note that can't be read: ${parsed.problem}`);
        queue.after(5 + randomInt(rng, 60), () => {
          if (this.#life === life) answer(parsed.value);
        });
      });
    });
  }
}
