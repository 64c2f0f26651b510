/** The programs of one machine and what its host does for them, in virtual time: starts, marks, uploads, ends. */
import { chance, randomInt } from '../../../core/rng.js';
import { type Contents, hasSent, newContents, prune, wereDeleted, willName } from '../../../core/tasks/contents.js';
import type { WorkerEffect, WorkerEvent } from '../../../core/tasks/port.js';
import { type CheckpointRef, type TaskSpec, taskKey } from '../../../core/tasks/task.js';
import type { MonoMs } from '../../../core/time.js';
import type { Surroundings } from './machine.js';
import { type Behaviour, behaviourOf, inheritedFrom, restoredSteps, STEP_MS, uploadOf } from './program.js';

/** The machine below them. */
export interface Below {
  readonly id: string;
  readonly world: Surroundings;
  deliver(event: WorkerEvent): void;
  /** Not while the machine is paused, and never in another life of it. */
  after(delayMs: number, run: () => void): void;
  nowMs(): number;
  torn(task: string, why: string): void;
  deadly(): void;
}

/** A deletion and an upload are waited for so long. */
const GIVE_UP_MS = 2_000;
/** Tries of one save. */
const MOST_TRIES = 3;

interface Program {
  readonly spec: TaskSpec;
  readonly fence: number;
  contents: Contents;
  readonly behaviour: Behaviour;
  firstStep: number;
  startedMs: number | null;
  markedSteps: number | null;
  endedSteps: number | null;
  stopped: boolean;
  /** Saves and prunes, one after another. */
  readonly queue: ((done: () => void) => void)[];
}

export class Programs {
  readonly #programs = new Map<string, Program>();
  readonly #host: Below;

  constructor(host: Below) {
    this.#host = host;
  }

  clear(): void {
    this.#programs.clear();
  }

