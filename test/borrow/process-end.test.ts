/** The end of the process, as far as a test survives it: a listener of its own keeps the signals from ending it. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { giveBackAtEnd, type Held } from '../../borrow/process-end.js';
import { eventually } from '../local/eventually.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const mine = (): void => {};
let before: readonly number[];
const counts = (): readonly number[] => [...SIGNALS, 'beforeExit'].map((name) => process.listenerCount(name));

beforeEach(() => {
  for (const signal of SIGNALS) process.on(signal, mine);
  before = counts();
});

afterEach(() => {
  for (const signal of SIGNALS) process.off(signal, mine);
});

interface Fake extends Held {
  readonly lines: string[];
  backs: number;
  finish: () => void;
}

function fake(fails = false): Fake {
  let finish = (): void => {};
  const finished = new Promise<void>((resolve, reject) => {
    finish = () => (fails ? reject(new Error('The stack is left.')) : resolve());
  });
  finished.catch(() => {});
  const lines: string[] = [];
  return {
    lines,
    backs: 0,
    finish,
    say: (line) => lines.push(line),
    giveBack(this: Fake) {
      this.backs += 1;
      return finished;
    },
  };
}

it('nobody listens as long as nothing is held', () => {
  const [one, two] = [fake(), fake()];
  const letGo = giveBackAtEnd(one);
  const letGoToo = giveBackAtEnd(two);
  expect(counts()).toEqual(before.map((count) => count + 1));
  letGo();
  letGo();
  expect(counts()).toEqual(before.map((count) => count + 1));
  letGoToo();
  expect(counts()).toEqual(before);
});

it('a signal gives all back, at the same time, and is heard no more then', async () => {
  const [one, two] = [fake(), fake()];
  giveBackAtEnd(one);
  giveBackAtEnd(two);
  process.emit('SIGTERM', 'SIGTERM');
  expect([one.backs, two.backs]).toEqual([1, 1]);
  expect(one.lines).toEqual(["SIGTERM: giving the cluster back; a second SIGTERM doesn't wait for it"]);
  expect(counts()).not.toEqual(before);
  one.finish();
  two.finish();
  await eventually('it listens no more', () => counts().every((count, i) => count === before[i]));
});

it('a second signal waits for nothing', () => {
  const one = fake();
  giveBackAtEnd(one);
  process.emit('SIGINT', 'SIGINT');
  process.emit('SIGINT', 'SIGINT');
  expect(one.backs).toBe(1);
  expect(counts()).toEqual(before);
});

it('what can not be given back becomes a warning of the process', async () => {
  const warnings: string[] = [];
  const listen = (warning: Error): void => {
    if (warning.name === 'SynktiWarning') warnings.push(warning.message);
  };
  process.on('warning', listen);
  const one = fake(true);
  giveBackAtEnd(one);
  process.emit('SIGTERM', 'SIGTERM');
  one.finish();
  await eventually('the warning comes', () => warnings.length > 0);
  process.off('warning', listen);
  expect(warnings).toEqual(['The stack is left.']);
});

it('the natural end gives back, too', async () => {
  const one = fake();
  giveBackAtEnd(one);
  process.emit('beforeExit', 0);
  expect(one.backs).toBe(1);
  one.finish();
  await eventually('it listens no more', () => counts().every((count, i) => count === before[i]));
});
