import { hash32 } from '../../core/rng.js';
import { AwsError } from '../wire/error.js';
import type { ListenerAction, ListenerRule } from './routing.js';
import { BALANCER_ATTRIBUTES, GROUP_ATTRIBUTES, type HealthCheckSettings, initialAttributes } from './settings.js';
import { type DescribedHealth, describeHealth, type TargetHealth } from './target.js';

/** A registered target: an instance (or address) and a port. */
export interface Target {
  /** `i-...` or an IPv4 address, as registered. */
  readonly id: string;
  readonly port: number;
  health: TargetHealth;
}

export interface TargetGroup {
  readonly arn: string;
  readonly name: string;
  readonly port: number;
  readonly targetType: 'instance' | 'ip';
  readonly vpcId: string;
  readonly attributes: Map<string, string>;
  readonly tags: Map<string, string>;
  readonly targets: Map<string, Target>;
  /** Targets whose instance ended lately, still shown to those who ask by id. */
  readonly ended: Set<string>;
  healthCheck: HealthCheckSettings;
  /** Grows when a target came, went or changed its phase. */
  version: number;
}

export interface LoadBalancer {
  readonly arn: string;
  readonly name: string;
  /** Its loopback address, which is its DNS name too. */
  readonly address: string;
  readonly scheme: 'internet-facing' | 'internal';
  readonly subnets: readonly { readonly subnetId: string; readonly zone: string }[];
  readonly securityGroups: readonly string[];
  readonly vpcId: string;
  readonly createdAtMs: number;
  readonly attributes: Map<string, string>;
  readonly tags: Map<string, string>;
}

export interface Listener {
  readonly arn: string;
  readonly balancerArn: string;
  /** As asked for. */
  readonly port: number;
  /** Where it listens really: ports below 1024 need privileges. */
  readonly actualPort: number;
  /** What becomes of a request that no rule fits. */
  readonly action: ListenerAction;
  /** By priority. */
  rules: readonly ListenerRule[];
  readonly tags: Map<string, string>;
}

/** A target group has at most so many targets (an AWS quota). */
export const MAX_TARGETS = 1000;
const MAX_THINGS = 500;
const MAX_RULES = 100;
const MAX_ENDED = 1000;

export const targetKey = (id: string, port: number): string => `${id}:${port}`;

/** Load balancers, listeners and target groups by ARN, with AWS's rules about what may exist. No I/O. */
export class ElbModel {
  readonly groups = new Map<string, TargetGroup>();
  readonly balancers = new Map<string, LoadBalancer>();
  readonly listeners = new Map<string, Listener>();
  readonly #prefix: string;
  #serial = 0;

  constructor(region: string, accountId: string) {
    this.#prefix = `arn:aws:elasticloadbalancing:${region}:${accountId}`;
  }

  group(arn: string): TargetGroup {
    const group = this.groups.get(arn);
    if (group === undefined)
      throw new AwsError('TargetGroupNotFound', `Target groups '${arn.slice(0, 200)}' not found`);
    return group;
  }

  balancer(arn: string): LoadBalancer {
    const balancer = this.balancers.get(arn);
    if (balancer === undefined) {
      throw new AwsError('LoadBalancerNotFound', `Load balancers '${arn.slice(0, 200)}' not found`);
    }
    return balancer;
  }

  listener(arn: string): Listener {
    const listener = this.listeners.get(arn);
    if (listener === undefined) {
      throw new AwsError('ListenerNotFound', `Listeners '${arn.slice(0, 200)}' not found`);
    }
    return listener;
  }

  isInUse(groupArn: string): boolean {
    return this.listenersOf(groupArn).length > 0;
  }

  listenersOf(groupArn: string): Listener[] {
    return [...this.listeners.values()].filter((listener) =>
      actionsOf(listener).some((action) => action.kind === 'forward' && action.groupArn === groupArn),
    );
  }

  /** The same name with the same settings is the same group. */
  createGroup(wish: Pick<TargetGroup, 'name' | 'port' | 'targetType' | 'vpcId' | 'healthCheck' | 'tags'>): TargetGroup {
    checkName(wish.name, 'Target group');
    const existing = [...this.groups.values()].find((one) => one.name === wish.name);
    if (existing !== undefined) {
      const same =
        existing.port === wish.port &&
        existing.targetType === wish.targetType &&
        existing.vpcId === wish.vpcId &&
        JSON.stringify(existing.healthCheck) === JSON.stringify(wish.healthCheck);
      if (same) return existing;
      throw new AwsError(
        'DuplicateTargetGroupName',
        `A target group with the same name '${wish.name}' exists, but with different settings`,
      );
    }
    this.#checkRoom(this.groups.size, 'TooManyTargetGroups');
    return this.addGroup(`${this.#prefix}:targetgroup/${wish.name}/${this.#hex(wish.name)}`, wish);
  }

  /** One of elsewhere keeps its ARN, of whatever account. */
  addGroup(
    arn: string,
    wish: Pick<TargetGroup, 'name' | 'port' | 'targetType' | 'vpcId' | 'healthCheck' | 'tags'>,
  ): TargetGroup {
    const group: TargetGroup = {
      ...wish,
      arn,
      attributes: initialAttributes(GROUP_ATTRIBUTES),
      targets: new Map(),
      ended: new Set(),
      version: 0,
    };
    this.groups.set(group.arn, group);
    return group;
  }

  deleteGroup(arn: string): void {
    if (this.isInUse(arn)) {
      throw new AwsError('ResourceInUse', `Target group '${arn.slice(0, 200)}' is currently in use by a listener`);
    }
    this.groups.delete(arn);
  }

