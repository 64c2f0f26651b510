/**
 * The fallback in the fault schedules: agents and Lambdas on one model cloud, under virtual time. The Lambdas play
 * their real scripts; the events that start them are read off EC2's records, and are delayed, doubled and lost.
 */
import type { CloudCall } from '../../core/cloud.js';
import type { Means } from '../../core/fallback/carry-out.js';
import { type Errand, type Seen, sweep, tendAnnouncement, tendEnd } from '../../core/fallback/errands.js';
import { lookAround } from '../../core/fallback/look.js';
import type { AnyCall, AnyOutcome } from '../../core/fallback/port.js';
import type { Ask, Script } from '../../core/fallback/script.js';
import { chance, forkRng, randomBetween, seededRng } from '../../core/rng.js';
import { TAG } from '../../core/seats/tags.js';
import { specParameterName } from '../../core/spec/spec.js';
import { after, type Context, type Rng, wallMs } from '../../core/time.js';
import { nodeViewOf } from '../../local/ec2/model/core-view.js';
import { describe, describeStatus } from '../../local/ec2/model/describe.js';
import type { InstanceRecord } from '../../local/ec2/model/types.js';
import { contextAt } from '../dst/machine.js';
import type { World } from '../dst/world.js';

export interface RaceOptions {
  /** From an event to the Lambda that it starts, at least and at most, in ms: the queue's delay and what comes on top. */
  readonly delayMs: readonly [number, number];
  readonly lost: number;
  readonly doubled: number;
  readonly sweepEveryMs: number;
}

export const RACE: RaceOptions = { delayMs: [0, 20_000], lost: 0.1, doubled: 0.2, sweepEveryMs: 30_000 };

const BUDGET_MS = 60_000;
const NO_ANSWER: AnyOutcome = { ok: false, error: { kind: 'unknown', code: 'TimeoutError', message: 'No answer.' } };

/** The Lambdas of one world. Made before the world runs. */
export class Fallback {
  readonly verdicts = new Map<string, number>();
  acted = 0;
  launched = 0;
  readonly #world: World;
  readonly #options: RaceOptions;
  readonly #rng: Rng;
  readonly #warned = new Set<string>();
  readonly #states = new Map<string, string>();
  #wish = { text: '', changedMs: wallMs(0), version: 0 };

