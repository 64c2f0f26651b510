import { Balancer, type BalancerCounters } from '../balancer/balancer.js';
import type { CandidateSource, FinishedRequest } from '../balancer/source.js';
import { TrafficBook } from '../balancer/traffic.js';
import { AwsError } from '../wire/error.js';
import { queryService } from '../wire/query-service.js';
import type { Service } from '../wire/service.js';
import { balancerActions } from './actions-balancers.js';
import { groupActions } from './actions-groups.js';
import { ruleActions } from './actions-rules.js';
import type { TargetDirectory } from './directory.js';
import { GroupRuntime } from './group-runtime.js';
import { actionsOf, ElbModel, type Listener, type TargetGroup } from './model.js';
import { actionFor } from './routing.js';
import { DEFAULT_HEALTH_CHECK } from './settings.js';
import type { TargetHealthState } from './target.js';

export interface TargetHealthChange {
  readonly targetGroupArn: string;
  readonly targetGroupName: string;
  readonly targetId: string;
  readonly port: number;
  readonly state: TargetHealthState;
  readonly reason: string | null;
  /** Wall clock. */
  readonly atMs: number;
}

export interface Elbv2Options {
  readonly region: string;
  /** Default 000000000000. */
  readonly accountId?: string;
  readonly directory: TargetDirectory;
  /** A loopback address for a new load balancer. */
  readonly nextAddress: () => string;
  /**
   * Real seconds per second of AWS's settings: with 0.2, a health check interval of 5 s runs each second, and a
   * deregistration delay of 30 s ends after 6 s. Default 1.
   */
  readonly timeScale?: number;
  /** How long a deregistered target still gets new requests, in real ms. Default 10,000 (an ALB takes 10 to 25 s). */
  readonly deregistrationLagMs?: number;
  /** How long a connection to a target may take, in real ms. Default 10,000. */
  readonly connectTimeoutMs?: number;
  readonly onRequest?: (request: FinishedRequest, balancerName: string) => void;
  readonly onTargetHealth?: (change: TargetHealthChange) => void;
}

export interface BalancerView {
  readonly name: string;
  readonly arn: string;
  /** Where its listeners really listen: `http://127.64.0.2:8080` for a listener on port 80. */
  readonly listeners: readonly {
    readonly port: number;
    readonly url: string;
    /** Where it sends requests that no rule takes, or else where its first rule sends them; empty: nowhere. */
    readonly targetGroupArn: string;
    readonly counters: BalancerCounters;
  }[];
}

export interface TargetGroupView {
  readonly arn: string;
  readonly name: string;
  readonly targets: readonly {
    readonly id: string;
    readonly port: number;
    readonly state: TargetHealthState;
    readonly reason: string | null;
    readonly inFlight: number;
  }[];
}

/** As a target group of the construct has it. */
const ADOPTED_HEALTH_CHECK = { ...DEFAULT_HEALTH_CHECK, intervalSeconds: 5, timeoutSeconds: 2, healthyThreshold: 2 };

/** Elastic Load Balancing v2: the API over the model, its health checks, and the load balancers that carry traffic. */
export class Elbv2 {
  readonly service: Service;
  readonly model: ElbModel;
  readonly options: Elbv2Options;
  /** Requests by minute, for CloudWatch. */
  readonly traffic = new TrafficBook();
  readonly #groups = new Map<string, GroupRuntime>();
  readonly #sources = new Map<string, CandidateSource>();
  readonly #balancers = new Map<string, Balancer>();

  constructor(options: Elbv2Options) {
    this.options = options;
    if (!((options.timeScale ?? 1) > 0)) throw new RangeError('timeScale must be greater than 0');
    this.model = new ElbModel(options.region, options.accountId ?? '000000000000');
    this.service = queryService({
      name: 'elasticloadbalancing',
      protocol: 'query',
      namespace: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/',
      actions: new Map([...groupActions(this), ...balancerActions(this), ...ruleActions(this)]),
    });
  }

