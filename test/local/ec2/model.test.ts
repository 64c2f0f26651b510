import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describe as describeInstances, describeStatus } from '../../../local/ec2/model/describe.js';
import { nextDeadlineMs } from '../../../local/ec2/model/launch.js';
import { fail, interrupt, terminate } from '../../../local/ec2/model/life.js';
import { setCapacity } from '../../../local/ec2/model/pools.js';
import { type RunRequest, runInstances } from '../../../local/ec2/model/run.js';
import type { Ec2Options } from '../../../local/ec2/model/types.js';
import { ALL, codeOf, launch, launchOne, pass, states } from './helpers.js';
import { fleetRequest, world } from './world.js';

describe('tokens', () => {
  test('the same request launches once, another one is a mismatch', () => {
    const at = world();
    const id = launchOne(at, 't');
    expect(launchOne(at, 't')).toBe(id);
    expect(codeOf(() => launch(at, 't', { total: 2 }))).toBe('IdempotentParameterMismatch');
    expect(codeOf(() => launch(at, 't', { tagSpecifications: [] }))).toBe('IdempotentParameterMismatch');
    expect(at.model.instances.size).toBe(1);
  });

  test('no token: every call stands for itself', () => {
    const at = world();
    expect(launchOne(at)).not.toBe(launchOne(at));
  });

  test.each([
    ['error', 'IdempotentInstanceTerminated'],
    ['return', 'OK'],
  ] as const)('a token whose instance ended, as "%s"', (endedToken, code) => {
    const at = world({ endedToken });
    const id = launchOne(at, 't');
    terminate(at.model, [id], at.ctx());
    expect(codeOf(() => launch(at, 't'))).toBe(code);
    pass(at, 5_000);
    pass(at, 3_600_000);
    expect(at.model.instances.size).toBe(0);
    expect(codeOf(() => launch(at, 't'))).toBe(code);
    expect(at.model.instances.size).toBe(0);
  });

  test.each([true, false])('a failed attempt uses its token up: %s', (failedAttemptUsesToken) => {
    const at = world({ failedAttemptUsesToken });
    setCapacity(at.model, {}, 0);
    expect(launch(at, 't')).toMatchObject({ instances: [], errors: { length: 3 } });
    setCapacity(at.model, {}, null);
    expect(launch(at, 't').instances).toHaveLength(failedAttemptUsesToken ? 0 : 1);
  });

  test('a refused request leaves its token free', () => {
    const at = world();
    const bad = { configs: [{ templateId: 'lt-00000000000000000', version: '1', overrides: [] }] };
    expect(codeOf(() => launch(at, 't', bad))).toBe('InvalidLaunchTemplateId.NotFound');
    expect(codeOf(() => launch(at, 't'))).toBe('OK');
  });

  test('a token of RunInstances counts for its zone only', () => {
    const at = world();
    const request = (subnetId: string): RunRequest => ({
      clientToken: 't',
      minCount: 1,
      maxCount: 1,
      template: null,
      instanceType: 'm5.large',
      subnetId,
      zone: null,
      market: 'on-demand',
      interruptionBehavior: 'terminate',
      tagSpecifications: [],
      overrides: {},
    });
    const run = (subnetId: string) => runInstances(at.model, request(subnetId), at.ctx())[0]?.instanceId;
    expect(run('subnet-a')).toBe(run('subnet-a'));
    expect(run('subnet-a')).not.toBe(run('subnet-b'));
    expect(codeOf(() => runInstances(at.model, { ...request('subnet-a'), maxCount: 2 }, at.ctx()))).toBe(
      'IdempotentParameterMismatch',
    );
  });

  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('launch' as const), token: fc.nat(3), variant: fc.nat(1) }) },
    fc.record({ do: fc.constant('terminate' as const), nth: fc.nat(5) }),
    fc.record({ do: fc.constant('interrupt' as const), nth: fc.nat(5) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.nat(30_000) }),
    fc.record({ do: fc.constant('capacity' as const), to: fc.constantFrom(0, 1, null) }),
  );

  test('at most one instance a token, whatever happens between', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.record({
          failedAttemptUsesToken: fc.boolean(),
          endedToken: fc.constantFrom('error' as const, 'return' as const),
          describeLagMs: fc.constantFrom(0, 5_000),
        }) as fc.Arbitrary<Partial<Ec2Options>>,
        (steps, options) => {
          const at = world(options);
          const launchedBy = new Map<string, Set<string>>();
          const variantOf = new Map<string, number>();
          const ids: string[] = [];
          for (const one of steps) {
            switch (one.do) {
              case 'launch': {
                const token = `t${one.token}`;
                const usedBefore = at.model.tokens.has(`fleet:${token}`);
                const code = codeOf(() => {
                  const answer = launch(at, token, { interruptionBehavior: one.variant === 1 ? 'stop' : null });
                  for (const id of answer.instances.flatMap((part) => part.instanceIds)) {
                    launchedBy.set(token, (launchedBy.get(token) ?? new Set()).add(id));
                    if (!ids.includes(id)) ids.push(id);
                  }
                });
                const other = usedBefore && variantOf.get(token) !== one.variant;
                expect(code === 'IdempotentParameterMismatch').toBe(other);
                if (!other && code === 'OK') variantOf.set(token, one.variant);
                break;
              }
              case 'terminate':
                codeOf(() => terminate(at.model, ids.slice(one.nth, one.nth + 1), at.ctx()));
                break;
              case 'interrupt':
                codeOf(() => interrupt(at.model, ids[one.nth] ?? 'i-00000000', { noticeMs: 2_000 }, at.ctx()));
                break;
              case 'wait':
                pass(at, one.ms);
                break;
              case 'capacity':
                setCapacity(at.model, {}, one.to);
                break;
            }
          }
          for (const launched of launchedBy.values()) expect(launched.size).toBe(1);
          expect(at.model.nextSeq - 1).toBe(ids.length);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('pools', () => {
  test('price and spare capacity decide; equal pools are filled evenly', () => {
    const zones = ['a', 'b', 'c'].map((letter) => ({ name: `us-east-1${letter}`, subnetId: `subnet-${letter}` }));
    const pools = zones.map(({ name }) => ({
      instanceType: 'm5.large',
      zone: name,
      spotPrice: 0.03,
      onDemandPrice: 0.1,
      capacity: null,
    }));
    const at = world({ pools });
    for (let i = 0; i < 6; i++) launch(at, `t${i}`);
    const perZone = zones.map(
      ({ name }) => [...at.model.instances.values()].filter(({ record }) => record.zone === name).length,
    );
    expect(perZone).toEqual([2, 2, 2]);
  });

  test('a partial fill has instances and errors', () => {
    const at = world();
    setCapacity(at.model, { market: 'spot' }, 0, 'VcpuLimitExceeded');
    setCapacity(at.model, { zone: 'us-east-1b', market: 'spot' }, 2);
    const { instances, errors } = launch(at, null, { total: 4 });
    expect(instances.flatMap(({ instanceIds }) => instanceIds)).toHaveLength(2);
    expect(errors.map(({ code }) => code).sort()).toEqual([
      'InsufficientInstanceCapacity',
      'VcpuLimitExceeded',
      'VcpuLimitExceeded',
    ]);
    expect(launch(at, null, { minSpot: 1 }).errors.map(({ code }) => code)).toEqual([
      'UnfulfillableCapacity',
      'UnfulfillableCapacity',
      'UnfulfillableCapacity',
    ]);
    expect(launch(at, null, { defaultMarket: 'on-demand' }).instances[0]?.market).toBe('on-demand');
  });

  test('an ended instance gives its place back', () => {
    const at = world();
    setCapacity(at.model, {}, 0);
    setCapacity(at.model, { zone: 'us-east-1a' }, 1);
    const id = launchOne(at);
    expect(launch(at, null).instances).toEqual([]);
    terminate(at.model, [id], at.ctx());
    expect(launch(at, null).instances).toHaveLength(1);
  });

  test('a full subnet and an unknown type are errors of their pools', () => {
    const at = world({ nextAddress: () => null });
    expect(launch(at, null).errors.map(({ code }) => code)).toContain('InsufficientFreeAddressesInSubnet');
    const other = world();
    const [config] = fleetRequest(other, null).configs;
    const overrides = [{ instanceType: 'x9.huge', subnetId: 'subnet-a', zone: null, priority: null }];
    const { errors } = launch(other, null, { configs: config === undefined ? [] : [{ ...config, overrides }] });
    expect(errors.map(({ code }) => code)).toEqual(['Unsupported']);
  });
});

describe('the life of an instance', () => {
  test('pending, running, shutting-down, terminated, forgotten', () => {
    const at = world();
    const id = launchOne(at);
    expect(nextDeadlineMs(at.model)).toBe(16_000);
    expect(states(at)).toEqual(['pending']);
    expect(pass(at, 15_999).map(({ type }) => type)).toEqual(['state']);
    expect(pass(at, 1)).toMatchObject([{ from: 'pending', to: 'running' }]);
    terminate(at.model, [id], at.ctx());
    expect(terminate(at.model, [id], at.ctx())).toEqual([
      { instanceId: id, previous: 'shutting-down', current: 'shutting-down' },
    ]);
    expect(pass(at, 5_000)).toMatchObject([
      { to: 'shutting-down', cause: 'user' },
      { to: 'terminated', cause: 'user' },
    ]);
    pass(at, 3_599_999);
    expect(states(at)).toEqual(['terminated']);
    pass(at, 1);
    expect(states(at)).toEqual([]);
  });

  test('one bad id fails a whole batch', () => {
    const at = world();
    const id = launchOne(at);
    expect(codeOf(() => terminate(at.model, [id, 'i-00000000000000000'], at.ctx()))).toBe('InvalidInstanceID.NotFound');
    expect(codeOf(() => terminate(at.model, [id, 'junk'], at.ctx()))).toBe('InvalidInstanceID.Malformed');
    expect(states(at)).toEqual(['pending']);
  });

  test('an interruption: notice, deadline, end; a repeat changes nothing', () => {
    const at = world();
    const id = launchOne(at);
    pass(at, 16_000);
    interrupt(at.model, id, { noticeMs: 120_000 }, at.ctx());
    interrupt(at.model, id, { noticeMs: 1 }, at.ctx());
    expect(pass(at, 0).map(({ type }) => type)).toEqual(['interruption-notice']);
    expect(pass(at, 119_999)).toEqual([]);
    expect(pass(at, 1)).toMatchObject([{ type: 'reclaimed' }, { to: 'shutting-down', cause: 'interruption' }]);
    const [record] = describeInstances(at.model, ALL, at.ctx()).items;
    expect(record?.stateReason?.code).toBe('Server.SpotInstanceTermination');
    expect(codeOf(() => interrupt(at.model, id, { noticeMs: 1 }, at.ctx()))).toBe('IncorrectInstanceState');
  });

  test('who ends itself before the deadline is not interrupted any more', () => {
    const at = world();
    const id = launchOne(at);
    interrupt(at.model, id, { noticeMs: 10_000 }, at.ctx());
    terminate(at.model, [id], at.ctx());
    expect(pass(at, 60_000).map((one) => (one.type === 'state' ? one.to : one.type))).toEqual([
      'pending',
      'interruption-notice',
      'shutting-down',
      'terminated',
    ]);
  });

  test('stop and hibernate end in stopped; on-demand instances are not interrupted', () => {
    const at = world();
    const id = launchOne(at);
    interrupt(at.model, id, { action: 'hibernate', noticeMs: 0 }, at.ctx());
    pass(at, 0);
    expect(states(at)).toEqual(['stopping']);
    pass(at, 5_000);
    expect(states(at)).toEqual(['stopped']);
    const own = launch(at, null, { defaultMarket: 'on-demand' }).instances[0]?.instanceIds[0] ?? '';
    expect(codeOf(() => interrupt(at.model, own, { noticeMs: 1 }, at.ctx()))).toBe('UnsupportedOperation');
  });

  test('a silent death is seen late, or only by its status checks', () => {
    const at = world();
    const [seen, unseen] = [launchOne(at), launchOne(at)];
    pass(at, 16_000);
    fail(at.model, seen, 3_000, at.ctx());
    fail(at.model, unseen, null, at.ctx());
    expect(pass(at, 2_999).map(({ type }) => type)).toEqual(['failed', 'failed']);
    const status = () =>
      describeStatus(at.model, { ...ALL, all: true }, at.ctx()).items.map((one) => `${one.state} ${one.status}`);
    expect(status()).toEqual(['running impaired', 'running impaired']);
    pass(at, 1);
    expect(status()).toEqual(['shutting-down not-applicable', 'running impaired']);
  });

  test('status checks take their time', () => {
    const at = world({ statusCheckMs: 60_000 });
    launchOne(at);
    pass(at, 16_000);
    const status = () => describeStatus(at.model, { ...ALL, all: false }, at.ctx()).items.map((one) => one.status);
    expect(status()).toEqual(['initializing']);
    pass(at, 60_000);
    expect(status()).toEqual(['ok']);
  });
});
