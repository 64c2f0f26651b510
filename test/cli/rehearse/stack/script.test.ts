import { describe, expect, it } from 'vitest';
import { describeAct } from '../../../../cli/rehearse/plan.js';
import { ground } from '../../../../cli/rehearse/pools.js';
import { NO_STACK_SCRIPT, readStackScript, type StackScriptFlags } from '../../../../cli/rehearse/stack/script.js';
import { readShortages } from '../../../../cli/rehearse/unkind.js';

const read = (flags: Partial<StackScriptFlags>, stack: object | null = {}) =>
  readStackScript({ ...NO_STACK_SCRIPT, ...flags }, { nodes: 6, announced: true, stack });

describe('the script of a stack', () => {
  it('lets an agent hang, and takes its node two seconds later', () => {
    expect(read({ killAgent: ['2@10s'] })).toEqual([
      { atMs: 10_000, act: { type: 'kill-agent', slots: [2] } },
      { atMs: 12_000, act: { type: 'interrupt', slots: [2], announced: true } },
    ]);
    expect(read({ killAllAgents: ['@5s'] }).map(({ act }) => act.type)).toEqual(['kill-agent', 'interrupt']);
  });

  it('plays races, updates, changes of size and the deletion in order of time', () => {
    const acts = read({ race: ['1@5s'], update: ['@20s'], scale: ['9@10s', '4@30s'], delete: ['@40s'] });
    expect(acts.map(({ atMs, act }) => [atMs, act.type])).toEqual([
      [5_000, 'race'],
      [10_000, 'scale'],
      [20_000, 'update'],
      [30_000, 'scale'],
      [40_000, 'delete'],
    ]);
    for (const { act } of acts) expect(describeAct(act)).not.toBe('');
  });

  it('counts the slots that a change of the size brings', () => {
    expect(() => read({ race: ['8@5s'] })).toThrow('slots are numbers from 0 to 5');
    expect(read({ race: ['8@15s'], scale: ['9@10s'] })).toHaveLength(2);
  });

  it.each([
    [{ killAgent: ['2'] }, '--kill-agent "2" can\'t be read'],
    [{ killAllAgents: ['10s'] }, '--kill-all-agents "10s" can\'t be read; write it like --kill-all-agents @10s'],
    [{ update: ['@soon'] }, '--update'],
    [{ scale: ['0@10s'] }, '--scale "0@10s" must name 1 to 64 nodes'],
    [{ scale: ['many@10s'] }, '--scale "many@10s"'],
    [{ delete: ['@1s', '@2s'] }, 'a stack ends once'],
  ])('refuses %j', (flags, problem) => {
    expect(() => read(flags)).toThrow(problem);
  });

  it('says that it needs a stack', () => {
    expect(() => read({ update: ['@10s'] }, null)).toThrow('--update needs a stack: give --app or --template with it.');
    expect(read({}, null)).toEqual([]);
  });

  it('reads shortages that begin and end', () => {
    const acts = readShortages(['spot@10s+20s', 'b'], ground([]));
    expect(acts).toEqual([
      { atMs: 10_000, act: { type: 'shortage', pool: { market: 'spot' }, name: 'spot', nodes: 0 } },
      { atMs: 30_000, act: { type: 'shortage', pool: { market: 'spot' }, name: 'spot', nodes: null } },
    ]);
    expect(() => readShortages(['spot@10s'], ground([]))).toThrow('write it like --no-capacity spot@10s+20s');
    expect(() => readShortages(['gold@10s+2s'], ground([]))).toThrow('"gold" is no pool');
  });
});
