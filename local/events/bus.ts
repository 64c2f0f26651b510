import { AwsError } from '../wire/error.js';
import { compilePattern, type Matcher } from './pattern.js';

/** An event as EventBridge hands it to its targets. */
export interface BusEvent {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type': string;
  readonly source: string;
  readonly account: string;
  /** ISO 8601 without milliseconds. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface Rule {
  readonly name: string;
  readonly bus: string;
  readonly pattern: string;
  readonly enabled: boolean;
  readonly description: string | null;
  readonly roleArn: string | null;
  readonly matches: Matcher;
  readonly targets: Map<string, Target>;
}

export interface Target {
  readonly id: string;
  readonly arn: string;
  readonly roleArn: string | null;
  /** Constant JSON in the event's place. */
  readonly input: string | null;
  /** Kept and listed again; deliveries here aren't retried by it. */
  readonly retryPolicy: { readonly MaximumRetryAttempts?: number; readonly MaximumEventAgeInSeconds?: number } | null;
  readonly deadLetterArn: string | null;
}

export interface Delivery {
  readonly rule: string;
  readonly target: Target;
  readonly event: BusEvent;
  /** What the target is to get: the event, or the target's constant input. */
  readonly payload: string;
}

const MAX_RULES = 300;
const MAX_TARGETS = 5;
export const DEFAULT_BUS = 'default';

/** The rules of an account's default bus. Pure: `publish` says who gets an event; somebody else delivers it. */
export class EventBus {
  readonly #rules = new Map<string, Rule>();

  /** Keeps the targets of a rule that is there already. @throws AwsError */
  putRule(input: Omit<Rule, 'matches' | 'targets'>): Rule {
    requireDefault(input.bus);
    if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(input.name))
      throw new AwsError('ValidationException', `'${input.name}' is not a rule name`);
    const known = this.#rules.get(input.name);
    if (known === undefined && this.#rules.size >= MAX_RULES) {
      throw new AwsError('LimitExceededException', `A bus has at most ${MAX_RULES} rules`);
    }
    const rule: Rule = { ...input, matches: compilePattern(input.pattern), targets: known?.targets ?? new Map() };
    this.#rules.set(rule.name, rule);
    return rule;
  }

  /** @throws AwsError `ResourceNotFoundException` */
  rule(name: string, bus: string): Rule {
    requireDefault(bus);
    const rule = this.#rules.get(name);
    if (rule === undefined)
      throw new AwsError('ResourceNotFoundException', `Rule ${name} does not exist on EventBus ${bus}.`);
    return rule;
  }

  /** One that isn't there is fine. @throws AwsError when it still has targets. */
  deleteRule(name: string, bus: string): void {
    requireDefault(bus);
    if ((this.#rules.get(name)?.targets.size ?? 0) > 0) {
      throw new AwsError('ValidationException', "Rule can't be deleted since it has targets.");
    }
    this.#rules.delete(name);
  }

  rules(bus: string): Rule[] {
    requireDefault(bus);
    return [...this.#rules.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws AwsError */
  putTargets(rule: Rule, targets: readonly Target[]): void {
    const ids = new Set([...rule.targets.keys(), ...targets.map(({ id }) => id)]);
    if (ids.size > MAX_TARGETS)
      throw new AwsError('LimitExceededException', `A rule has at most ${MAX_TARGETS} targets`);
    for (const target of targets) rule.targets.set(target.id, target);
  }

  /** Who gets this event. */
  publish(event: BusEvent): Delivery[] {
    const deliveries: Delivery[] = [];
    for (const rule of this.rules(DEFAULT_BUS)) {
      if (!rule.enabled || !rule.matches(event)) continue;
      for (const target of rule.targets.values()) {
        deliveries.push({ rule: rule.name, target, event, payload: target.input ?? JSON.stringify(event) });
      }
    }
    return deliveries;
  }
}

function requireDefault(bus: string): void {
  const name = bus.startsWith('arn:') ? bus.split('/').at(-1) : bus;
  if (name !== DEFAULT_BUS) {
    throw new AwsError(
      'ResourceNotFoundException',
      `Event bus ${bus.slice(0, 256)} does not exist: the local cloud has the default bus only.`,
    );
  }
}
