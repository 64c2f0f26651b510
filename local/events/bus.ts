import { AwsError } from '../wire/error.js';
import { payloadOf } from './input.js';
import { compilePattern, type Matcher } from './pattern.js';
import { parseSchedule } from './schedule.js';

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
  /** Null: a schedule alone. */
  readonly pattern: string | null;
  /** `rate(5 minutes)`, `cron(...)`; null: none. */
  readonly schedule: string | null;
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
  /** `$.detail`: a part in the event's place. */
  readonly inputPath: string | null;
  readonly inputTransformer: {
    readonly paths: Readonly<Record<string, string>>;
    readonly template: string;
  } | null;
  readonly retryPolicy: { readonly MaximumRetryAttempts?: number; readonly MaximumEventAgeInSeconds?: number } | null;
  readonly deadLetterArn: string | null;
}

export interface Delivery {
  readonly rule: string;
  readonly ruleArn: string;
  readonly target: Target;
  readonly event: BusEvent;
  /** What the target is to get: the event, or what the target's input makes of it. */
  readonly payload: string;
}

const MAX_RULES = 300;
const MAX_TARGETS = 5;
export const DEFAULT_BUS = 'default';

/** The rules of an account's default bus. Pure: `publish` says who gets an event; somebody else delivers it. */
export class EventBus {
  readonly #rules = new Map<string, Rule>();
  readonly #prefix: string;
  readonly #changed: () => void;

  /** `changed`: told when rules come, change or go. */
  constructor(region = 'us-east-1', accountId = '123456789012', changed: () => void = () => {}) {
    this.#prefix = `arn:aws:events:${region}:${accountId}:rule/`;
    this.#changed = changed;
  }

  arnOf(ruleName: string): string {
    return `${this.#prefix}${ruleName}`;
  }

  /** Keeps the targets of a rule that is there already. @throws AwsError */
  putRule(input: Omit<Rule, 'matches' | 'targets'>): Rule {
    requireDefault(input.bus);
    if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(input.name))
      throw new AwsError('ValidationException', `'${input.name}' is not a rule name`);
    const known = this.#rules.get(input.name);
    if (known === undefined && this.#rules.size >= MAX_RULES) {
      throw new AwsError('LimitExceededException', `A bus has at most ${MAX_RULES} rules`);
    }
    if (input.pattern === null && input.schedule === null) {
      throw new AwsError('ValidationException', 'A rule needs an EventPattern or a ScheduleExpression.');
    }
    if (input.schedule !== null) parseSchedule(input.schedule);
    const matches = input.pattern === null ? () => false : compilePattern(input.pattern);
    const rule: Rule = { ...input, matches, targets: known?.targets ?? new Map() };
    this.#rules.set(rule.name, rule);
    this.#changed();
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
    this.#changed();
  }

  rules(bus: string): Rule[] {
    requireDefault(bus);
    return this.allRules();
  }

  allRules(): Rule[] {
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
    return this.allRules()
      .filter((rule) => rule.enabled && rule.matches(event))
      .flatMap((rule) => this.deliveriesOf(rule, event));
  }

  /** An event for all targets of a rule. */
  deliveriesOf(rule: Rule, event: BusEvent): Delivery[] {
    const ruleArn = this.arnOf(rule.name);
    return [...rule.targets.values()].map((target) => ({
      rule: rule.name,
      ruleArn,
      target,
      event,
      payload: payloadOf(target, event, rule, ruleArn),
    }));
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
