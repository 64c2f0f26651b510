import type { NodeEffect } from '../../core/node/port.js';
import { forkRng, pick, randomBetween, randomInt, seededRng, shuffled } from '../../core/rng.js';
import { launchRequest } from '../../core/seats/launch.js';
import { DEFAULT_POLICY, parseSpec } from '../../core/spec/parse.js';
import { wantedRevision } from '../../core/spec/revision.js';
import type { Spec } from '../../core/spec/spec.js';
import type { Context, Rng } from '../../core/time.js';
import { advance, fail, interrupt, recommendRebalance } from '../../local/ec2/model/life.js';
import { setCapacity } from '../../local/ec2/model/pools.js';
import { Checkers } from './checkers.js';
import { BUCKET, groupOf, ModelCloud, seatOf, TARGET_GROUP } from './cloud.js';
import { contextAt, Machine, type Surroundings } from './machine.js';
import { Network } from './network.js';
import { copiesOf, type Plan, type PlannedCopies, type PlannedEvent, planOf } from './plan.js';
import { EventQueue } from './queue.js';

/** Virtual time that a storm's damage may take to heal. */
const HEAL_MS = 150_000;
/** One node's turn in a rolling update, at most, and how many turns a storm may have left over. */
const ROLL_MS = 30_000;
const MOST_ROLLS = 40;
/** When other numbers of copies are wanted. */
const COPIES_CHANGE_MS = 70_000;
const EPOCH_MS = Date.UTC(2026, 0, 1);

export interface Report {
  readonly seed: number;
  readonly plan: Plan;
  readonly steps: number;
  readonly calls: Readonly<Record<string, number>>;
  readonly launched: number;
}

export interface WorldOptions {
  readonly trace?: boolean;
  readonly plan?: Plan;
  /** With workloads that have copies. */
  readonly copies?: boolean;
  /** Changes what brains do, to show that the checkers see it. */
  readonly tamper?: (machine: Machine, effect: NodeEffect) => readonly NodeEffect[];
}

interface InstanceLife {
  readonly id: string;
  endedMs: number | null;
}

/** One fault schedule: a cluster, its weather and its end. */
export class World implements Surroundings {
  readonly seed: number;
  readonly rng: Rng;
  readonly plan: Plan;
  /** As the spec has them now. */
  copies: readonly PlannedCopies[];
  readonly queue = new EventQueue();
  readonly network: Network;
  readonly cloud: ModelCloud;
  readonly epochMs = EPOCH_MS;
  readonly machines = new Map<string, Machine>();
  readonly connections = { next: 1, replies: new Map() };
  /** Instances that died in a way that EC2 never ends: only a sweep could. */
  readonly hung = new Set<string>();
  smallestDesired: number;
  readonly trace: string[] = [];
  readonly #byHost = new Map<string, Machine>();
  readonly #skews = new Map<string, number>();
  readonly #slots = new Map<number, InstanceLife[]>();
  readonly #checkers: Checkers;
  readonly #keepTrace: boolean;
  readonly #tamper: NonNullable<WorldOptions['tamper']>;
  #spec: Spec;
  #steps = 0;

