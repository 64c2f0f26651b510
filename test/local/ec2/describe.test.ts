import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describe as describeInstances } from '../../../local/ec2/model/describe.js';
import { terminate } from '../../../local/ec2/model/life.js';
import { createTags } from '../../../local/ec2/model/tags.js';
import { ALL, codeOf, launch, launchOne, pass, states } from './helpers.js';
import { type World, world } from './world.js';

describe('lagging describes', () => {
  test('a new instance is not there yet, an ended one still runs, tags are old', () => {
    const at = world({ describeLagMs: 5_000 });
    const id = launchOne(at);
    const see = () => describeInstances(at.model, { ...ALL, instanceIds: [id] }, at.ctx()).items[0];
    expect(codeOf(see)).toBe('InvalidInstanceID.NotFound');
    expect(states(at)).toEqual([]);
    pass(at, 5_000);
    expect(see()?.state).toBe('pending');
    pass(at, 20_000);
    createTags(at.model, [id], { colour: 'red' }, at.ctx());
    terminate(at.model, [id], at.ctx());
    pass(at, 4_999);
    expect(see()).toMatchObject({ state: 'running', tags: expect.not.objectContaining({ colour: 'red' }) });
    pass(at, 1);
    expect(see()).toMatchObject({ state: 'shutting-down', tags: { colour: 'red' } });
  });

  test('what is seen is what was true then', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(12_000), { minLength: 1, maxLength: 15 }), fc.nat(20_000), (waits, lag) => {
        const act = (at: World, i: number): void => {
          const [first] = at.model.instances.keys();
          if (i % 3 === 0) launch(at, `t${i}`);
          else if (first !== undefined && i % 3 === 1) createTags(at.model, [first], { step: String(i) }, at.ctx());
          else if (first !== undefined) terminate(at.model, [first], at.ctx());
        };
        let now = 0;
        const times = waits.map((wait) => (now += wait + 1));
        const prompt = world();
        const truth = times.map((time, i) => {
          pass(prompt, time - prompt.now);
          act(prompt, i);
          return states(prompt);
        });
        const lagging = world({ describeLagMs: lag });
        const timeline = times.flatMap((time, i) => [
          { time, i, check: false },
          { time: time + lag, i, check: true },
        ]);
        timeline.sort((a, b) => a.time - b.time || Number(a.check) - Number(b.check));
        for (const { time, i, check } of timeline) {
          pass(lagging, time - lagging.now);
          if (check) expect(states(lagging)).toEqual(truth[i]);
          else act(lagging, i);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('describing', () => {
  test('filters join by and, values by or, with wildcards', () => {
    const at = world();
    launch(at, 'a', { tagSpecifications: [{ resourceType: 'instance', tags: { slot: '1', team: 'red*' } }] });
    launch(at, 'b', { tagSpecifications: [{ resourceType: 'instance', tags: { slot: '2' } }] });
    const find = (...filters: [string, ...string[]][]) =>
      describeInstances(
        at.model,
        { ...ALL, filters: filters.map(([name, ...values]) => ({ name, values })) },
        at.ctx(),
      ).items.map(({ tags }) => tags.slot);
    expect(find(['tag:slot', '1', '2'])).toEqual(['1', '2']);
    expect(find(['tag:slot', '*'], ['tag-key', 'te?m'])).toEqual(['1']);
    expect(find(['tag:team', 'red\\*'])).toEqual(['1']);
    expect(find(['tag:team', 'red'])).toEqual([]);
    expect(find(['instance-lifecycle', 'spot'], ['instance-state-name', 'pending', 'running'])).toHaveLength(2);
    expect(find(['private-ip-address', '127.64.1.2'])).toEqual(['2']);
    expect(codeOf(() => find(['colour', 'x']))).toBe('InvalidParameterValue');
    expect(codeOf(() => find(['tag:slot']))).toBe('InvalidParameterValue');
  });

  test('tags in the metadata must fit into a path', () => {
    const at = world();
    const id = launchOne(at);
    expect(codeOf(() => createTags(at.model, [id], { 'a/b': '' }, at.ctx()))).toBe('InvalidParameterValue');
    expect(codeOf(() => createTags(at.model, [id], { 'aws:x': '' }, at.ctx()))).toBe('InvalidParameterValue');
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, '']));
    expect(codeOf(() => createTags(at.model, [id], many, at.ctx()))).toBe('TagLimitExceeded');
    expect(codeOf(() => createTags(at.model, [id, 'lt-0'], { a: '' }, at.ctx()))).toBe(
      'InvalidLaunchTemplateId.NotFound',
    );
  });
});
