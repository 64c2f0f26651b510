import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng, shuffled } from '../../../core/rng.js';
import { launchRequest, launchToken } from '../../../core/seats/launch.js';
import { seatFromTags, TAG } from '../../../core/seats/tags.js';
import { seatOf, specOf } from '../fixtures.js';

const zones = ['us-east-1a', 'us-east-1b', 'us-east-1c'];
const types = ['m7g.large', 'm6g.large', 'c7g.xlarge', 'c7gd.xlarge'];
const pools = zones.flatMap((zone, i) =>
  types.map((instanceType) => ({ instanceType, zone, subnetId: `subnet-${i}` })),
);
const seat = fc.record({
  slot: fc.integer({ min: 0, max: 9_999 }),
  generation: fc.integer({ min: 1, max: 999_999_999 }),
  rung: fc.integer({ min: 0, max: 999_999_999 }),
});
const cluster = fc.stringMatching(/^[a-z][a-z0-9-]{0,23}$/);
const epoch = fc.stringMatching(/^[a-z0-9]{1,12}$/);

describe('the launch request of a seat', () => {
  it('has the same bytes whatever the order of the pools and the version of the spec', () => {
    const spec = specOf();
    const sorted = JSON.stringify(launchRequest(specOf({ launch: { ...spec.launch, pools } }), seatOf(3, 18)));
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1 }), (seed, version) => {
        const launch = { ...spec.launch, pools: shuffled(seededRng(seed), pools) };
        expect(JSON.stringify(launchRequest(specOf({ launch, version }), seatOf(3, 18)))).toBe(sorted);
      }),
    );
  });

  it('has the same bytes even when a zone has two subnets', () => {
    const { launch } = specOf();
    const twice = [
      { instanceType: 'm7g.large', zone: 'us-east-1a', subnetId: 'subnet-b' },
      { instanceType: 'm7g.large', zone: 'us-east-1a', subnetId: 'subnet-a' },
    ];
    const [one, two] = [twice, [...twice].reverse()].map((order) =>
      JSON.stringify(launchRequest(specOf({ launch: { ...launch, pools: order } }), seatOf(0))),
    );
    expect(one).toBe(two);
  });

  it('changes when what is launched changes: template version, pools, seat', () => {
    const { launch } = specOf();
    const base = JSON.stringify(launchRequest(specOf(), seatOf(1)));
    const others = [
      launchRequest(specOf({ launch: { ...launch, templateVersion: 4 } }), seatOf(1)),
      launchRequest(specOf({ launch: { ...launch, pools: launch.pools.slice(1) } }), seatOf(1)),
      launchRequest(specOf(), seatOf(2)),
      launchRequest(specOf(), seatOf(1, 2)),
      launchRequest(specOf(), seatOf(1, 1, 1)),
    ].map((request) => JSON.stringify(request));
    expect(others).not.toContain(base);
    expect(new Set(others).size).toBe(others.length);
  });

  it('takes nothing from a pool or a seat but what it must: extra fields do not change it', () => {
    const { launch } = specOf();
    const noted = launch.pools.map((pool, i) => ({ note: `seen by node ${i}`, ...pool }));
    const held = { why: 'died', ...seatOf(1) };
    expect(JSON.stringify(launchRequest(specOf({ launch: { ...launch, pools: noted } }), held))).toBe(
      JSON.stringify(launchRequest(specOf(), seatOf(1))),
    );
  });

  it('asks for spot, then for on-demand, as its rung says', () => {
    expect([0, 1, 2].map((rung) => launchRequest(specOf(), seatOf(0, 1, rung)).market)).toEqual([
      'spot',
      'spot',
      'on-demand',
    ]);
  });

  it('asks for on-demand at every rung of the slots that the spec wants on-demand', () => {
    const spec = specOf({ launch: { ...specOf().launch, onDemandBase: 1 } });
    expect([0, 1, 2].map((rung) => launchRequest(spec, seatOf(0, 1, rung)).market)).toEqual(
      new Array(3).fill('on-demand'),
    );
    expect(launchRequest(spec, seatOf(1)).market).toBe('spot');
  });

  it('carries tags, sorted by key, that say which seat, cluster and token the node has', () => {
    fc.assert(
      fc.property(seat, (s) => {
        const { tags, token } = launchRequest(specOf(), s);
        const keys = tags.map(([key]) => key);
        const byKey = Object.fromEntries(tags);
        expect(keys).toEqual([...keys].sort());
        expect(seatFromTags(byKey)).toEqual(s);
        expect(byKey[TAG.cluster]).toBe('web');
        expect(byKey[TAG.epoch]).toBe('e1');
        expect(byKey[TAG.token]).toBe(token);
      }),
    );
  });

  it('has only tag keys that IMDS can serve', () => {
    for (const [key] of launchRequest(specOf(), seatOf(0)).tags) expect(key).not.toMatch(/[ /]/);
  });
});

describe('the token of a launch', () => {
  it('has at most 64 printable ASCII characters', () => {
    fc.assert(fc.property(cluster, epoch, seat, (c, e, s) => /^[!-~]{1,64}$/.test(launchToken(c, e, s))));
    expect(
      launchToken('a'.repeat(24), 'z'.repeat(12), { slot: 9_999, generation: 999_999_999, rung: 999_999_999 }).length,
    ).toBeLessThanOrEqual(64);
  });

  it('differs when cluster, epoch, slot, generation or rung differ, and only then', () => {
    const small = fc.record({
      cluster: fc.constantFrom('a', 'a-1', 'a1', 'a-1-1'),
      epoch: fc.constantFrom('1', '11', '1a'),
      slot: fc.integer({ min: 0, max: 40 }),
      generation: fc.integer({ min: 1, max: 40 }),
      rung: fc.integer({ min: 0, max: 40 }),
    });
    const token = (x: { cluster: string; epoch: string; slot: number; generation: number; rung: number }): string =>
      launchToken(x.cluster, x.epoch, x);
    fc.assert(
      fc.property(small, small, (a, b) => (token(a) === token(b)) === (JSON.stringify(a) === JSON.stringify(b))),
      { numRuns: 2_000 },
    );
  });
});

describe('seats from tags', () => {
  const good = { [TAG.slot]: '3', [TAG.generation]: '17', [TAG.rung]: '0' };

  it('reads a seat', () => {
    expect(seatFromTags(good)).toEqual(seatOf(3, 17));
  });

  it.each([
    ['no tags', {}],
    ['no slot', { ...good, [TAG.slot]: undefined }],
    ['no generation', { ...good, [TAG.generation]: undefined }],
    ['generation 0', { ...good, [TAG.generation]: '0' }],
    ['a negative slot', { ...good, [TAG.slot]: '-1' }],
    ['a fraction', { ...good, [TAG.rung]: '1.5' }],
    ['an exponent', { ...good, [TAG.rung]: '1e3' }],
    ['spaces', { ...good, [TAG.slot]: ' 3' }],
    ['an empty value', { ...good, [TAG.slot]: '' }],
    ['more digits than a number holds', { ...good, [TAG.generation]: '9'.repeat(20) }],
    ['words', { ...good, [TAG.slot]: 'three' }],
  ])('%s is no seat', (_, tags) => {
    expect(seatFromTags(tags)).toBeNull();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.values(TAG), 'Name'), fc.string()), (tags) => {
        const found = seatFromTags(tags);
        return found === null || (Number.isSafeInteger(found.slot) && found.generation >= 1);
      }),
    );
  });
});
