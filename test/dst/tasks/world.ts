import { chance, forkRng, pick, randomInt, seededRng, shuffled } from '../../../core/rng.js';
import { leaseKey, openKey } from '../../../core/tasks/keys.js';
import { parseLease, parseTaskSpec } from '../../../core/tasks/parse.js';
import type { WorkerEffect } from '../../../core/tasks/port.js';
import { type Lease, type TaskSpec, taskKey } from '../../../core/tasks/task.js';
import { unsettledTasks } from '../../../core/tasks/worker.js';
import { type Rng, wallMs } from '../../../core/time.js';
import { EventQueue } from '../queue.js';
import { TaskCheckers } from './checkers.js';
import { Machine, type Surroundings, type Weather } from './machine.js';
import { type PlannedTask, type TaskPlan, type TaskTrouble, taskPlanOf } from './plan.js';
import { commandOf } from './program.js';
import { ModelS3 } from './s3.js';

const EPOCH_MS = Date.UTC(2026, 0, 1);
/** S3's clock is not that of the machines. */
const S3_SKEW_MS = 7_300;
/** After the storm every task must have ended within this. */
const HEAL_MS = 1_500_000;
const DETECT_MS = 4_000;
const CLEAR: Weather = { lostReply: 0, lostCall: 0, throttle: 0, slow: 0, lostNote: 0, uploadFails: 0 };

export interface TaskReport {
  readonly seed: number;
  readonly steps: number;
  readonly requests: number;
  readonly ended: Readonly<Record<string, number>>;
  readonly healedMs: number;
  readonly counters: Readonly<Record<string, number>>;
}

export interface TaskWorldOptions {
  readonly trace?: boolean;
  readonly plan?: TaskPlan;
  /** Changes what workers do, to show that the checkers see it. */
  readonly tamper?: (machine: Machine, effect: WorkerEffect) => readonly WorkerEffect[];
}

/** One fault schedule of tasks: some nodes, a bucket, its weather and its end. */
export class TaskWorld implements Surroundings {
  readonly seed: number;
  readonly plan: TaskPlan;
  readonly rng: Rng;
  readonly queue = new EventQueue();
  readonly s3: ModelS3;
  readonly weather: Weather = { ...CLEAR };
  readonly epochMs = EPOCH_MS;
  readonly trace: string[] = [];
  readonly checkers: TaskCheckers;
  readonly machines = new Map<string, Machine>();
  readonly #keepTrace: boolean;
  readonly #tamper: NonNullable<TaskWorldOptions['tamper']>;
  readonly #began = new Map<string, number>();
  readonly #dirty = new Set<string>();
  readonly #works = new Map<string, number>();
  readonly #cut = new Set<string>();
  readonly #counters = new Map<string, number>();
  #sides: Map<string, number> | null = null;
  #born = 0;
  #steps = 0;

  constructor(seed: number, options: TaskWorldOptions = {}) {
    this.seed = seed;
    this.#tamper = options.tamper ?? ((_, effect) => [effect]);
    this.#keepTrace = options.trace ?? false;
    const rng = seededRng(`tasks ${seed}`);
    this.plan = options.plan ?? taskPlanOf(forkRng(rng, 'plan'));
    this.rng = forkRng(rng, 'run');
    const nowMs = (): number => this.queue.nowMs;
    this.checkers = new TaskCheckers(this.plan.leaseMs, nowMs);
    const watcher = {
      changed: (...[by, key, before, after]: Parameters<TaskCheckers['changed']>): void => {
        if (!key.startsWith('tasks/checkpoints/'))
          this.#say(`s3 ${by} ${after === null ? 'deletes' : 'puts'} ${key} ${brief(after?.body)}`);
        const at = before === null ? null : { ...before, atMs: before.atMs - EPOCH_MS - S3_SKEW_MS };
        this.checkers.changed(by, key, at, after);
      },
    };
    this.s3 = new ModelS3(watcher, () => EPOCH_MS + S3_SKEW_MS + this.queue.nowMs);
    this.checkers.s3 = this.s3;
  }

  run(): TaskReport {
    this.begin();
    this.runUntil(this.plan.stormMs);
    const endMs = this.plan.stormMs + HEAL_MS;
    while (this.queue.nowMs < endMs && !this.checkers.settled()) this.runUntil(this.queue.nowMs + 2_000);
    this.checkers.atEnd();
    return this.report();
  }

