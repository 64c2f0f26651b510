import { chance, randomBetween, randomInt } from '../../../core/rng.js';
import { checkpointsOf } from '../../../core/tasks/keys.js';
import { parseNote, writeNote } from '../../../core/tasks/note.js';
import type { Note, PeerView, StoreCall, StoreOutcome, WorkerEffect, WorkerEvent } from '../../../core/tasks/port.js';
import { type TaskSpec, taskKey } from '../../../core/tasks/task.js';
import { createWorker, nextWorkerDeadlineMs, stepWorker, type WorkerState } from '../../../core/tasks/worker.js';
import { type Context, type MonoMs, monoMs, type Rng, wallMs } from '../../../core/time.js';
import type { EventQueue } from '../queue.js';
import type { TaskPlan } from './plan.js';
import { type Behaviour, behaviourOf, pruned, restoredSteps, STEP_MS, uploadOf } from './program.js';
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

interface Program {
  readonly spec: TaskSpec;
  readonly fence: number;
  readonly behaviour: Behaviour;
  firstStep: number;
  startedMs: number | null;
  markedSteps: number | null;
  endedSteps: number | null;
  stopped: boolean;
  /** Saves and prunes, one after another. */
  readonly queue: ((done: () => void) => void)[];
}

/** One machine: a worker, what its host does, and the ways in which it can suffer. */
export class Machine {
  readonly id: string;
  readonly bornMs: number;
  worker: WorkerState;
  alive = true;
  stopped = false;
  published: Extract<WorkerEffect, { type: 'publish' }> | null = null;
  readonly programs = new Map<string, Program>();
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
    this.programs.clear();
    this.#timerMs = Number.POSITIVE_INFINITY;
    this.worker = this.#boot();
    this.#world.told(this);
    this.start();
  }

  end(): void {
    this.alive = false;
    this.#life++;
    this.programs.clear();
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
        this.#run(effect.spec, effect.fence, effect.restore);
        return;
      case 'tell-task': {
        const program = this.#program(effect.task, effect.fence);
        if (program?.behaviour.graceful === true) this.#after(100, () => this.#mark(program));
        return;
      }
      case 'stop-task':
        this.#stop(effect.task, effect.fence, effect.graceMs);
        return;
      case 'save-task':
        this.#save(effect.task, effect.fence, effect.seq, effect.byMs);
        return;
      case 'prune': {
        const program = this.#program(effect.task, effect.fence);
        if (program === null) return;
        const prefix = checkpointsOf(program.spec);
        const { s3, rng } = this.#world;
        this.#inTurn(program, (done) => {
          const keys = pruned(s3, prefix, effect.fence, effect.keep);
          this.#after(randomInt(rng, 500), () => {
            s3.carryOut(`${this.id} prune`, { op: 'delete', keys });
            done();
          });
        });
        return;
      }
      case 'save-task-log':
        this.#world.s3.put(this.id, effect.key, 'log');
        return;
      case 'drop-task':
        if (this.#program(effect.task, effect.fence) !== null) this.programs.delete(effect.task);
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

  #program(task: string, fence: number): Program | null {
    const program = this.programs.get(task);
    return program !== undefined && program.fence === fence ? program : null;
  }

  #run(spec: TaskSpec, fence: number, restore: Extract<WorkerEffect, { type: 'run-task' }>['restore']): void {
    const { s3, plan, rng } = this.#world;
    const task = taskKey(spec);
    const behaviour = behaviourOf(spec);
    const program: Program = {
      ...{ spec, fence, behaviour, firstStep: 0, startedMs: null, markedSteps: null, endedSteps: null, stopped: false },
      queue: [],
    };
    this.programs.set(task, program);
    this.#after(restore === null ? 20 : 20 + plan.uploadMs + randomInt(rng, 500), () => {
      if (this.#program(task, fence) !== program || program.stopped) return;
      if (restore !== null) {
        const steps = restoredSteps(s3, restore);
        if (typeof steps === 'string') {
          this.#world.onTorn(this, task, steps);
          this.#ended(program, null, null, `The checkpoint can't be restored: ${steps}.`);
          return;
        }
        program.firstStep = steps;
      }
      this.#begin(program);
    });
  }

  #begin(program: Program): void {
    const { queue } = this.#world;
    const { spec, fence, behaviour } = program;
    const task = taskKey(spec);
    program.startedMs = queue.nowMs;
    const time = this.#world.began(task);
    this.deliver({ type: 'task-started', task, fence });
    if (behaviour.deadly) {
      this.#after(300, () => this.#world.deadly(this));
      return;
    }
    const leftMs = behaviour.workMs - program.firstStep * STEP_MS;
    if (time <= behaviour.exit) this.#after(Math.min(1_000, leftMs / 2), () => this.#ended(program, 7, null, null));
    this.#after(leftMs, () => this.#ended(program, 0, null, null));
    if (spec.checkpoint === null) return;
    const every = (ms: number, act: () => void): void =>
      this.#after(ms, () => {
        if (this.#program(task, fence) !== program || program.endedSteps !== null) return;
        act();
        every(ms, act);
      });
    if (behaviour.markMs > 0) every(behaviour.markMs, () => this.#mark(program));
    every(2_000, () => this.deliver({ type: 'task-size', task, fence, changedBytes: 30, bytes: 40 }));
  }

  #steps(program: Program): number {
    if (program.endedSteps !== null) return program.endedSteps;
    if (program.startedMs === null) return program.firstStep;
    const done = Math.floor((this.#world.queue.nowMs - program.startedMs) / STEP_MS);
    return Math.min(program.behaviour.workMs / STEP_MS, program.firstStep + done);
  }

  #mark(program: Program): void {
    if (program.endedSteps !== null || program.startedMs === null) return;
    program.markedSteps = this.#steps(program);
    const progress = Math.min(1, (program.markedSteps * STEP_MS) / program.behaviour.workMs);
    this.deliver({ type: 'task-marked', task: taskKey(program.spec), fence: program.fence, progress });
  }

  #ended(program: Program, exitCode: number | null, signal: string | null, problem: string | null): void {
    const task = taskKey(program.spec);
    if (this.#program(task, program.fence) !== program || program.endedSteps !== null) return;
    // Killed while it computes, it leaves what it marked last.
    const killed = signal !== null && program.behaviour.markMs > 0;
    program.endedSteps = killed ? (program.markedSteps ?? program.firstStep) : this.#steps(program);
    this.deliver({
      ...{ type: 'task-ended', task, fence: program.fence, exitCode, signal, problem, tail: `${exitCode}\n` },
      longLog: false,
    });
  }

  #stop(task: string, fence: number, graceMs: number): void {
    const program = this.#program(task, fence);
    if (program === null) return;
    program.stopped = true;
    if (program.startedMs === null) {
      this.#after(10, () => this.#ended(program, null, 'SIGTERM', null));
      return;
    }
    const writesMs = randomInt(this.#world.rng, 600);
    if (program.behaviour.graceful && writesMs < graceMs)
      this.#after(writesMs, () => this.#ended(program, 0, null, null));
    else this.#after(graceMs, () => this.#ended(program, null, 'SIGKILL', null));
  }

  #inTurn(program: Program, act: (done: () => void) => void): void {
    program.queue.push(act);
    if (program.queue.length === 1) this.#next(program);
  }

  #next(program: Program): void {
    program.queue[0]?.(() => {
      program.queue.shift();
      this.#next(program);
    });
  }

  #save(task: string, fence: number, seq: number, byMs: MonoMs): void {
    const program = this.#program(task, fence);
    if (program !== null) this.#inTurn(program, (done) => this.#upload(program, seq, byMs, done));
  }

  #upload(program: Program, seq: number, byMs: MonoMs, done: () => void): void {
    const { fence } = program;
    const task = taskKey(program.spec);
    const { behaviour, markedSteps } = program;
    const marks = behaviour.markMs > 0 && program.endedSteps === null;
    const steps = marks ? (markedSteps ?? program.firstStep) : this.#steps(program);
    const { puts, ref } = uploadOf(program.spec, fence, seq, steps, behaviour.workMs);
    const { s3, rng, weather, plan } = this.#world;
    const next = (i: number): void => {
      const put = puts[i];
      if (put === undefined) {
        this.deliver({ type: 'saved', task, fence, checkpoint: ref });
        done();
        return;
      }
      this.#after(randomInt(rng, 2 * plan.uploadMs), () => {
        const late = this.context().nowMs > byMs;
        if (late || this.#world.cutOff(this.id) || chance(rng, weather.uploadFails)) {
          this.deliver({ type: 'save-failed', task, fence, why: late ? 'too late' : 'no answer' });
          done();
          return;
        }
        s3.put(`${this.id} save`, put.key, put.body);
        next(i + 1);
      });
    };
    next(0);
  }
}
