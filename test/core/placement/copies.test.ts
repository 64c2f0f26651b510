import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CopiesLayout, type CopiesWanted, type CopyHost, layOutCopies } from '../../../core/placement/copies.js';
import { seededRng, shuffled } from '../../../core/rng.js';

const NAMES = ['a', 'b', 'c', 'd'];
const wantedOf = (name: string, copies: number, memoryMiB = 100): CopiesWanted => ({
  name,
  copies,
  memoryMiB,
  gpuMemoryMiB: 0,
});
const hostOf = (id: string, change: Partial<CopyHost> = {}): CopyHost => ({
  id,
  memoryMiB: 1_000,
  gpuMemoryMiB: 0,
  takes: NAMES,
  holds: [],
  serves: [],
  current: true,
  ...change,
});
const hostsOf = (layout: CopiesLayout, name: string): readonly string[] => layout.get(name) ?? [];

describe('the layout of copies', () => {
  it('leaves a copy where it is, and brings what is missing to the least loaded', () => {
    const hosts = [hostOf('1', { holds: ['a', 'b'], serves: ['a', 'b'] }), hostOf('2', { holds: ['b'] }), hostOf('3')];
    const layout = layOutCopies([wantedOf('a', 2), wantedOf('b', 2)], hosts);
    expect(hostsOf(layout, 'a')).toEqual(['1', '3']);
    expect(hostsOf(layout, 'b')).toEqual(['1', '2']);
  });

  it('of too many keeps those that serve, then those that stay, then the lower id', () => {
    const holds = ['a'];
    const [one, two] = [hostOf('1', { holds }), hostOf('2', { holds })];
    const serving = hostOf('3', { holds, serves: holds });
    const old = hostOf('0', { holds, current: false });
    expect(hostsOf(layOutCopies([wantedOf('a', 1)], [one, two, serving]), 'a')).toEqual(['3']);
    expect(hostsOf(layOutCopies([wantedOf('a', 1)], [two, one, old]), 'a')).toEqual(['1']);
  });

  it('spreads copies that say nothing of memory, and puts none on a node that does not know the workload', () => {
    const hosts = [hostOf('1', { memoryMiB: 0 }), hostOf('2', { memoryMiB: 0 }), hostOf('3', { takes: ['c'] })];
    const layout = layOutCopies([wantedOf('a', 1, 0), wantedOf('b', 1, 0)], hosts);
    expect([...hostsOf(layout, 'a'), ...hostsOf(layout, 'b')].sort()).toEqual(['1', '2']);
  });

  it('gives each workload its first copy before any gets another one', () => {
    const hosts = ['1', '2', '3'].map((id) => hostOf(id, { memoryMiB: 600 }));
    const layout = layOutCopies([wantedOf('a', 3, 600), wantedOf('b', 2, 500)], hosts);
    expect(hostsOf(layout, 'a')).toHaveLength(2);
    expect(hostsOf(layout, 'b')).toHaveLength(1);
  });
});

const some = fc.subarray(NAMES);
const host = fc
  .record({
    memoryMiB: fc.integer({ min: 0, max: 1_000 }),
    gpuMemoryMiB: fc.integer({ min: 0, max: 100 }),
    takes: some,
  })
  .chain((one) => fc.record({ room: fc.constant(one), holds: fc.subarray(one.takes), current: fc.boolean() }))
  .chain((one) => fc.record({ one: fc.constant(one), serves: fc.subarray(one.holds) }))
  .map(({ one, serves }) => ({ ...one.room, holds: one.holds, current: one.current, serves }));
const cluster = fc.record({
  hosts: fc.array(host, { maxLength: 8 }).map((all) => all.map((one, i): CopyHost => ({ id: `i-${i}`, ...one }))),
  wanted: fc.tuple(...NAMES.map((name) => need(name))),
  seed: fc.nat(),
});