  /** Everything that is to happen is planned; `runUntil` lets it happen. */
  begin(): void {
    for (let i = 0; i < this.plan.nodes; i++) this.launch();
    for (const task of this.plan.tasks) this.queue.at(task.atMs, () => this.#submit(task));
    this.queue.at(1_000, () => {
      const { lostReply, lostCall, throttle, slow, lostNote, uploadFails } = this.plan;
      Object.assign(this.weather, { lostReply, lostCall, throttle, slow, lostNote, uploadFails });
    });
    for (const event of this.plan.events) this.queue.at(event.atMs, () => this.#happen(event));
    this.queue.at(this.plan.stormMs, () => {
      this.#say('the weather clears');
      Object.assign(this.weather, CLEAR);
      this.#sides = null;
      this.#cut.clear();
      for (const machine of this.machines.values()) this.told(machine);
    });
  }

  runUntil(untilMs: number): void {
    this.queue.runUntil(untilMs, () => this.#steps++);
  }

  report(): TaskReport {
    for (const machine of this.machines.values()) this.#count(machine);
    const ended: Record<string, number> = {};
    for (const { state } of this.checkers.completed.values()) ended[state] = (ended[state] ?? 0) + 1;
    const requests = [...this.s3.requests.values()].reduce((sum, n) => sum + n, 0);
    const healedMs = this.queue.nowMs - this.plan.stormMs;
    return {
      seed: this.seed,
      steps: this.#steps,
      requests,
      ended,
      healedMs,
      counters: Object.fromEntries(this.#counters),
    };
  }

  machine(id: string): Machine | undefined {
    return this.machines.get(id);
  }

  hears(a: string, b: string): boolean {
    return this.#sides === null || (this.#sides.get(a) ?? 0) === (this.#sides.get(b) ?? 0);
  }

  cutOff(id: string): boolean {
    return this.#cut.has(id);
  }

  began(task: string): number {
    const n = (this.#began.get(task) ?? 0) + 1;
    this.#began.set(task, n);
    return n;
  }

  /** Gossip: within a second everybody who hears it knows. */
  told(machine: Machine): void {
    for (const other of this.machines.values()) {
      if (other.id === machine.id || this.#dirty.has(other.id)) continue;
      this.#dirty.add(other.id);
      this.queue.after(100 + randomInt(this.rng, 700), () => this.#hear(other));
    }
  }

  onEffect(machine: Machine, effect: WorkerEffect): readonly WorkerEffect[] {
    if (this.#keepTrace && effect.type !== 'store' && effect.type !== 'publish') {
      const { type, ...rest } = effect;
      this.#say(`${machine.id} ${type} ${JSON.stringify(rest).slice(0, 260)}`);
    }
    const real = this.#tamper(machine, effect);
    for (const one of real) this.checkers.onEffect(machine, one);
    return real;
  }

  onTorn(machine: Machine, task: string, why: string): void {
    this.checkers.onTorn(machine, task, why);
  }

  deadly(machine: Machine): void {
    this.#say(`${machine.id} is taken down by its task`);
    this.#end(machine);
  }

  launch(): Machine {
    const machine = new Machine(this, `i-${(++this.#born).toString().padStart(3, '0')}`);
    this.machines.set(machine.id, machine);
    machine.start();
    this.told(machine);
    this.queue.after(100, () => this.#hear(machine));
    return machine;
  }

  #hear(machine: Machine): void {
    this.#dirty.delete(machine.id);
    if (!machine.alive) return;
    const peers = [...this.machines.values()].filter((m) => m.id !== machine.id && this.hears(m.id, machine.id));
    machine.deliver({ type: 'peers', peers: peers.map((m) => m.view()) });
    let newest = 0;
    for (const peer of peers) newest = Math.max(newest, peer.published?.work ?? 0);
    if (newest > (this.#works.get(machine.id) ?? 0)) {
      this.#works.set(machine.id, newest);
      machine.deliver({ type: 'work-heard' });
    }
  }

  #submit(task: PlannedTask): void {
    const spec: TaskSpec = {
      ...{ format: 1, id: task.id, run: 1, submittedMs: wallMs(EPOCH_MS + this.queue.nowMs) },
      ...{ work: { kind: 'process', command: commandOf(task.behaviour) }, environment: {} },
      ...{ memoryMiB: task.memoryMiB, gpuMemoryMiB: 0, expectedMs: task.behaviour.workMs, deadline: null },
      checkpoint: task.checkpoints
        ? { folder: 'state', intervalMs: task.intervalMs, notify: { by: task.notify } }
        : null,
      ...{ retries: task.retries, priority: task.priority, data: [], stopGraceMs: task.stopGraceMs, resume: null },
    };
    this.checkers.submitted.add(taskKey(spec));
    this.s3.put('cli', openKey(spec), JSON.stringify(spec));
  }

  #happen(event: TaskTrouble): void {
    this.#say(`plan ${JSON.stringify(event)}`);
    switch (event.type) {
      case 'interrupt':
        for (const machine of shuffled(this.rng, this.#victims()).slice(0, event.count)) {
          const deadlineMs = wallMs(EPOCH_MS + this.queue.nowMs + event.noticeMs);
          if (event.noticeMs > 0) machine.deliver({ type: 'leaving', deadlineMs, cause: 'interruption' });
          this.told(machine);
          this.queue.after(event.noticeMs, () => this.#end(machine));
        }
        return;
      case 'crash': {
        const victim = pick(this.rng, this.#victims());
        if (victim !== undefined) this.#end(victim);
        return;
      }
      case 'restart': {
        const victim = pick(this.rng, this.#victims());
        if (victim === undefined) return;
        const graceful = chance(this.rng, 0.5);
        if (graceful) victim.deliver({ type: 'stop', graceMs: 3_000 });
        this.queue.after(graceful ? 3_500 : 0, () => {
          this.#count(victim);
          victim.restart();
        });
        return;
      }
      case 'pause':
        pick(this.rng, this.#victims())?.pause(event.forMs);
        return;
      case 'leave': {
        const victim = pick(this.rng, this.#victims());
        victim?.deliver({ type: 'leaving', deadlineMs: null, cause: 'scale-in' });
        if (victim !== undefined) this.#goWhenSettled(victim, 100);
        return;
      }
      case 'partition': {
        this.#sides = new Map([...this.machines.keys()].map((id) => [id, this.rng.next() < event.share ? 1 : 0]));
        for (const machine of this.machines.values()) this.told(machine);
        this.queue.after(event.forMs, () => {
          this.#sides = null;
          for (const machine of this.machines.values()) this.told(machine);
        });
        return;
      }
      case 'cut-off': {
        const victim = pick(this.rng, this.#victims());
        if (victim === undefined) return;
        this.#cut.add(victim.id);
        this.queue.after(event.forMs, () => this.#cut.delete(victim.id));
        return;
      }
      case 'cancel':
        this.#cancel();
        return;
    }
  }

  /** What `synkti tasks cancel` does. */
  #cancel(): void {
    const key = pick(this.rng, this.s3.under('tasks/open/'));
    const object = key === undefined ? undefined : this.s3.objects.get(key);
    const spec = object === undefined ? null : parseTaskSpec(object.body);
    if (spec === null || !spec.ok) return;
    const at = this.s3.objects.get(leaseKey(spec.value));
    const known = at === undefined ? null : parseLease(at.body);
    const lease = known?.ok === true ? known.value : null;
    if (lease !== null && lease.state !== 'held' && lease.state !== 'free') return;
    const next: Lease = {
      ...{
        format: 1,
        id: spec.value.id,
        run: 1,
        fence: 1,
        checkpoint: null,
        progress: null,
        attempts: [],
        failures: 0,
        saveProblem: null,
      },
      ...{ tail: '', ...lease, state: 'cancelled', holder: null, nonce: `cli-${randomInt(this.rng, 1e9)}` },
    };
    this.s3.put('cli', leaseKey(spec.value), JSON.stringify(next));
  }

  #goWhenSettled(machine: Machine, tries: number): void {
    this.queue.after(500, () => {
      if (!machine.alive) return;
      if (tries > 0 && unsettledTasks(machine.worker) > 0) {
        this.#goWhenSettled(machine, tries - 1);
        return;
      }
      machine.deliver({ type: 'stop', graceMs: 2_000 });
      this.queue.after(2_500, () => this.#end(machine));
    });
  }

  #end(machine: Machine): void {
    if (!machine.alive) return;
    this.#say(`${machine.id} ends`);
    machine.end();
    this.#count(machine);
    this.queue.after(DETECT_MS, () => {
      this.machines.delete(machine.id);
      this.told(machine);
    });
    this.queue.after(8_000 + randomInt(this.rng, 8_000), () => this.launch());
  }

  #count(machine: Machine): void {
    for (const [key, n] of Object.entries(machine.worker.counters)) {
      this.#counters.set(key, (this.#counters.get(key) ?? 0) + n);
    }
  }

  #victims(): Machine[] {
    return [...this.machines.values()].filter((m) => m.alive && !m.leaving && !m.paused);
  }

  #say(what: string): void {
    if (this.#keepTrace) this.trace.push(`${(this.queue.nowMs / 1000).toFixed(3).padStart(8)} ${what}`);
  }
}

function brief(body: string | undefined): string {
  const lease = body === undefined ? null : parseLease(body);
  if (lease === null || !lease.ok) return '';
  const { state, fence, holder, checkpoint, failures } = lease.value;
  return `${state} ${fence} ${holder ?? '-'} checkpoint ${checkpoint?.fence ?? '-'}/${checkpoint?.seq ?? '-'} failures ${failures}`;
}