  /** Health checks and routes of a target group. */
  runtime(group: TargetGroup): GroupRuntime {
    let runtime = this.#groups.get(group.arn);
    if (runtime === undefined) {
      runtime = new GroupRuntime(group, this.model, this.options, (key) => this.#dropTarget(group, key));
      this.#groups.set(group.arn, runtime);
    }
    return runtime;
  }

  /** A target group of elsewhere, under its own ARN, with a quick health check. No-op of one that is there. */
  adoptGroup(arn: string, healthPath: string): void {
    if (this.model.groups.has(arn)) return;
    const name = arn.split('/').at(-2) ?? 'adopted';
    const healthCheck = { ...ADOPTED_HEALTH_CHECK, path: healthPath };
    this.model.addGroup(arn, { name, port: 80, targetType: 'instance', vpcId: '', healthCheck, tags: new Map() });
  }

  forgetGroup(arn: string): void {
    this.#groups.get(arn)?.close();
    this.#groups.delete(arn);
    this.#sources.delete(arn);
  }

  /** Opens a listener's port. @throws AwsError when it is taken. */
  async openListener(listener: Listener): Promise<void> {
    const balancer = this.model.balancer(listener.balancerArn);
    try {
      const opened = await Balancer.start({
        host: balancer.address,
        port: listener.actualPort,
        route: ({ method = 'GET', url = '/', headers }) => {
          const action = actionFor({ method, url, headers }, listener.rules, listener.action);
          if (action.kind === 'fixed') return action;
          const { groupArn } = action;
          return {
            kind: 'targets',
            source: this.#sourceOf(groupArn),
            traffic: this.traffic.of(balancer.arn, groupArn),
          };
        },
        isCut: (instanceId) => this.options.directory.isCut(instanceId),
        connectTimeoutMs: this.options.connectTimeoutMs ?? 10_000,
        idleTimeoutMs: () =>
          Number(balancer.attributes.get('idle_timeout.timeout_seconds')) * 1000 * (this.options.timeScale ?? 1),
        onRequest: (request) => this.options.onRequest?.(request, balancer.name),
      });
      this.#balancers.set(listener.arn, opened);
    } catch (error) {
      this.model.listeners.delete(listener.arn);
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      throw new AwsError(
        'InvalidConfigurationRequest',
        `The local cloud can't listen on ${balancer.address}:${listener.actualPort} (${code})`,
      );
    }
    const { action } = listener;
    // A group that another listener sends to already is in use all the same.
    if (action.kind === 'forward' && this.model.listenersOf(action.groupArn).length === 1) {
      this.runtime(this.model.group(action.groupArn)).usageChanged();
    }
  }

  /** Changes who sends to whom; groups that come into use or fall out of it are told. */
  reroute<T>(change: () => T): T {
    const before = new Map([...this.model.groups.keys()].map((arn) => [arn, this.model.isInUse(arn)]));
    const result = change();
    for (const [arn, group] of this.model.groups) {
      if (this.model.isInUse(arn) !== before.get(arn)) this.runtime(group).usageChanged();
    }
    return result;
  }

  /** The same object for the same group, which a load balancer takes turns by. */
  #sourceOf(groupArn: string): CandidateSource {
    const known = this.#sources.get(groupArn);
    if (known !== undefined) return known;
    const group = this.model.group(groupArn);
    const runtime = this.runtime(group);
    const source: CandidateSource = {
      candidates: () => runtime.candidates(),
      algorithm: () =>
        group.attributes.get('load_balancing.algorithm.type') === 'least_outstanding_requests'
          ? 'least_outstanding_requests'
          : 'round_robin',
    };
    this.#sources.set(groupArn, source);
    return source;
  }

  async closeListener(listener: Listener): Promise<void> {
    this.reroute(() => this.model.listeners.delete(listener.arn));
    const balancer = this.#balancers.get(listener.arn);
    this.#balancers.delete(listener.arn);
    await balancer?.close();
  }

  inFlight(group: TargetGroup, key: string): number {
    return this.#balancersOf(group).reduce((sum, one) => sum + one.inFlightTo(key), 0);
  }

  /** A node was cut off from the network: what was on its way from it doesn't arrive. */
  instanceCut(instanceId: string): void {
    for (const balancer of this.#balancers.values()) balancer.silence(instanceId);
  }

  /** EC2 ended an instance: its targets leave their groups without a deregistration delay. */
  instanceEnded(instanceId: string): void {
    for (const runtime of this.#groups.values()) runtime.instanceEnded(instanceId);
  }

  balancers(): BalancerView[] {
    return [...this.model.balancers.values()].map(({ name, arn }) => ({
      name,
      arn,
      listeners: [...this.model.listeners.values()].flatMap((listener) => {
        const running = this.#balancers.get(listener.arn);
        if (listener.balancerArn !== arn || running === undefined) return [];
        const forward = actionsOf(listener).find((action) => action.kind === 'forward');
        const targetGroupArn = forward?.groupArn ?? '';
        return [{ port: listener.port, url: running.url, targetGroupArn, counters: running.counters() }];
      }),
    }));
  }

  targetGroups(): TargetGroupView[] {
    return [...this.model.groups.values()].map((group) => ({
      arn: group.arn,
      name: group.name,
      targets: [...group.targets].map(([key, target]) => {
        const { state, reason } = this.model.describe(group, target);
        return { id: target.id, port: target.port, state, reason, inFlight: this.inFlight(group, key) };
      }),
    }));
  }

  async close(): Promise<void> {
    for (const arn of [...this.#groups.keys()]) this.forgetGroup(arn);
    const balancers = [...this.#balancers.values()];
    this.#balancers.clear();
    await Promise.all(balancers.map((one) => one.close()));
  }

  #balancersOf(group: TargetGroup): Balancer[] {
    return this.model.listenersOf(group.arn).flatMap((listener) => this.#balancers.get(listener.arn) ?? []);
  }

  #dropTarget(group: TargetGroup, key: string): void {
    for (const balancer of this.#balancersOf(group)) balancer.drop(key);
  }
}
