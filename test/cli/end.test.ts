import { expect, it } from 'vitest';
import { endSoon } from '../../cli/end.js';

it('a command that is over ends its process, once its output was taken', () => {
  const acts: (() => void)[] = [];
  let [waiting, ended] = [10, 0];
  endSoon(
    () => waiting,
    () => ended++,
    (act) => acts.push(act),
  );
  expect(ended).toBe(0);
  acts.shift()?.();
  expect([ended, acts.length]).toEqual([0, 1]);
  waiting = 0;
  acts.shift()?.();
  expect([ended, acts.length]).toEqual([1, 0]);
});