  constructor(world: World, options: RaceOptions = RACE) {
    this.#world = world;
    this.#options = options;
    this.#rng = forkRng(seededRng(world.seed), 'fallback');
    world.queue.at(1, () => this.#watch());
    world.queue.at(options.sweepEveryMs, () => this.#sweep());
  }

  get #ctx(): Context {
    return contextAt(this.#world.queue, this.#world.epochMs, 0, this.#rng);
  }

  /** Turns what happens to instances into events. */
  #watch(): void {
    for (const { record } of this.#world.cloud.ec2.instances.values()) {
      const id = record.instanceId;
      if (record.interruption !== null && record.interruption.announce !== 'none' && !this.#warned.has(id)) {
        this.#warned.add(id);
        this.#emit(() => this.#tend((seen, means, ctx) => tendAnnouncement('interruption', id, seen, means, ctx)));
      }
      const before = this.#states.get(id);
      this.#states.set(id, record.state);
      if (before === record.state || (record.state !== 'shutting-down' && record.state !== 'terminated')) continue;
      const { wallMs: atMs } = this.#ctx;
      this.#emit(() => this.#tend((seen, means, ctx) => tendEnd(id, atMs, seen, means, ctx)));
    }
    this.#world.queue.after(500, () => this.#watch());
  }

  #emit(start: () => void): void {
    const copies = chance(this.#rng, this.#options.lost) ? 0 : chance(this.#rng, this.#options.doubled) ? 2 : 1;
    const [least, most] = this.#options.delayMs;
    for (let i = 0; i < copies; i++) this.#world.queue.after(randomBetween(this.#rng, least, most), start);
  }

  #tend(errand: (seen: Seen, means: Means, ctx: Context) => Script<Errand>): void {
    this.#look((seen, means, ctx) => {
      this.#play(errand(seen, means, ctx), ({ verdict, done }) => {
        this.verdicts.set(verdict.why, (this.verdicts.get(verdict.why) ?? 0) + 1);
        if (verdict.needed) this.acted++;
        this.launched += done.filled.filter(({ instanceId }) => instanceId !== null).length;
      });
    });
  }

  #sweep(): void {
    this.#look((seen, means, ctx) => {
      this.#play(sweep(seen, means, ctx), ({ acts, done }) => {
        for (const act of acts) {
          const why = act.type === 'end' ? `end-${act.why}` : act.type === 'fill' ? `fill-${act.kind}` : act.type;
          this.verdicts.set(`sweep ${why}`, (this.verdicts.get(`sweep ${why}`) ?? 0) + 1);
        }
        this.launched += done.filled.filter(({ instanceId }) => instanceId !== null).length;
      });
    });
    this.#world.queue.after(this.#options.sweepEveryMs, () => this.#sweep());
  }

  #look(then: (seen: Seen, means: Means, ctx: Context) => void): void {
    const parameter = specParameterName('dst');
    const means: Means = { untilMs: after(this.#ctx.nowMs, BUDGET_MS), mendMs: 0, drainDocument: 'drain' };
    this.#play(lookAround({ name: 'dst', parameter }), (look) => {
      if (look.ok) then(look, means, this.#ctx);
    });
  }

  #play<T>(script: Script<T>, done: (result: T) => void): void {
    const go = (step: IteratorResult<Ask, T>): void => {
      if (step.done) {
        done(step.value);
        return;
      }
      const resume = (outcomes: readonly AnyOutcome[]): void => go(script.next({ outcomes, ctx: this.#ctx }));
      if (step.value.type === 'wait') this.#world.queue.at(step.value.untilMs, () => resume([]));
      else this.#carry(step.value.calls, resume);
    };
    go(script.next());
  }

  #carry(calls: readonly AnyCall[], done: (outcomes: readonly AnyOutcome[]) => void): void {
    const outcomes: AnyOutcome[] = calls.map(() => NO_ANSWER);
    let waiting = calls.length;
    calls.forEach((call, i) => {
      const { arrives, answers } = this.#world.cloud.fateOf(this.#ctx);
      this.#world.queue.after(randomBetween(this.#rng, 5, 60), () => {
        const outcome = arrives ? this.#carryOut(call) : NO_ANSWER;
        if (arrives && answers) outcomes[i] = outcome;
        const launchMs = call.op === 'launch' ? randomBetween(this.#rng, 500, 2_500) : randomBetween(this.#rng, 5, 100);
        this.#world.queue.after(arrives && answers ? launchMs : 5_000, () => {
          waiting--;
          if (waiting === 0) done(outcomes);
        });
      });
    });
    if (calls.length === 0) done([]);
  }

  #carryOut(call: AnyCall): AnyOutcome {
    const { cloud, machines } = this.#world;
    const query = { instanceIds: [], filters: [], maxResults: null, nextToken: null };
    switch (call.op) {
      case 'readWish':
        if (this.#wish.text !== cloud.spec) {
          this.#wish = { text: cloud.spec, changedMs: this.#ctx.wallMs, version: this.#wish.version + 1 };
        }
        return { ok: true, value: this.#wish };
      case 'findNodes': {
        const tags = [{ name: `tag:${TAG.cluster}`, values: [call.cluster] }];
        if (call.slot !== null) tags.push({ name: `tag:${TAG.slot}`, values: [String(call.slot)] });
        const { items } = describe(cloud.ec2, { ...query, filters: tags }, this.#ctx);
        return { ok: true, value: items.map((record: InstanceRecord) => nodeViewOf(record)) };
      }
      case 'findImpaired': {
        const { items } = describeStatus(cloud.ec2, { ...query, all: false }, this.#ctx);
        const failing = items.filter(
          ({ status, instanceId }) => status === 'impaired' && call.instanceIds.includes(instanceId),
        );
        return { ok: true, value: failing.map(({ instanceId }) => ({ instanceId, sinceMs: null })) };
      }
      case 'findTargets':
        return {
          ok: true,
          value: [...cloud.registered].map((instanceId) => ({
            instanceId,
            port: 8080,
            healthy: machines.get(instanceId)?.working ?? false,
          })),
        };
      case 'findOrphans':
        return { ok: true, value: [] };
      case 'readReport':
        return { ok: true, value: null };
      case 'findSpotPrices':
        return { ok: true, value: [] };
      case 'findReport':
        return { ok: true, value: true };
      case 'sendDrain':
        machines.get(call.instanceId)?.deliver({ type: 'stop', reason: 'signal' });
        return { ok: true, value: null };
      case 'findVersions':
        return { ok: true, value: [] };
      case 'writeWish':
      case 'deleteOrphan':
      case 'deleteVersions':
        return { ok: true, value: null };
      default:
        // The others are a brain's calls, too.
        return cloud.carryOut(call as CloudCall, this.#ctx);
    }
  }
}
