/** docs/tasks.md says what the code does: fields, defaults, variables, keys, rights. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { DEFAULT_TASKS } from '../../../core/spec/parse.js';
import * as keys from '../../../core/tasks/keys.js';
import { parseSubmission, TASK_DEFAULTS } from '../../../core/tasks/submission.js';
import { wallMs } from '../../../core/time.js';

const ROOT = join(import.meta.dirname, '../../..');
const text = readFileSync(join(ROOT, 'docs/tasks.md'), 'utf8');

/** Rows of the table whose head begins so. */
function table(head: string): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${head} `));
  if (start < 0) throw new Error(`There is no table with the column ${head}.`);
  const end = lines.findIndex((line, i) => i > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const names = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? '');
const context = { wallMs: wallMs(0), newId: () => 'x' };

it('has every field of a submission, and its default', () => {
  const rows = table('field');
  const known = parseSubmission('{"thisIsNoFieldAtAll": 1}', 'x', context);
  const list = known.ok ? '' : (/known are (.*)\.$/.exec(known.problem)?.[1] ?? '');
  expect(rows.flatMap(([field = '']) => names(field)).sort()).toEqual(list.split(', ').sort());
  const defaults = Object.fromEntries(rows.map(([field = '', , standard]) => [names(field)[0], standard]));
  expect(defaults).toMatchObject({
    memory: `${TASK_DEFAULTS.memoryMiB} MiB`,
    retries: String(TASK_DEFAULTS.retries),
    priority: String(TASK_DEFAULTS.priority),
    stopGrace: `${TASK_DEFAULTS.stopGraceMs / 1_000} s`,
  });
  const flowing = text.replace(/\s+/g, ' ');
  expect(flowing).toContain(`\`interval\` (${TASK_DEFAULTS.checkpointIntervalMs / 60_000} minutes)`);
  expect(flowing).toContain(`the policy \`${TASK_DEFAULTS.deadlinePolicy}\` (default)`);
  expect(DEFAULT_TASKS.leaseMs).toBe(60_000);
});

it('has examples that can be submitted', () => {
  const block = /```json\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  const lines = block.trim().split('\n');
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(parseSubmission(line, 'docs', context)).toMatchObject({ ok: true });
});

it('has the variables that the agent sets', () => {
  const source = readFileSync(join(ROOT, 'agent/tasks/execution.ts'), 'utf8');
  const set = [...source.matchAll(/^\s+(?:\.\.\.\(.*\{ )?(SYNKTI_[A-Z_]+):/gm)].map(([, name]) => name ?? '');
  expect(table('variable').flatMap(([name = '']) => names(name))).toEqual([...new Set([...set, 'SYNKTI_DATA_DIR'])]);
});

it('has every place of the queue', () => {
  const places = [keys.OPEN, keys.LEASES, keys.CHECKPOINTS, keys.ENDED, keys.FAILED, keys.LOGS];
  expect(table('keys').flatMap(([name = '']) => names(name))).toEqual(
    places.map((place) => place.slice(keys.TASKS.length)),
  );
});