  /** `address` is asked for only when the balancer is new. */
  createBalancer(
    wish: Pick<LoadBalancer, 'name' | 'scheme' | 'subnets' | 'securityGroups' | 'vpcId' | 'createdAtMs' | 'tags'>,
    address: () => string,
  ): LoadBalancer {
    checkName(wish.name, 'Load balancer');
    const existing = [...this.balancers.values()].find((one) => one.name === wish.name);
    if (existing !== undefined) {
      const same =
        existing.scheme === wish.scheme &&
        JSON.stringify([existing.subnets, existing.securityGroups]) ===
          JSON.stringify([wish.subnets, wish.securityGroups]);
      if (same) return existing;
      throw new AwsError(
        'DuplicateLoadBalancerName',
        `A load balancer with the same name '${wish.name}' exists, but with different settings`,
      );
    }
    this.#checkRoom(this.balancers.size, 'TooManyLoadBalancers');
    const balancer: LoadBalancer = {
      ...wish,
      address: address(),
      arn: `${this.#prefix}:loadbalancer/app/${wish.name}/${this.#hex(wish.name)}`,
      attributes: initialAttributes(BALANCER_ATTRIBUTES),
    };
    this.balancers.set(balancer.arn, balancer);
    return balancer;
  }

  createListener(wish: Pick<Listener, 'balancerArn' | 'port' | 'action' | 'tags'>): Listener {
    const balancer = this.balancer(wish.balancerArn);
    for (const one of this.listeners.values()) {
      if (one.balancerArn === balancer.arn && one.port === wish.port) {
        throw new AwsError('DuplicateListener', 'A listener already exists on this port for this load balancer');
      }
    }
    this.#checkAction(wish.action, balancer.arn);
    this.#checkRoom(this.listeners.size, 'TooManyListeners');
    const parent = balancer.arn.replace(':loadbalancer/', ':listener/');
    const listener: Listener = {
      ...wish,
      rules: [],
      actualPort: wish.port < 1024 ? wish.port + 8000 : wish.port,
      arn: `${parent}/${this.#hex(`${wish.port}`)}`,
    };
    this.listeners.set(listener.arn, listener);
    return listener;
  }

  /** @throws AwsError `RuleNotFound` */
  rule(arn: string): { readonly listener: Listener; readonly rule: ListenerRule } {
    for (const listener of this.listeners.values()) {
      const rule = listener.rules.find((one) => one.arn === arn);
      if (rule !== undefined) return { listener, rule };
    }
    throw new AwsError('RuleNotFound', `One or more rules not found: '${arn.slice(0, 200)}'`);
  }

  createRule(listener: Listener, wish: Omit<ListenerRule, 'arn'>): ListenerRule {
    if (listener.rules.some(({ priority }) => priority === wish.priority)) {
      throw new AwsError('PriorityInUse', `Priority '${wish.priority}' is currently in use`);
    }
    if (listener.rules.length >= MAX_RULES) throw new AwsError('TooManyRules', `At most ${MAX_RULES} rules`);
    const parent = listener.arn.replace(':listener/', ':listener-rule/');
    return this.changeRule(listener, { ...wish, arn: `${parent}/${this.#hex(`${wish.priority}`)}` });
  }

  /** Puts it in the place of the one with its ARN, if there is one. */
  changeRule(listener: Listener, rule: ListenerRule): ListenerRule {
    this.#checkAction(rule.action, listener.balancerArn);
    const others = listener.rules.filter(({ arn }) => arn !== rule.arn);
    listener.rules = [...others, rule].sort((a, b) => a.priority - b.priority);
    return rule;
  }

  deleteRule(listener: Listener, rule: ListenerRule): void {
    listener.rules = listener.rules.filter(({ arn }) => arn !== rule.arn);
  }

  #checkAction(action: ListenerAction, balancerArn: string): void {
    if (action.kind !== 'forward') return;
    this.group(action.groupArn);
    if (this.listenersOf(action.groupArn).some((one) => one.balancerArn !== balancerArn)) {
      throw new AwsError('TargetGroupAssociationLimit', 'A target group can serve one load balancer');
    }
  }

  /** Remembers that a target's instance has ended, and takes the target out. */
  endTarget(group: TargetGroup, key: string): void {
    if (!group.targets.delete(key)) return;
    group.ended.add(key);
    group.version++;
    for (const oldest of group.ended) {
      if (group.ended.size <= MAX_ENDED) break;
      group.ended.delete(oldest);
    }
  }

  describe(group: TargetGroup, target: Target): DescribedHealth {
    return describeHealth(target.health, this.isInUse(group.arn));
  }

  #checkRoom(size: number, code: string): void {
    if (size >= MAX_THINGS) throw new AwsError(code, `At most ${MAX_THINGS}`);
  }

  #hex(name: string): string {
    const serial = this.#serial++;
    return [hash32(`${name}/${serial}`), hash32(`${serial}/${name}`)]
      .map((part) => part.toString(16).padStart(8, '0'))
      .join('');
  }
}

/** Its default action first, then those of its rules. */
export const actionsOf = ({ action, rules }: Listener): ListenerAction[] => [
  action,
  ...rules.map((rule) => rule.action),
];

function checkName(name: string, what: string): void {
  if (!/^[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(name)) {
    throw new AwsError(
      'ValidationError',
      `${what} name '${name.slice(0, 60)}' must have 1 to 32 letters, digits and hyphens, none at its ends`,
    );
  }
}
