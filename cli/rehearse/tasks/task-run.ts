import type { ClientConfig } from '../../../aws/client.js';
import type { Spec } from '../../../core/spec/spec.js';
import type { CloudEvent, LocalCloud } from '../../../local/cloud-types.js';
import { tasksOf } from '../../tasks/room.js';
import { messageOf } from '../../user-error.js';
import type { NodeRow } from '../cluster-view.js';
import type { PoolSettings } from '../pools.js';
import type { TimelineEvent } from '../timeline.js';
import { costOf } from './cost.js';
import type { SubmittedTask, TaskFacts } from './facts.js';
import { Pauses } from './pause.js';
import { estimateMs } from './plan.js';
import { progressText, Register, type TaskCounts } from './register.js';
import type { TaskSettings } from './settings.js';
import { submitTasks } from './submit.js';
import { readWitnesses, witnessFolder } from './witnesses.js';

export interface TaskRunOptions {
  readonly settings: TaskSettings;
  readonly cloud: LocalCloud;
  readonly config: ClientConfig;
  /** One line for people. */
  readonly tell: (text: string) => void;
}

/** What tasks may take beyond thrice their time: boots, interruptions, leases that run out. */
const LIMIT_MS = 120_000;
/** Between two lines on how tasks stand. */
const PROGRESS_MS = 5_000;

/** The tasks of a rehearsal, from their submission to what the verdict is told of them. */
export class TaskRun {
  readonly #options: TaskRunOptions;
  readonly #register: Register;
  readonly #pauses: Pauses;
  readonly #witness: string;
  readonly #spec: Spec;
  #tasks: readonly SubmittedTask[] = [];
  #submittedMs = 0;
  #allEndedMs: number | null = null;
  #toldMs = 0;
  #told = '';

  constructor(options: TaskRunOptions, spec: Spec) {
    this.#options = options;
    this.#spec = spec;
    this.#register = new Register(spec.bucket);
    this.#pauses = new Pauses(options.cloud);
    this.#witness = witnessFolder(options.cloud.runDir);
  }

  take(event: CloudEvent): void {
    this.#register.take(event);
    if (this.#allEndedMs === null && this.#tasks.length > 0 && event.type === 'object' && this.#ended()) {
      this.#allEndedMs = event.atMs;
    }
  }

  /** By the functions of `synkti submit`. Rejects with the SDK's error. */
  async submit(signal: AbortSignal): Promise<void> {
    const { settings, config, tell } = this.#options;
    const { specs, facts } = settings.make(this.#witness);
    this.#submittedMs = Date.now();
    this.#tasks = facts;
    await submitTasks(config, this.#spec.bucket, specs, signal);
    const seconds = Math.round(this.#estimateMs / 1_000);
    tell(`${facts.length} tasks submitted; undisturbed they should take some ${seconds} s`);
  }

  pause({ node }: NodeRow, lastsMs: number): void {
    const { tell } = this.#options;
    const slot = node.seat === null ? node.instanceId : `slot ${node.seat.slot} (${node.instanceId})`;
    this.#pauses
      .pause(node.instanceId, lastsMs, () => tell(`${slot} goes on, ${lastsMs / 1_000} s later`))
      .catch((error) => tell(`${slot} can't be made to stand still: ${messageOf(error)}`));
  }

  get counts(): TaskCounts {
    return this.#register.counts();
  }

  /** Every task has ended. */
  get over(): boolean {
    return this.#allEndedMs !== null;
  }

  /** Nothing of them is left to be done, nor anything that stands still. */
  get settled(): boolean {
    return this.over && this.#register.archived && !this.#pauses.busy;
  }

  /** How long is waited for the tasks at most, from their submission on. */
  get limitMs(): number {
    return this.#options.settings.limitMs ?? 3 * this.#estimateMs + LIMIT_MS;
  }

  get #estimateMs(): number {
    const { count, perNode, lengthMs } = this.#options.settings;
    return estimateMs(count, perNode * this.#spec.desired, lengthMs);
  }

  /** The time is up. */
  get late(): boolean {
    return Date.now() - this.#submittedMs > this.limitMs;
  }

  /** Tells how the tasks stand, every few seconds and only if that has changed. */
  progress(): void {
    const nowMs = Date.now();
    if (nowMs - this.#toldMs < PROGRESS_MS) return;
    const text = progressText(this.counts);
    if (text === this.#told) return;
    this.#toldMs = nowMs;
    this.#told = text;
    this.#options.tell(text);
  }

  facts(events: readonly TimelineEvent[], pools: readonly PoolSettings[]): TaskFacts {
    const ids = new Map(this.#tasks.map(({ key }) => [key.slice(0, key.lastIndexOf('.')), key]));
    const toMs = this.#allEndedMs ?? Date.now();
    return {
      tasks: this.#tasks,
      writes: this.#register.writes,
      records: this.#register.records(),
      openLeft: this.#register.openLeft,
      leasesLeft: this.#register.leasesLeft,
      executions: readWitnesses(this.#witness, (id) => ids.get(id) ?? id),
      pauses: this.#pauses.pauses,
      refusals: this.#register.refusals,
      submittedMs: this.#submittedMs,
      allEndedMs: this.#allEndedMs,
      limitMs: this.limitMs,
      leaseMs: tasksOf(this.#spec).leaseMs,
      cost: costOf(events, pools, this.#submittedMs, toMs, this.#spec.desired),
    };
  }

  /** What stands in the bucket and can't be read. */
  get problems(): readonly string[] {
    return this.#register.problems;
  }

  stop(): void {
    this.#pauses.stop();
  }

  #ended(): boolean {
    const { done, ended } = this.counts;
    return done + ended >= this.#tasks.length;
  }
}
