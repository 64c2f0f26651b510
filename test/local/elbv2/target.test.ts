import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterCheck,
  type CheckResult,
  deregister,
  describeHealth,
  isGone,
  newTarget,
  routable,
  routesChangeAtMs,
  type TargetHealth,
} from '../../../local/elbv2/target.js';

const thresholds = { healthy: 3, unhealthy: 2 };
const good: CheckResult = { ok: true };
const bad: CheckResult = { ok: false, failure: { kind: 'code', status: 503 } };
const checkedBy = (...results: CheckResult[]): TargetHealth =>
  results.reduce((target, result) => afterCheck(target, result, thresholds), newTarget());

describe('health of a target', () => {
  it('becomes healthy by one good check when it is new, by the threshold afterwards', () => {
    expect(checkedBy(good).phase).toBe('healthy');
    expect(checkedBy(bad).phase).toBe('initial');
    expect(checkedBy(bad, good).phase).toBe('healthy');
    expect(checkedBy(bad, bad).phase).toBe('unhealthy');
    expect(checkedBy(bad, bad, good, good).phase).toBe('unhealthy');
    expect(checkedBy(bad, bad, good, good, good).phase).toBe('healthy');
    expect(checkedBy(bad, bad, good, good, bad, good, good).phase).toBe('unhealthy');
  });

  it('stays healthy through single failures', () => {
    expect(checkedBy(good, bad, good, bad, good).phase).toBe('healthy');
    expect(checkedBy(good, bad, bad).phase).toBe('unhealthy');
  });

  it('is described in AWS words', () => {
    const described = (target: TargetHealth, inUse = true) => {
      const { state, reason } = describeHealth(target, inUse);
      return `${state} ${reason}`;
    };
    expect(described(newTarget())).toBe('initial Elb.RegistrationInProgress');
    expect(described({ ...newTarget(), checked: true })).toBe('initial Elb.InitialHealthChecking');
    expect(described(checkedBy(good))).toBe('healthy null');
    expect(described(checkedBy(bad, bad))).toBe('unhealthy Target.ResponseCodeMismatch');
    expect(describeHealth(checkedBy(bad, bad), true).description).toContain('[503]');
    const timeout: CheckResult = { ok: false, failure: { kind: 'timeout' } };
    expect(described(checkedBy(timeout, timeout))).toBe('unhealthy Target.Timeout');
    const failed: CheckResult = { ok: false, failure: { kind: 'failed' } };
    expect(described(checkedBy(failed, failed))).toBe('unhealthy Target.FailedHealthChecks');
    expect(described(checkedBy(good), false)).toBe('unused Target.NotInUse');
    expect(described(deregister(checkedBy(good), 0, 100, 10))).toBe('draining Target.DeregistrationInProgress');
  });

  it('drains until the delay ends, whatever checks and further deregistrations say', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 10 }), fc.nat(1000), fc.nat(1000), (oks, delayMs, againMs) => {
        const target = deregister(checkedBy(good), 0, delayMs, 10);
        for (const ok of oks) afterCheck(target, ok ? good : bad, thresholds);
        deregister(target, againMs, 5000, 10);
        expect(target.phase).toBe('draining');
        expect(isGone(target, delayMs - 1)).toBe(false);
        expect(isGone(target, delayMs)).toBe(true);
      }),
    );
  });
});

describe('routes', () => {
  const entry = (name: string, health: TargetHealth) => ({ name, health });
  const names = (entries: { name: string; health: TargetHealth }[], nowMs: number) =>
    routable(entries, nowMs).map((one) => one.name);

  it('lead to healthy targets, and for the lag to those just deregistered', () => {
    const entries = [
      entry('healthy', checkedBy(good)),
      entry('new', newTarget()),
      entry('unhealthy', checkedBy(bad, bad)),
      entry('leaving', deregister(checkedBy(good), 100, 1000, 50)),
      entry('leaving unhealthy', deregister(checkedBy(bad, bad), 100, 1000, 50)),
    ];
    expect(names(entries, 149)).toEqual(['healthy', 'leaving']);
    expect(names(entries, 150)).toEqual(['healthy']);
    expect(routesChangeAtMs(entries, 100)).toBe(150);
    expect(routesChangeAtMs(entries, 150)).toBe(Number.POSITIVE_INFINITY);
  });

  it('lead to unhealthy targets when there is no healthy one, never to new or drained ones', () => {
    const entries = [
      entry('new', newTarget()),
      entry('unhealthy', checkedBy(bad, bad)),
      entry('left', deregister(checkedBy(good), 0, 1000, 50)),
    ];
    expect(names(entries, 60)).toEqual(['unhealthy']);
    expect(names(entries, 10)).toEqual(['unhealthy', 'left']);
    expect(names([entry('new', newTarget())], 0)).toEqual([]);
  });
});