  constructor(seed: number, options: WorldOptions = {}) {
    this.seed = seed;
    this.#tamper = options.tamper ?? ((_, effect) => [effect]);
    this.#keepTrace = options.trace ?? false;
    const rng = seededRng(seed);
    this.plan = options.plan ?? planOf(forkRng(rng, 'plan'));
    this.copies = options.copies === true ? copiesOf(forkRng(rng, 'copies'), this.plan.nodes) : [];
    this.rng = forkRng(rng, 'run');
    this.network = new Network(forkRng(rng, 'network'));
    this.cloud = new ModelCloud(this.plan, this.#context(0));
    this.smallestDesired = this.plan.nodes;
    this.#spec = this.#firstSpec();
    this.cloud.spec = JSON.stringify(this.#spec);
    this.#checkers = new Checkers(this);
  }

  run(): Report {
    this.#seed();
    this.queue.at(0, () => this.#advance());
    this.queue.at(20_000, () => this.#storm());
    for (const event of this.plan.events) this.queue.at(event.atMs, () => this.#happen(event));
    if (this.copies.length > 0) this.queue.at(COPIES_CHANGE_MS, () => this.#changeCopies());
    this.queue.at(this.plan.stormMs, () => this.#clear());
    this.#runUntil(this.plan.stormMs + HEAL_MS);
    // A roll that began late replaces one node after another.
    for (let i = 0; i < MOST_ROLLS && this.#rolling(); i++) this.#runUntil(this.queue.nowMs + ROLL_MS);
    if (this.copies.length > 0) {
      // The last of them move.
      this.#runUntil(this.queue.nowMs + ROLL_MS);
      this.#checkers.copiesAtEnd(this.copies, this.#spec.desired);
    }
    this.#checkers.atEnd(this.#spec.desired, wantedRevision(this.#spec));
    const { seed, plan } = this;
    return { seed, plan, steps: this.#steps, calls: Object.fromEntries(this.cloud.calls), launched: this.#launched() };
  }

  #runUntil(untilMs: number): void {
    this.queue.runUntil(untilMs, () => {
      this.#steps++;
      this.#checkers.afterStep();
    });
  }

  #rolling(): boolean {
    const wanted = wantedRevision(this.#spec);
    return [...this.machines.values()].some((m) => m.working && m.brain.revision !== wanted);
  }

  machineAt(host: string): Machine | undefined {
    const machine = this.#byHost.get(host);
    return machine?.running ? machine : undefined;
  }

  context(machine: Machine): Context {
    return this.#context(this.#skews.get(machine.host) ?? 0);
  }

  onEffect(machine: Machine, asked: NodeEffect): readonly NodeEffect[] {
    const effects = this.#tamper(machine, asked);
    for (const effect of effects) this.#check(machine, effect);
    return effects;
  }

  #check(machine: Machine, effect: NodeEffect): void {
    if (this.#keepTrace && (effect.type === 'log' || effect.type === 'call')) {
      const what = effect.type === 'log' ? `${effect.code} ${JSON.stringify(effect.fields)}` : `call ${effect.call.op}`;
      this.#say(`${machine.id.slice(-4)} (${machine.seat.slot}.${machine.seat.generation}) ${what}`);
    }
    this.#checkers.onEffect(machine, effect);
  }

  /** Nodes can't be expected to have settled things: they don't hear each other. */
  disturbed(): boolean {
    return this.network.partitioned;
  }

  instancesOf(slot: number): readonly InstanceLife[] {
    return this.#slots.get(slot) ?? [];
  }

  #launched(): number {
    return [...this.#slots.values()].reduce((sum, lives) => sum + lives.length, 0);
  }

  #context(skewMs: number): Context {
    return contextAt(this.queue, this.epochMs, skewMs, this.rng ?? seededRng(this.seed));
  }

  #firstSpec(): Spec {
    const { plan, cloud } = this;
    const parsed = parseSpec(
      JSON.stringify({
        format: 1,
        version: 1,
        cluster: 'dst',
        epoch: 'e1',
        desired: plan.nodes,
        launch: {
          templateId: cloud.templateId,
          templateVersion: 1,
          pools: cloud.pools(),
          onDemandAfter: plan.onDemandAfter,
        },
        workloads: [
          {
            name: 'web',
            kind: 'process',
            command: ['web'],
            port: 8080,
            health: { path: '/health' },
            inFlightPath: '/in-flight',
            targetGroupArns: [TARGET_GROUP],
          },
          ...this.copies.map((copy, i) => ({
            ...copy,
            kind: 'process',
            command: [copy.name],
            port: 8081 + i,
            targetGroupArns: [groupOf(copy.name)],
          })),
        ],
        policy: {
          ...DEFAULT_POLICY,
          rebalance: plan.rebalance,
          atRiskMs: 60_000,
          keepServingMs: 5_000,
          drainMs: 20_000,
          silentPatienceMs: 60_000,
          bootPatienceMs: 45_000,
        },
        gossip: { preset: 'local', port: 7946, secretId: 'synkti/dst' },
        bucket: BUCKET,
      }),
    );
    if (!parsed.ok) throw new Error(parsed.problem);
    return parsed.value;
  }

  /** What the deploy-time seeder does: every seat's first launch, with the token that anybody would use. */
  #seed(): void {
    for (let slot = 0; slot < this.plan.nodes; slot++) {
      const request = launchRequest(this.#spec, { slot, generation: 1, rung: 0 });
      this.cloud.carryOut({ op: 'launch', request }, this.#context(0));
    }
  }

  /** EC2's own time: ten times a second. */
  #advance(): void {
    for (const transition of advance(this.cloud.ec2, this.#context(0))) {
      const record = this.cloud.ec2.instances.get(transition.instanceId)?.record;
      const seat = record === undefined ? null : seatOf(record);
      if (record === undefined || seat === null) continue;
      this.#say(`ec2 ${transition.instanceId.slice(-4)} ${transition.type} ${'to' in transition ? transition.to : ''}`);
      if (transition.type === 'state' && transition.to === 'pending') this.#born(record.instanceId, seat.slot);
      if (transition.type === 'state' && transition.to === 'running') {
        this.#skews.set(record.privateIp, Math.round(randomBetween(this.rng, -50, 50)));
        const machine = new Machine(this, record, seat);
        this.machines.set(machine.id, machine);
        this.#byHost.set(machine.host, machine);
      }
      const over = transition.type === 'reclaimed' || transition.type === 'failed';
      if (over || (transition.type === 'state' && transition.to === 'shutting-down')) this.#died(record.instanceId);
    }
    this.queue.after(100, () => this.#advance());
  }

  #born(id: string, slot: number): void {
    this.#slots.set(slot, [...this.instancesOf(slot), { id, endedMs: null }]);
  }

  #died(id: string): void {
    this.machines.get(id)?.end();
    for (const lives of this.#slots.values()) {
      for (const life of lives) if (life.id === id) life.endedMs ??= this.queue.nowMs;
    }
  }

  #storm(): void {
    const { loss, duplicate, slow, throttle, lostReply, lostCall } = this.plan;
    Object.assign(this.network.faults, { loss, duplicate, slow });
    Object.assign(this.cloud.faults, { throttle, lostReply, lostCall });
  }

  #clear(): void {
    this.#say('the weather clears');
    Object.assign(this.network.faults, { loss: 0, duplicate: 0, slow: 0 });
    Object.assign(this.cloud.faults, { throttle: 0, lostReply: 0, lostCall: 0 });
    this.network.partition(null);
    this.#unpause();
    setCapacity(this.cloud.ec2, {}, null);
  }

  #happen(event: PlannedEvent): void {
    const ctx = this.#context(0);
    this.#say(`plan ${JSON.stringify(event)}`);
    switch (event.type) {
      case 'interrupt': {
        const announce = event.announced ? 'both' : 'none';
        const spot = this.#victims().filter((m) => this.cloud.ec2.instances.get(m.id)?.record.lifecycle === 'spot');
        for (const m of shuffled(this.rng, spot).slice(0, Math.min(event.count, this.#expendable()))) {
          interrupt(this.cloud.ec2, m.id, { action: 'terminate', noticeMs: event.noticeMs, announce }, ctx);
        }
        return;
      }
      case 'fail': {
        const victim = pick(this.rng, this.#victims());
        if (victim === undefined || this.#expendable() === 0) return;
        if (event.seenAfterMs === null) this.hung.add(victim.id);
        fail(this.cloud.ec2, victim.id, event.seenAfterMs, ctx);
        return;
      }
      case 'pause':
        pick(this.rng, this.#victims())?.pause(event.forMs);
        return;
      case 'restart':
        pick(this.rng, this.#victims())?.restart();
        return;
      case 'rebalance': {
        const victim = pick(this.rng, this.#victims());
        if (victim !== undefined) recommendRebalance(this.cloud.ec2, victim.id, ctx);
        return;
      }
      case 'partition': {
        const hosts = [...this.#byHost.keys()];
        this.network.partition(new Map(hosts.map((host) => [host, this.rng.next() < event.share ? 1 : 0])));
        this.queue.after(event.forMs, () => this.network.partition(null));
        return;
      }
      case 'no-capacity': {
        const market = event.market === 'spot' ? { market: 'spot' as const } : {};
        setCapacity(this.cloud.ec2, market, 0, event.code);
        this.queue.after(event.forMs, () => setCapacity(this.cloud.ec2, {}, null));
        return;
      }
      case 'press': {
        const one = pick(this.rng, this.#victims());
        if (one === undefined) return;
        const work = { freeMemoryMiB: 1_024, freeGpuMemoryMiB: 0, warm: [], work: this.#steps };
        one.deliver({ type: 'publish', ...work, pressure: true });
        this.queue.after(event.forMs, () => one.deliver({ type: 'publish', ...work, pressure: false }));
        return;
      }
      case 'hold':
        this.#publish({ policy: { ...this.#spec.policy, paused: true } });
        this.queue.after(event.forMs, () => this.#unpause());
        return;
      case 'scale':
        this.smallestDesired = Math.min(this.smallestDesired, event.desired);
        this.#publish({ desired: event.desired });
        return;
      case 'template': {
        const templateVersion = this.cloud.newTemplateVersion(ctx);
        this.#publish({ launch: { ...this.#spec.launch, templateVersion } });
        return;
      }
    }
  }

  #changeCopies(): void {
    this.copies = this.copies.map((copy) => ({ ...copy, copies: 1 + randomInt(this.rng, this.plan.nodes) }));
    const workloads = this.#spec.workloads.map((workload) => {
      const copy = this.copies.find(({ name }) => name === workload.name);
      return copy === undefined || workload.kind === 'tasks' ? workload : { ...workload, copies: copy.copies };
    });
    this.#publish({ workloads });
  }

  #unpause(): void {
    if (this.#spec.policy.paused) this.#publish({ policy: { ...this.#spec.policy, paused: false } });
  }

  #publish(change: Partial<Spec>): void {
    this.#spec = { ...this.#spec, ...change, version: this.#spec.version + 1 };
    this.cloud.spec = JSON.stringify(this.#spec);
  }

  #victims(): Machine[] {
    return [...this.machines.values()].filter((m) => m.running && m.brain.phase !== 'gone' && !this.hung.has(m.id));
  }

  /** How many may be taken so that one wanted node lives to act. A total loss is beyond agents: the Lambdas heal it. */
  #expendable(): number {
    const safe = this.#victims().filter(
      (m) =>
        m.working &&
        m.seat.slot < this.#spec.desired &&
        this.cloud.ec2.instances.get(m.id)?.record.interruption === null &&
        m.brain.leaving === null,
    );
    return Math.max(0, safe.length - 1);
  }

  #say(what: string): void {
    if (this.#keepTrace) this.trace.push(`${(this.queue.nowMs / 1000).toFixed(3).padStart(8)} ${what}`);
  }
}
