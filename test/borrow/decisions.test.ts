/** What is decided without asking anybody: names, places, states of a stack, times. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BorrowError } from '../../borrow/error.js';
import { randomName, stackName, tagValue } from '../../borrow/names.js';
import { servingSlots } from '../../borrow/nodes.js';
import { chooseSubnets, type Subnet } from '../../borrow/places.js';
import { hasLapsed, type LeaseState, nextRenewalMs, renewalFailed, renewed } from '../../borrow/renewal.js';
import { firstFailure, nextLookMs, type StackEvent, stageOf, standing } from '../../borrow/stack-state.js';
import type { BorrowedNode } from '../../borrow/types.js';

const bytes = fc.uint8Array({ minLength: 12, maxLength: 12 });

describe('names', () => {
  it('are good for a cluster and its stack, whatever is drawn', () => {
    fc.assert(
      fc.property(bytes, (drawn) => {
        expect(randomName(drawn)).toMatch(/^[a-z][a-z0-9-]{0,23}$/);
        expect(stackName(randomName(drawn))).toMatch(/^[A-Za-z][A-Za-z0-9-]{0,127}$/);
      }),
    );
  });

  it('differ where the draws do', () => {
    const names = Array.from({ length: 36 }, (_, i) => randomName(new Uint8Array(12).fill(i)));
    expect(new Set(names).size).toBe(36);
  });

  it('of owners become values of tags', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(tagValue(text)).toMatch(/^[\p{L}\p{N} _.:/=+\-@]{0,256}$/u);
      }),
    );
    expect(tagValue('me@host:1')).toBe('me@host:1');
  });
});

describe('a renewal', () => {
  const lease = (leaseMs: number): LeaseState => ({ leaseMs, renewedMs: 0, failures: 0 });

  it('comes every third of the lease', () => {
    expect(nextRenewalMs(lease(900_000), 5)).toBe(300_000);
  });

  it('that failed is tried again soon, within 1 and 30 s', () => {
    expect(nextRenewalMs(renewalFailed(lease(120_000)), 40_000)).toBe(50_000);
    expect(nextRenewalMs(renewalFailed(lease(86_400_000)), 1_000)).toBe(31_000);
  });

  it('never lets a lease lapse whose last third has at least one that works', () => {
    const outcomes = fc.array(fc.boolean(), { maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 120_000, max: 86_400_000 }), outcomes, (leaseMs, works) => {
        let state = lease(leaseMs);
        let nowMs = 0;
        for (const ok of works) {
          const next = nextRenewalMs(state, nowMs);
          expect(next).toBeGreaterThanOrEqual(nowMs);
          nowMs = next;
          // Two in a row may fail.
          state = ok || state.failures >= 2 ? renewed(state, nowMs) : renewalFailed(state);
          expect(hasLapsed(state, nowMs)).toBe(false);
        }
      }),
    );
  });

  it('that never comes lets it lapse', () => {
    expect(hasLapsed(lease(120_000), 119_999)).toBe(false);
    expect(hasLapsed(lease(120_000), 120_000)).toBe(true);
  });
});

describe('a stack', () => {
  it.each([
    ['CREATE_IN_PROGRESS', 'coming'],
    ['REVIEW_IN_PROGRESS', 'coming'],
    ['CREATE_COMPLETE', 'standing'],
    ['UPDATE_ROLLBACK_COMPLETE', 'standing'],
    ['CREATE_FAILED', 'failed'],
    ['ROLLBACK_IN_PROGRESS', 'failed'],
    ['ROLLBACK_COMPLETE', 'failed'],
    ['DELETE_IN_PROGRESS', 'going'],
    ['DELETE_FAILED', 'stuck'],
    ['DELETE_COMPLETE', 'gone'],
  ] as const)('in %s is %s', (status, stage) => {
    expect(stageOf(status)).toBe(stage);
  });

  const event = (logicalId: string, status: string, reason = '', type = 'AWS::X::Y'): StackEvent => ({
    ...{ id: '', physicalId: `p-${logicalId}`, logicalId, status, reason, type },
  });

  it('failed of what failed by itself, and not of what was given up then', () => {
    const events = [
      event('A', 'CREATE_IN_PROGRESS'),
      event('B', 'CREATE_FAILED', 'Resource creation cancelled'),
      event('C', 'CREATE_FAILED', 'No such\n  role.'),
      event('D', 'CREATE_FAILED', 'Later'),
    ];
    expect(firstFailure(events)).toBe('C (AWS::X::Y): No such role');
    expect(firstFailure(events.slice(0, 2))).toContain('B (AWS::X::Y)');
    expect(firstFailure(events.slice(0, 1))).toBeNull();
  });

  it('holds what was made and not deleted', () => {
    const events = [
      event('S', 'CREATE_COMPLETE', '', 'AWS::CloudFormation::Stack'),
      event('A', 'CREATE_COMPLETE'),
      event('B', 'CREATE_COMPLETE'),
      event('A', 'DELETE_COMPLETE'),
      event('B', 'DELETE_FAILED', 'in use'),
    ];
    expect([...standing(events).keys()]).toEqual(['B']);
  });

  it('is looked at often at first, and never too seldom', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000 }), (elapsedMs) => {
        expect(nextLookMs(elapsedMs)).toBeGreaterThanOrEqual(300);
        expect(nextLookMs(elapsedMs)).toBeLessThanOrEqual(5_000);
      }),
    );
  });
});

describe('the choice of subnets', () => {
  const subnet = fc.record({
    id: fc.integer({ min: 1, max: 999 }).map((n) => `subnet-${n}`),
    vpcId: fc.constant('vpc-1'),
    zone: fc.constantFrom('a', 'b', 'c'),
    freeAddresses: fc.nat(250),
    isPublic: fc.boolean(),
  });
  const wish = { region: 'eu-west-1', vpcId: 'vpc-1', zones: 1 };
  const pick = (all: readonly Subnet[], subnetIds: readonly string[] = [], zones = 1): Subnet[] =>
    chooseSubnets(all, { ...wish, subnetIds, zones });

  it('takes one a zone, the roomiest, in an order that depends on nothing', () => {
    fc.assert(
      fc.property(fc.uniqueArray(subnet, { selector: ({ id }) => id, minLength: 1 }), (all) => {
        const isUsable = all.some(({ isPublic }) => isPublic);
        if (!isUsable) {
          expect(() => pick(all)).toThrow(/no subnet that gives public addresses/);
          return;
        }
        const chosen = pick(all);
        expect(pick([...all].reverse())).toEqual(chosen);
        expect(new Set(chosen.map(({ zone }) => zone)).size).toBe(chosen.length);
        for (const one of chosen) {
          const rivals = all.filter(({ zone, isPublic }) => zone === one.zone && isPublic);
          expect(one.freeAddresses).toBe(Math.max(...rivals.map(({ freeAddresses }) => freeAddresses)));
        }
      }),
    );
  });

  const made = (id: string, zone: string, more: Partial<Subnet> = {}): Subnet => ({
    ...{ id, zone, vpcId: 'vpc-1', freeAddresses: 9, isPublic: false },
    ...more,
  });

  it('takes the given ones, private or not', () => {
    expect(pick([made('s1', 'a'), made('s2', 'b')], ['s1', 's2']).map(({ id }) => id)).toEqual(['s1', 's2']);
  });

  it('wants one VPC, and two zones for a load balancer', () => {
    const strange = made('s2', 'b', { vpcId: 'vpc-2' });
    expect(() => pick([made('s1', 'a'), strange], ['s1', 's2'])).toThrow(BorrowError);
    expect(() => pick([made('s1', 'a'), strange], ['s1', 's2'])).toThrow(/s2 is in vpc-2, not in vpc-1/);
    expect(() => pick([made('s1', 'a'), made('s2', 'a')], ['s1', 's2'], 2)).toThrow(/two zones/);
  });
});

describe('nodes that serve', () => {
  it('are counted once a slot, while they run', () => {
    const node = (slot: number | null, state: string, phase: BorrowedNode['phase']): BorrowedNode => ({
      ...{ id: `i-${slot}`, slot, state, phase },
      ...{ zone: 'a', instanceType: 'm7g.large', market: 'spot', address: null, privateAddress: null },
    });
    const nodes = [
      node(0, 'running', 'serving'),
      node(0, 'running', 'serving'),
      node(1, 'running', 'starting'),
      node(2, 'shutting-down', 'serving'),
      node(null, 'running', 'serving'),
    ];
    expect(servingSlots(nodes)).toBe(1);
  });
});
