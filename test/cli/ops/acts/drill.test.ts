/** What a drill makes of what it sees. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judgeDrill, openWitness, type Witness, witness } from '../../../../cli/ops/acts/drill/judge.js';
import { dryRunText, recordOf } from '../../../../cli/ops/acts/drill/local.js';
import { type DrillRecord, recordHtml, sealed, writeRecord } from '../../../../cli/ops/acts/drill/record.js';
import type { OpsNode } from '../../../../cli/ops/answers.js';
import { idOf, NOW_MS, opsNode, view } from '../scene.js';

const three = { desired: 3 };
const report = { key: 'incidents/x.json', instanceId: idOf(1), writtenMs: NOW_MS };

/** Looks of a drill of slot 1, two seconds apart. */
function played(looks: readonly (readonly OpsNode[])[], reported = true): Witness {
  const state = openWitness([idOf(1)], view([opsNode(0), opsNode(1), opsNode(2)], {}, three));
  looks.forEach((nodes, i) => {
    witness(state, view(nodes, { atMs: NOW_MS + (i + 1) * 2_000, reports: reported ? [report] : [] }, three));
  });
  return state;
}

const others = [opsNode(0), opsNode(2)];
const heir = (change: Partial<OpsNode> = {}, generation = 2) =>
  opsNode(1, generation, { launchTimeMs: NOW_MS + 1_000, ...change });
const draining = opsNode(1, 1, { phase: 'draining' });
const broken = (state: Witness): string[] =>
  judgeDrill(state, 120_000)
    .filter(({ kept }) => !kept)
    .map(({ promise }) => promise);

describe('a drill', () => {
  it('is passed when the node acts, one successor comes in time, and all is as before', () => {
    const state = played([
      [...others, draining, heir({ phase: null })],
      [...others, draining, heir()],
      [...others, heir()],
    ]);
    expect(broken(state)).toEqual([]);
    expect(judgeDrill(state, 120_000).map(({ told }) => told)).toEqual([
      'all within 2.0 s',
      'the last after 1.0 s',
      'the last after 4.0 s',
      '1 successor for 1 seat',
      'at least 2 of 3 slots served, in 3 looks',
      'nobody did',
      '1 of 1',
    ]);
  });

  it('is over only when the seat is served and the node is gone', () => {
    const state = openWitness([idOf(1)], view([...others, opsNode(1)], {}, three));
    expect(witness(state, view([...others, draining, heir()], {}, three))).toBe(false);
    expect(witness(state, view([...others, heir({ phase: null })], {}, three))).toBe(true);
  });

  it.each<[string, Witness, string[]]>([
    [
      'nothing happened',
      played([[...others, opsNode(1)]], false),
      [
        'Each node acts on its notice',
        'Each replacement is launched before the node is gone',
        'Each seat is served again',
        'Exactly one successor for each seat',
        'Each node leaves its incident report',
      ],
    ],
    ['the node went without a word', played([others, [...others, heir()]], true), ['Each node acts on its notice']],
    [
      'the successor came too late',
      played([[...others, draining], others, [...others, heir({ launchTimeMs: NOW_MS + 5_000 })]]),
      ['Each replacement is launched before the node is gone'],
    ],
    [
      'two successors',
      played([
        [...others, draining, heir()],
        [...others, heir(), heir({}, 3)],
      ]),
      ['Exactly one successor for each seat'],
    ],
    [
      'another node was lost',
      played([
        [opsNode(0), draining, heir({ phase: null })],
        [opsNode(0), heir()],
      ]),
      ['No other slot stops serving', 'Nobody else goes'],
    ],
  ])('is failed: %s', (_, state, promises) => {
    expect(broken(state)).toEqual(promises);
  });
});

describe('a record', () => {
  const record: DrillRecord = {
    format: 1,
    kind: 'fis',
    cluster: 'web',
    region: 'us-east-1',
    what: 'Experiment <EXP1>',
    startedAt: '2026-01-17T10:30:00.123Z',
    endedAt: '2026-01-17T10:32:00.000Z',
    kept: false,
    promises: [
      { promise: 'a & b', kept: false, told: 'not for i-1' },
      { promise: 'c', kept: null, told: '-' },
    ],
    hits: [],
    signedOff: { by: 'arn:aws:iam::123456789012:user/x', account: '123456789012' },
  };

  it('is written twice, with a digest of all the rest', () => {
    const folder = mkdtempSync(join(tmpdir(), 'drill-test-'));
    try {
      const [json = '', html = ''] = writeRecord(join(folder, 'new'), record);
      expect(json).toMatch(/drill-20260117T103000Z\.json$/);
      const { sha256, ...rest } = JSON.parse(readFileSync(json, 'utf8')) as ReturnType<typeof sealed>;
      expect(sha256).toBe(createHash('sha256').update(JSON.stringify(rest)).digest('hex'));
      expect(readFileSync(html, 'utf8')).toContain(sha256);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('shows what it was given as text, and asks no host', () => {
    const html = recordHtml(sealed(record));
    expect(html).toContain('Experiment &lt;EXP1&gt;');
    expect(html).toContain('a &amp; b');
    expect(html).toContain('A promise was broken.');
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(/https?:\/\/|<script/);
  });

  it('of a rehearsal: a dry run says what it would play, as a line for the shell', () => {
    expect(dryRunText([], false)).toBe('It would play: synkti rehearse\nA dry run: nothing was done.\n');
    const flags = ['--workload', 'node server.js', '--interrupt', '0,1@5s'];
    expect(dryRunText(flags, false)).toContain("synkti rehearse --workload 'node server.js' --interrupt 0,1@5s\n");
    expect(JSON.parse(dryRunText(flags, true))).toMatchObject({
      command: 'drill',
      steps: [expect.stringContaining('synkti rehearse --workload')],
      dryRun: true,
    });
  });

  it('of a rehearsal has its promises, those that were not put to the test too', () => {
    const made = recordOf({
      kept: true,
      promises: [
        { text: 'one', state: 'kept', figure: '1' },
        { text: 'two', state: 'untested', figure: '-' },
      ],
    });
    expect(made.promises.map(({ kept }) => kept)).toEqual([true, null]);
    expect(recordOf({ kept: false, problem: "It can't be deployed." }).what).toContain("It can't be deployed.");
  });
});