function need(name: string): fc.Arbitrary<CopiesWanted> {
  return fc.record({
    name: fc.constant(name),
    copies: fc.integer({ min: 1, max: 6 }),
    memoryMiB: fc.integer({ min: 0, max: 500 }),
    gpuMemoryMiB: fc.integer({ min: 0, max: 60 }),
  });
}

/** What a host is given, as hosts tell it once they have carried it out. */
const carriedOut = (layout: CopiesLayout, hosts: readonly CopyHost[]): CopyHost[] =>
  hosts.map((one) => {
    const holds = [...layout].flatMap(([name, ids]) => (ids.includes(one.id) ? [name] : []));
    return { ...one, holds, serves: holds };
  });

const used = (layout: CopiesLayout, wanted: readonly CopiesWanted[], id: string, what: 'memoryMiB' | 'gpuMemoryMiB') =>
  wanted.reduce((sum, one) => sum + (hostsOf(layout, one.name).includes(id) ? one[what] : 0), 0);

describe('any layout', () => {
  it('is the same whatever the order, within the rooms and the numbers wanted, and one copy a node', () => {
    fc.assert(
      fc.property(cluster, ({ hosts, wanted, seed }) => {
        const layout = layOutCopies(wanted, hosts);
        const rng = seededRng(seed);
        const other = layOutCopies(shuffled(rng, [...wanted]), shuffled(rng, [...hosts]));
        for (const { name, copies } of wanted) {
          const ids = hostsOf(layout, name);
          expect(hostsOf(other, name)).toEqual(ids);
          expect(ids.length).toBeLessThanOrEqual(copies);
          expect(new Set(ids).size).toBe(ids.length);
          for (const id of ids) expect(hosts.find((one) => one.id === id)?.takes).toContain(name);
        }
        for (const one of hosts) {
          expect(used(layout, wanted, one.id, 'memoryMiB')).toBeLessThanOrEqual(one.memoryMiB);
          expect(used(layout, wanted, one.id, 'gpuMemoryMiB')).toBeLessThanOrEqual(one.gpuMemoryMiB);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('stands still once it is carried out, and leaves no copy out that a node has room for', () => {
    fc.assert(
      fc.property(cluster, ({ hosts, wanted }) => {
        const layout = layOutCopies(wanted, hosts);
        expect([...layOutCopies(wanted, carriedOut(layout, hosts))].sort()).toEqual([...layout].sort());
        for (const copy of wanted) {
          if (hostsOf(layout, copy.name).length === copy.copies) continue;
          const open = hosts.filter(
            (one) =>
              one.takes.includes(copy.name) &&
              !hostsOf(layout, copy.name).includes(one.id) &&
              used(layout, wanted, one.id, 'memoryMiB') + copy.memoryMiB <= one.memoryMiB &&
              used(layout, wanted, one.id, 'gpuMemoryMiB') + copy.gpuMemoryMiB <= one.gpuMemoryMiB,
          );
          expect(open.map(({ id }) => id)).toEqual([]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('heals after the loss of any node where there is room, and moves nothing else', () => {
    const ample = fc.record({ nodes: fc.integer({ min: 2, max: 7 }), wanted: fc.tuple(...NAMES.map((n) => need(n))) });
    fc.assert(
      fc.property(ample, ({ nodes, wanted }) => {
        const hosts = Array.from({ length: nodes }, (_, i) =>
          hostOf(`i-${i}`, { memoryMiB: 2_000, gpuMemoryMiB: 240 }),
        );
        const before = layOutCopies(wanted, hosts);
        const running = carriedOut(before, hosts);
        for (const lost of hosts) {
          const after = layOutCopies(
            wanted,
            running.filter(({ id }) => id !== lost.id),
          );
          for (const { name, copies } of wanted) {
            expect(hostsOf(after, name)).toHaveLength(Math.min(copies, nodes - 1));
            const kept = hostsOf(before, name).filter((id) => id !== lost.id);
            expect(hostsOf(after, name)).toEqual(expect.arrayContaining(kept));
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
