import type { Candidate } from '../balancer/source.js';
import { resolveTarget } from './directory.js';
import type { Elbv2Options } from './elbv2.js';
import { checkHealth } from './health-checker.js';
import { type ElbModel, type Target, type TargetGroup, targetKey } from './model.js';
import { parseMatcher } from './settings.js';
import { afterCheck, deregister, isGone, newTarget, routable, routesChangeAtMs } from './target.js';

/** How long a new target is "registering" before its first check, in AWS's seconds: our choice, AWS gives no figure. */
const REGISTRATION_SECONDS = 0.5;

/** Runs the health checks and deregistration delays of one target group, and knows where its requests may go. */
export class GroupRuntime {
  readonly #group: TargetGroup;
  readonly #model: ElbModel;
  readonly #options: Elbv2Options;
  readonly #onDrained: (key: string) => void;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #abort = new AbortController();
  #routes: readonly Candidate[] = [];
  #routesVersion = -1;
  #routesUntilMs = 0;

  constructor(group: TargetGroup, model: ElbModel, options: Elbv2Options, onDrained: (key: string) => void) {
    this.#group = group;
    this.#model = model;
    this.#options = options;
    this.#onDrained = onDrained;
  }

  /** Registers a target anew, or takes back its deregistration; one that is registered stays as it is. */
  register(id: string, port: number): void {
    const key = targetKey(id, port);
    const known = this.#group.targets.get(key);
    if (known !== undefined && known.health.phase !== 'draining') return;
    const target: Target = { id, port, health: newTarget() };
    this.#group.targets.set(key, target);
    this.#group.ended.delete(key);
    this.#changed(target);
    if (this.#model.isInUse(this.#group.arn)) this.#checkLater(key, target, this.#scaled(REGISTRATION_SECONDS));
  }

  /** No-op of a target that isn't registered. */
  deregister(id: string, port: number): void {
    const key = targetKey(id, port);
    const target = this.#group.targets.get(key);
    if (target === undefined || target.health.phase === 'draining') return;
    const delayMs = this.#scaled(Number(this.#group.attributes.get('deregistration_delay.timeout_seconds')));
    deregister(target.health, performance.now(), delayMs, this.#options.deregistrationLagMs ?? 10_000);
    this.#changed(target);
    this.#setTimer(key, delayMs, () => this.#drained(key, target));
  }

  instanceEnded(instanceId: string): void {
    for (const [key, target] of [...this.#group.targets]) {
      if (this.#resolve(key, target)?.instanceId !== instanceId) continue;
      this.#clearTimer(key);
      this.#model.endTarget(this.#group, key);
      this.#tell(target, 'unused', 'Target.InvalidState');
    }
  }

  /** The group got its first listener or lost its last one. */
  usageChanged(): void {
    const inUse = this.#model.isInUse(this.#group.arn);
    for (const [key, target] of this.#group.targets) {
      if (target.health.phase === 'draining') continue;
      this.#clearTimer(key);
      target.health = newTarget();
      this.#changed(target);
      if (inUse) this.#checkLater(key, target, this.#scaled(REGISTRATION_SECONDS));
    }
  }

  /** Where new requests may go; the same array as long as nothing has changed. */
  candidates(): readonly Candidate[] {
    if (this.#routesVersion === this.#group.version && performance.now() < this.#routesUntilMs) return this.#routes;
    const nowMs = performance.now();
    const entries = [...this.#group.targets].map(([key, target]) => ({ key, target, health: target.health }));
    this.#routes = routable(entries, nowMs).flatMap(({ key, target }) => this.#resolve(key, target) ?? []);
    this.#routesVersion = this.#group.version;
    this.#routesUntilMs = routesChangeAtMs(entries, nowMs);
    return this.#routes;
  }

  close(): void {
    this.#abort.abort();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #scaled(seconds: number): number {
    return seconds * 1000 * (this.#options.timeScale ?? 1);
  }

  #resolve(key: string, target: Target): Candidate | null {
    return resolveTarget(this.#options.directory, this.#group, target.id, target.port, key);
  }

  #checkLater(key: string, target: Target, afterMs: number): void {
    this.#setTimer(key, afterMs, () => void this.#check(key, target));
  }

  async #check(key: string, target: Target): Promise<void> {
    const settings = this.#group.healthCheck;
    const startedMs = performance.now();
    const health = target.health;
    const wasChecked = health.checked;
    health.checked = true;
    if (!wasChecked) this.#changed(target);
    const at = this.#resolve(key, target);
    const result =
      at === null
        ? ({ ok: false, failure: { kind: 'failed' } } as const)
        : await checkHealth({
            host: at.host,
            port: settings.port === 'traffic-port' ? at.port : Number(settings.port),
            path: settings.path,
            timeoutMs: this.#scaled(settings.timeoutSeconds),
            codes: parseMatcher(settings.matcher),
            isCut: () => at.instanceId !== null && this.#options.directory.isCut(at.instanceId),
            signal: this.#abort.signal,
          });
    // Meanwhile it may have been deregistered, or registered anew.
    if (this.#abort.signal.aborted || this.#group.targets.get(key) !== target) return;
    if (target.health !== health || health.phase === 'draining') return;
    const before = health.phase;
    afterCheck(health, result, {
      healthy: settings.healthyThreshold,
      unhealthy: settings.unhealthyThreshold,
    });
    if (health.phase !== before) this.#changed(target);
    if (!this.#model.isInUse(this.#group.arn)) return;
    const spentMs = performance.now() - startedMs;
    this.#checkLater(key, target, Math.max(0, this.#scaled(settings.intervalSeconds) - spentMs));
  }

  #drained(key: string, target: Target): void {
    // Timers may fire a little early.
    const left = target.health.drainedAtMs - performance.now();
    if (!isGone(target.health, performance.now())) {
      this.#setTimer(key, Math.ceil(left), () => this.#drained(key, target));
      return;
    }
    this.#group.targets.delete(key);
    this.#group.version++;
    this.#onDrained(key);
    this.#tell(target, 'unused', 'Target.NotRegistered');
  }

  #setTimer(key: string, afterMs: number, run: () => void): void {
    this.#clearTimer(key);
    if (this.#abort.signal.aborted) return;
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      run();
    }, afterMs);
    this.#timers.set(key, timer);
  }

  #clearTimer(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }

  #changed(target: Target): void {
    this.#group.version++;
    const { state, reason } = this.#model.describe(this.#group, target);
    this.#tell(target, state, reason);
  }

  #tell(
    target: Target,
    state: 'initial' | 'healthy' | 'unhealthy' | 'draining' | 'unused',
    reason: string | null,
  ): void {
    this.#options.onTargetHealth?.({
      targetGroupArn: this.#group.arn,
      targetGroupName: this.#group.name,
      targetId: target.id,
      port: target.port,
      state,
      reason,
      atMs: Date.now(),
    });
  }
}
