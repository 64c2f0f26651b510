/**
 * Looks at a cluster again and again, with few calls: the spec, the nodes and the target groups each time, tasks every half
 * minute, traffic every minute, prices every few minutes, the list of incident reports when one may have come, and each
 * report once. A session that was refused is opened anew, so that new credentials are found.
 */
import { classify } from '../../../aws/errors.js';
import { findCluster } from '../../aws/clusters.js';
import type { ClusterFlags } from '../../aws/flags.js';
import { openSession, type Session } from '../../aws/session.js';
import { inParallel } from '../../parallel.js';
import { MAX_INCIDENTS, type TasksCard, type TrafficCard } from '../../ui/picture.js';
import { UserError } from '../../user-error.js';
import type { Answers, ReportHead } from '../answers.js';
import { newestOf, readText } from '../incident/read.js';
import { parseReport, type Report } from '../incident/record.js';
import { readAnswers } from '../read.js';
import { type ClusterView, viewOf } from '../view.js';
import { TaskCounts } from './task-counts.js';
import { TrafficLooks } from './traffic.js';

export interface Look {
  readonly view: ClusterView;
  /** Of the newest ends of a day, by instance. */
  readonly reports: ReadonlyMap<string, Report>;
  readonly tasks: TasksCard | null;
  readonly traffic: TrafficCard | null;
  /** AWS asked for fewer calls. */
  readonly throttled: boolean;
}

/** What can't be looked at, in a sentence. */
export class LookFailed extends Error {
  readonly throttled: boolean;
  constructor(cause: Error, throttled: boolean) {
    super(cause.message, { cause });
    this.throttled = throttled;
  }
}

const PRICES_MS = 300_000;
const REPORTS_MS = 60_000;
const DAY_MS = 86_400_000;

interface Kept<T> {
  readonly value: T;
  readonly atMs: number;
}

export class Looks {
  readonly #flags: ClusterFlags;
  #cluster: string | null = null;
  #session: Session | null = null;
  #prices: Kept<Answers['prices']> | null = null;
  #heads: Kept<Answers['reports']> | null = null;
  readonly #tasks = new TaskCounts();
  readonly #traffic = new TrafficLooks();
  readonly #reports = new Map<string, Report | null>();

  constructor(flags: ClusterFlags) {
    this.#flags = flags;
  }

  /** Null: none is open. */
  get session(): Session | null {
    return this.#session;
  }

  /**
   * @param awaited a report may be there that the last list doesn't have
   * @throws LookFailed; at the first look whatever was wrong, as other commands do
   */
  async look(awaited = false): Promise<Look> {
    const first = this.#cluster === null;
    try {
      this.#session ??= await openSession(this.#flags);
      return await this.#read(this.#session, awaited);
    } catch (error) {
      const told = withHint(this.#session === null ? asError(error) : this.#session.explain(error), this.#flags);
      this.close();
      if (first) throw told;
      throw new LookFailed(told, isThrottle(error));
    }
  }

  close(): void {
    this.#session?.close();
    this.#session = null;
  }

  async #read(session: Session, awaited: boolean): Promise<Look> {
    const flags = this.#cluster === null ? this.#flags : { ...this.#flags, cluster: this.#cluster };
    const { spec } = await findCluster(session, flags);
    this.#cluster = spec.cluster;
    const nowMs = Date.now();
    const fresh = <T>(kept: Kept<T> | null, ms: number): T | null =>
      kept !== null && nowMs - kept.atMs < ms ? kept.value : null;
    const prices = fresh(this.#prices, PRICES_MS);
    const heads = awaited ? null : fresh(this.#heads, REPORTS_MS);
    let throttled = false;
    const failed = (error: unknown): void => {
      throttled ||= isThrottle(error);
    };
    const [answers, tasks, traffic] = await Promise.all([
      readAnswers(session, spec, {
        ...(prices === null ? {} : { prices }),
        ...(heads === null ? {} : { reports: heads }),
        failed,
      }),
      this.#tasks.look(session, spec, nowMs, failed),
      this.#traffic.look(session, spec, nowMs),
    ]);
    if (prices === null && answers.prices.length > 0) this.#prices = { value: answers.prices, atMs: nowMs };
    if (heads === null) this.#heads = { value: answers.reports, atMs: nowMs };
    const newest = newestOf(answers.reports.filter(({ writtenMs }) => nowMs - writtenMs < DAY_MS));
    const reports = await this.#readReports(session, spec.bucket, newest.slice(0, MAX_INCIDENTS));
    const unseen = [...answers.unseen, ...[tasks.unseen, traffic.unseen].filter((one) => one !== null)];
    const view = viewOf(spec, session.region, { ...answers, unseen });
    return { view, reports, tasks: tasks.card, traffic: traffic.card, throttled };
  }

  /** Each body is read once; one that can't be read is left for the next look. */
  async #readReports(session: Session, bucket: string, heads: readonly ReportHead[]): Promise<Map<string, Report>> {
    const wanted = new Set(heads.map(({ key }) => key));
    for (const key of this.#reports.keys()) if (!wanted.has(key)) this.#reports.delete(key);
    await inParallel(
      heads.filter(({ key }) => !this.#reports.has(key)),
      async ({ key }) => {
        const text = await readText(session, bucket, key).catch(() => undefined);
        if (text !== undefined) this.#reports.set(key, text === null ? null : parseReport(text));
      },
    );
    return new Map(
      [...this.#reports.values()].flatMap((one) => (one === null ? [] : [[one.instanceId, one] as const])),
    );
  }
}

/** Keys of the environment stay what they were: nobody can give a running program others. */
function withHint(error: Error, { profile }: ClusterFlags): Error {
  const own = profile === undefined && (process.env.AWS_ACCESS_KEY_ID ?? '') !== '';
  if (!own || !(error instanceof UserError) || !/credentials .*have expired/.test(error.message)) return error;
  return new UserError(`${error.message} They come from the environment: start this again with new ones.`, {
    cause: error,
  });
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new UserError(String(error)));

const isThrottle = (error: unknown): boolean => classify(error).kind === 'throttle';
