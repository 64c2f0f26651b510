import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveTypes } from '../../../core/fallback/instance-types.js';
import {
  chooseTypes,
  type InstanceWish,
  readInstanceWish,
  type TypeFacts,
} from '../../../core/fallback/instance-wish.js';
import { answerOfTypes } from '../../../core/fallback/stack.js';
import { monoMs } from '../../../core/time.js';
import { at } from '../fixtures.js';

const WISH = {
  architecture: 'x86_64',
  vCpus: { min: 2, max: 8 },
  memoryMiB: { min: 4096 },
  accelerators: { max: 0 },
  zones: ['eu-west-1a', 'eu-west-1b'],
  most: 3,
};

function wish(more: object = {}): InstanceWish {
  const parsed = readInstanceWish(JSON.stringify({ ...WISH, ...more }));
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

const facts = (instanceType: string, vCpus: number, more: Partial<TypeFacts> = {}): TypeFacts => ({
  instanceType,
  vCpus,
  memoryMiB: vCpus * 4096,
  accelerators: 0,
  spot: true,
  zones: ['eu-west-1a'],
  ...more,
});

describe('the requirements as they come from the template', () => {
  it('are read with their defaults', () => {
    expect(wish()).toMatchObject({
      vCpus: { min: 2, max: 8 },
      memoryMiB: { min: 4096, max: null },
      accelerators: { min: 0, max: 0 },
      burstable: 'excluded',
      generations: [],
      excluded: [],
    });
  });

  it.each([
    [{ architecture: 'mips' }, /Requirements.architecture must be one of x86_64, arm64/],
    [{ vCpus: { min: 8, max: 2 } }, /Requirements.vCpus has a maximum of 2, below its minimum of 8/],
    [{ most: 21 }, /most must be a whole number from 1 to 20/],
    [{ zones: [] }, /zones must be a list of 1/],
    [{ excluded: ['m5 *'] }, /excluded\[0\] must be a word/],
  ])('are refused: %j', (change, says) => {
    const parsed = readInstanceWish(JSON.stringify({ ...WISH, ...change }));
    expect(parsed.ok ? '' : parsed.problem).toMatch(says);
  });
});

describe('the choice', () => {
  it('takes the smallest: accelerators, vCPUs, memory, name', () => {
    const chosen = chooseTypes(wish(), [
      facts('m7i.2xlarge', 8),
      facts('m7i.large', 2),
      facts('r7i.large', 2, { memoryMiB: 16_384 }),
      facts('m6i.large', 2),
      facts('g5.small', 1, { accelerators: 1 }),
      facts('c7i.xlarge', 4),
    ]);
    expect(chosen).toEqual(['m6i.large', 'm7i.large', 'r7i.large']);
  });

  it('takes none that is not on spot, or not in a zone of the cluster', () => {
    const gone = [facts('a1.large', 2, { spot: false }), facts('a2.large', 2, { zones: ['eu-west-1c'] })];
    expect(chooseTypes(wish(), gone)).toEqual([]);
  });

  it("doesn't depend on the order of EC2's answer", () => {
    const anyFacts = fc.record({
      size: fc.integer({ min: 1, max: 4 }),
      accelerators: fc.integer({ min: 0, max: 2 }),
      spot: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyFacts, { maxLength: 30 }), fc.integer({ min: 1, max: 20 }), (all, most) => {
        const types = all.map(({ size, ...rest }, i) => facts(`t${i}.x`, size, rest));
        const chosen = chooseTypes(wish({ most }), types);
        expect(chooseTypes(wish({ most }), types.toReversed())).toEqual(chosen);
        expect(chosen.length).toBe(Math.min(most, types.filter(({ spot }) => spot).length));
      }),
    );
  });
});

describe('asking EC2', () => {
  const denied = { ok: false, error: { kind: 'configuration', code: 'UnauthorizedOperation', message: 'no' } } as const;
  const options = { untilMs: monoMs(300_000), mendMs: 90_000 };

  it('waits until new rights are seen, and then chooses', () => {
    const script = resolveTypes(wish(), options, at(0));
    expect(script.next().value).toMatchObject({ type: 'calls', calls: [{ op: 'findInstanceTypes' }] });
    expect(script.next({ outcomes: [denied], ctx: at(1_000) }).value).toMatchObject({ type: 'wait' });
    script.next({ outcomes: [], ctx: at(3_000) });
    const { value } = script.next({ outcomes: [{ ok: true, value: [facts('m7i.large', 2)] }], ctx: at(4_000) });
    expect(value).toEqual({ ok: true, types: ['m7i.large'], fitting: 1 });
  });

  it('gives up when nobody mends them', () => {
    const script = resolveTypes(wish(), options, at(0));
    script.next();
    const { done, value } = script.next({ outcomes: [denied], ctx: at(90_000) });
    expect(done).toBe(true);
    expect(answerOfTypes(value as never)).toMatchObject({
      status: 'FAILED',
      reason: expect.stringMatching(/UnauthorizedOperation/),
    });
  });

  it('says which of the two is wrong when no type is left', () => {
    expect(answerOfTypes({ ok: true, types: [], fitting: 0 }).reason).toMatch(/No instance type of the Region has/);
    expect(answerOfTypes({ ok: true, types: [], fitting: 4 }).reason).toMatch(/4 instance types .* none .* on spot/);
    expect(answerOfTypes({ ok: true, types: ['a.b', 'c.d'], fitting: 9 })).toEqual({
      status: 'SUCCESS',
      reason: '2 of 9 types that fit: a.b, c.d.',
      data: { InstanceTypes: '["a.b","c.d"]' },
    });
  });
});