  drop(task: string, fence: number): void {
    if (this.#program(task, fence) !== null) this.#programs.delete(task);
  }

  tell(task: string, fence: number): void {
    const program = this.#program(task, fence);
    if (program?.behaviour.graceful === true) this.#host.after(100, () => this.#mark(program));
  }

  prune({ task, fence, keep }: Extract<WorkerEffect, { type: 'prune' }>): void {
    const program = this.#program(task, fence);
    if (program === null) return;
    this.#inTurn(program, (done) => {
      const keys = prune(program.contents, keep);
      // A machine may stand still between the choice and the request.
      this.#host.after(randomInt(this.#host.world.rng, 500), () =>
        this.#request(
          () => this.#host.world.s3.carryOut(`${this.#host.id} prune`, { op: 'delete', keys }),
          (answered) => {
            if (answered) wereDeleted(program.contents, keys);
            done();
          },
        ),
      );
    });
  }

  /** S3 may carry it out although its sender has given up, stands still or is gone by then. */
  #request(carryOut: () => void, then: (answered: boolean) => void): void {
    const { queue, rng, weather, plan } = this.#host.world;
    const lost = this.#host.world.cutOff(this.#host.id) || chance(rng, weather.uploadFails);
    const wayMs = randomInt(rng, 100) + (chance(rng, weather.slow) ? randomInt(rng, plan.slowMs) : 0);
    const answered = !lost && wayMs < GIVE_UP_MS && !chance(rng, weather.lostReply);
    if (!lost) queue.after(wayMs, carryOut);
    this.#host.after(answered ? wayMs + 5 : GIVE_UP_MS, () => then(answered));
  }

  #program(task: string, fence: number): Program | null {
    const program = this.#programs.get(task);
    return program !== undefined && program.fence === fence ? program : null;
  }

  run(spec: TaskSpec, fence: number, restore: CheckpointRef | null): void {
    const { s3, plan, rng } = this.#host.world;
    const task = taskKey(spec);
    const behaviour = behaviourOf(spec);
    const program: Program = {
      ...{ spec, fence, behaviour, firstStep: 0, startedMs: null, markedSteps: null, endedSteps: null, stopped: false },
      queue: [],
      contents: newContents(spec, fence, new Map()),
    };
    this.#programs.set(task, program);
    this.#host.after(restore === null ? 20 : 20 + plan.uploadMs + randomInt(rng, 500), () => {
      if (this.#program(task, fence) !== program || program.stopped) return;
      if (restore !== null) {
        const steps = restoredSteps(s3, restore);
        if (typeof steps === 'string') {
          this.#host.torn(task, steps);
          this.#ended(program, null, null, `The checkpoint can't be restored: ${steps}.`);
          return;
        }
        program.firstStep = steps;
        program.contents = newContents(spec, fence, inheritedFrom(s3, restore));
      }
      this.#begin(program);
    });
  }

  #begin(program: Program): void {
    const { queue } = this.#host.world;
    const { spec, fence, behaviour } = program;
    const task = taskKey(spec);
    program.startedMs = queue.nowMs;
    const time = this.#host.world.began(task);
    this.#host.deliver({ type: 'task-started', task, fence });
    if (behaviour.deadly) {
      this.#host.after(300, () => this.#host.deadly());
      return;
    }
    const leftMs = behaviour.workMs - program.firstStep * STEP_MS;
    if (time <= behaviour.exit)
      this.#host.after(Math.min(1_000, leftMs / 2), () => this.#ended(program, 7, null, null));
    this.#host.after(leftMs, () => this.#ended(program, 0, null, null));
    if (spec.checkpoint === null) return;
    const every = (ms: number, act: () => void): void =>
      this.#host.after(ms, () => {
        if (this.#program(task, fence) !== program || program.endedSteps !== null) return;
        act();
        every(ms, act);
      });
    if (behaviour.markMs > 0) every(behaviour.markMs, () => this.#mark(program));
    every(2_000, () => this.#host.deliver({ type: 'task-size', task, fence, changedBytes: 30, bytes: 40 }));
  }

  #steps(program: Program): number {
    if (program.endedSteps !== null) return program.endedSteps;
    if (program.startedMs === null) return program.firstStep;
    const done = Math.floor((this.#host.world.queue.nowMs - program.startedMs) / STEP_MS);
    return Math.min(program.behaviour.workMs / STEP_MS, program.firstStep + done);
  }

  #mark(program: Program): void {
    if (program.endedSteps !== null || program.startedMs === null) return;
    program.markedSteps = this.#steps(program);
    const progress = Math.min(1, (program.markedSteps * STEP_MS) / program.behaviour.workMs);
    this.#host.deliver({ type: 'task-marked', task: taskKey(program.spec), fence: program.fence, progress });
  }

  #ended(program: Program, exitCode: number | null, signal: string | null, problem: string | null): void {
    const task = taskKey(program.spec);
    if (this.#program(task, program.fence) !== program || program.endedSteps !== null) return;
    // Killed while it computes, it leaves what it marked last.
    const killed = signal !== null && program.behaviour.markMs > 0;
    program.endedSteps = killed ? (program.markedSteps ?? program.firstStep) : this.#steps(program);
    this.#host.deliver({
      ...{ type: 'task-ended', task, fence: program.fence, exitCode, signal, problem, tail: `${exitCode}\n` },
      longLog: false,
    });
  }

  stop(task: string, fence: number, graceMs: number): void {
    const program = this.#program(task, fence);
    if (program === null) return;
    program.stopped = true;
    if (program.startedMs === null) {
      this.#host.after(10, () => this.#ended(program, null, 'SIGTERM', null));
      return;
    }
    const writesMs = randomInt(this.#host.world.rng, 600);
    if (program.behaviour.graceful && writesMs < graceMs)
      this.#host.after(writesMs, () => this.#ended(program, 0, null, null));
    else this.#host.after(graceMs, () => this.#ended(program, null, 'SIGKILL', null));
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

  save(task: string, fence: number, seq: number, byMs: MonoMs): void {
    const program = this.#program(task, fence);
    if (program !== null) this.#inTurn(program, (done) => this.#upload(program, seq, byMs, 1, done));
  }

  #upload(program: Program, seq: number, byMs: MonoMs, tries: number, done: () => void): void {
    const { fence, contents } = program;
    const task = taskKey(program.spec);
    const { behaviour, markedSteps } = program;
    const marks = behaviour.markMs > 0 && program.endedSteps === null;
    const steps = marks ? (markedSteps ?? program.firstStep) : this.#steps(program);
    const { files, fresh, manifest, ref } = uploadOf(program.spec, contents, seq, steps, behaviour.workMs);
    const { s3, rng, plan } = this.#host.world;
    const failed = (): void => {
      const late = this.#host.nowMs() > byMs;
      if (!late && tries < MOST_TRIES) {
        this.#upload(program, seq, byMs, tries + 1, done);
        return;
      }
      this.#host.deliver({ type: 'save-failed', task, fence, why: late ? 'too late' : 'no answer' });
      done();
    };
    const put = (key: string, body: string, then: () => void): void =>
      this.#host.after(randomInt(rng, 2 * plan.uploadMs), () => {
        if (this.#host.nowMs() > byMs) failed();
        else
          this.#request(
            () => s3.put(`${this.#host.id} save`, key, body),
            (answered) => (answered ? then() : failed()),
          );
      });
    const next = (i: number): void => {
      const file = fresh[i];
      if (file !== undefined) {
        put(file.key, file.body, () => {
          hasSent(contents, seq, file.sha256);
          next(i + 1);
        });
        return;
      }
      willName(
        contents,
        seq,
        files.map(({ key }) => key),
      );
      put(ref.manifest, manifest, () => {
        this.#host.deliver({ type: 'saved', task, fence, checkpoint: ref });
        done();
      });
    };
    next(0);
  }
}
