import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { escapeHtml, incidentHtml } from '../../../cli/ops/incident/html.js';
import { type IncidentFacts, incidentOf, launcherText, silentIncident } from '../../../cli/ops/incident/incident.js';
import { parseLaunchRecord, parseReport, type Report } from '../../../cli/ops/incident/record.js';
import { incidentText, listText } from '../../../cli/ops/incident/text.js';
import { costOf, readOnDemandPrices, spentOn } from '../../../cli/ops/prices.js';
import { beginStep, endStep, openLedger } from '../../../core/drain/ledger.js';
import type { LaunchRecord } from '../../../core/seats/launch-record.js';
import { wallMs } from '../../../core/time.js';
import { EPOCH_MS, seatOf } from '../../core/fixtures.js';
import { idOf, NOW_MS, opsNode } from './scene.js';

const KNEW = wallMs(EPOCH_MS + 1_800_000);
const HEIR = opsNode(1, 2, { launchTimeMs: KNEW + 400, instanceType: 'm6g.large' });

/** A drain that kept its budgets: 3 s of serving, 100 ms to stop. */
function reportOf(change: Partial<Report> = {}): Report {
  let ledger = openLedger(idOf(1), seatOf(1), 'interruption', KNEW, wallMs(KNEW + 120_000));
  ledger = endStep(beginStep(ledger, 'tell-peers', KNEW, null), 'tell-peers', wallMs(KNEW + 1), 'done');
  ledger = endStep(beginStep(ledger, 'keep-serving', KNEW, 3_000), 'keep-serving', wallMs(KNEW + 3_000), 'done');
  ledger = endStep(beginStep(ledger, 'stop', wallMs(KNEW + 3_000), 9_000), 'stop', wallMs(KNEW + 3_100), 'done');
  ledger = beginStep(ledger, 'last-words', wallMs(KNEW + 3_100), 10_000);
  return {
    ...ledger,
    zone: 'us-east-1a',
    instanceType: 'm7g.large',
    lifecycle: 'spot',
    writtenBy: 'node',
    replacement: HEIR.instanceId,
    ...change,
  };
}

const launch = (
  by: LaunchRecord['by'],
  launcher: string | null,
  seat = seatOf(1, 2),
  instanceId = HEIR.instanceId,
): LaunchRecord => ({
  format: 1,
  seat,
  instanceId,
  by,
  launcher,
  atMs: wallMs(KNEW + 200),
});

function factsOf(change: Partial<IncidentFacts> = {}): IncidentFacts {
  return {
    nowMs: NOW_MS,
    nodes: [opsNode(1, 1, { state: 'terminated', endedMs: KNEW + 120_000 }), HEIR],
    launches: new Map([['1.2', launch('agent', idOf(1))]]),
    prices: {
      spot: new Map([
        ['m7g.large us-east-1a', [{ fromMs: EPOCH_MS, usdPerHour: 0.03 }]],
        ['m6g.large us-east-1a', [{ fromMs: EPOCH_MS, usdPerHour: 0.036 }]],
      ]),
      onDemand: new Map([
        ['m7g.large', 0.08],
        ['m6g.large', 0.07],
      ]),
    },
    redone: new Map(),
    ...change,
  };
}

const TEXT = { width: 80, colors: pc.createColors(false), region: 'us-east-1', nowMs: NOW_MS };

describe('reports', () => {
  it('are read as nodes and the fallback write them', () => {
    const { writtenBy, ...written } = reportOf();
    expect(parseReport(JSON.stringify({ format: 1, cluster: 'web', ...written }))).toEqual(reportOf());
    expect(parseReport(JSON.stringify({ format: 1, ...written, writtenBy: 'fallback' }))?.writtenBy).toBe('fallback');
    expect(writtenBy).toBe('node');
  });

  it.each(['', '{', 'null', '[]', '{"format":2}', '{"format":1,"instanceId":"<script>"}'])(
    'nonsense is none: %s',
    (text) => {
      expect(parseReport(text)).toBeNull();
    },
  );

  it('a record of another seat is none', () => {
    const text = JSON.stringify(launch('peer', idOf(0)));
    expect(parseLaunchRecord(text, seatOf(1, 2))).toEqual(launch('peer', idOf(0)));
    expect(parseLaunchRecord(text, seatOf(1, 3))).toBeNull();
    expect(parseLaunchRecord('x', seatOf(1, 2))).toBeNull();
  });
});

describe('an incident', () => {
  it('has its ledger, its replacement and its cost', () => {
    const incident = incidentOf(reportOf(), factsOf());
    expect(incident.steps.map(({ step, tookMs }) => [step, tookMs])).toEqual([
      ['tell-peers', 1],
      ['keep-serving', 3_000],
      ['stop', 100],
      ['last-words', null],
    ]);
    expect(incident.drainedMs).toBe(KNEW + 3_100);
    expect(incident.replacement).toMatchObject({ instanceId: HEIR.instanceId, by: 'agent', launchedMs: KNEW + 200 });
    // Two nodes from the launch until EC2 took the first.
    expect(incident.money.overlapMs).toBe(119_800);
    expect(incident.money.overlapUsd).toBeCloseTo((0.036 * 119_800) / 3_600_000, 9);
    // Half an hour and two minutes at five cents less.
    expect(incident.money.savedUsd).toBeCloseTo((0.05 * 1_920_000) / 3_600_000, 6);
    expect(incident.money.onDemandUsd).toBeNull();
  });

  it('tells what an on-demand replacement costs more, and work that was done again', () => {
    const heir = opsNode(1, 2, { lifecycle: 'on-demand', launchTimeMs: KNEW });
    const facts = factsOf({
      nodes: [heir],
      launches: new Map(),
      redone: new Map([[idOf(1), [{ redoneMs: 600_000, share: 0.5 }]]]),
    });
    const { money, replacement } = incidentOf(reportOf(), facts);
    expect(replacement?.by).toBeNull();
    expect(money.onDemandUsd).toBeCloseTo(0.05 / 2, 6);
    expect(money.redoneUsd).toBeCloseTo((0.03 * 300_000) / 3_600_000, 9);
  });

  it('without prices says nothing of money', () => {
    const { money } = incidentOf(reportOf(), factsOf({ prices: { spot: new Map(), onDemand: new Map() } }));
    expect(money).toMatchObject({ overlapUsd: null, savedUsd: null, redoneUsd: null });
  });

  it.each<[LaunchRecord['by'], string | null, string]>([
    ['agent', idOf(1), 'its own agent'],
    ['agent', idOf(5), `the agent of ${idOf(5)}`],
    ['peer', idOf(0), `peer ${idOf(0)}`],
    ['interruption', null, 'the Lambda for interruptions'],
    ['ended', null, 'the Lambda for ended nodes'],
    ['sweep', null, 'the sweep'],
    ['seeder', null, 'a deployment'],
    ['operator', null, 'somebody, by synkti replace'],
  ])('launched by %s %s: %s', (by, launcher, text) => {
    const facts = factsOf({ launches: new Map([['1.2', launch(by, launcher)]]) });
    expect(launcherText(incidentOf(reportOf(), facts))).toBe(text);
  });

  it('takes the launch of its own node, not of another one for the same seat', () => {
    const nodes = [opsNode(1, 1, { state: 'terminated', launchTimeMs: EPOCH_MS }), HEIR];
    for (const [instanceId, launchedMs] of [
      [idOf(1), KNEW + 200],
      ['i-00000000000000009', EPOCH_MS],
    ] as const) {
      const launches = new Map([['1.1', launch('seeder', null, seatOf(1, 1), instanceId)]]);
      expect(incidentOf(reportOf(), factsOf({ nodes, launches })).launchedMs).toBe(launchedMs);
    }
  });

  it('a record of another node than the one that EC2 answered with is not taken for it', () => {
    const launches = new Map([['1.2', launch('sweep', null, seatOf(1, 2), 'i-00000000000000009')]]);
    expect(launcherText(incidentOf(reportOf(), factsOf({ launches })))).toBe('not written down');
  });

  it('of a node that went without a word is made from what EC2 shows', () => {
    const dead = opsNode(1, 1, { state: 'terminated', endedMs: KNEW });
    const facts = factsOf({ launches: new Map([['1.2', launch('peer', idOf(0))]]) });
    expect(silentIncident(dead, facts)).toMatchObject({
      cause: 'silent',
      writtenBy: 'nobody',
      atMs: KNEW,
      replacement: { by: 'peer' },
    });
    expect(silentIncident({ ...dead, phase: null }, facts)).toBeNull();
    expect(silentIncident({ ...dead, seat: null }, facts)).toBeNull();
  });
});

describe('as text', () => {
  it('a list fits 80 columns', () => {
    const incidents = [incidentOf(reportOf(), factsOf())];
    const text = listText({ incidents, total: 3, unreadable: ['incidents/x.json'], unseen: [] }, TEXT);
    expect(
      Math.max(
        ...text
          .split('\n')
          .slice(0, 2)
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(80);
    expect(text).toMatch(/30m +interruption +i-0+101 +1\.1 +3\.1 s +agent +0\.20 s/);
    expect(text).toContain('2 older reports');
    expect(text).toContain('incidents/x.json is no incident report');
  });

  it('one tells its steps and its facts', () => {
    const text = incidentText(incidentOf(reportOf(), factsOf()), TEXT);
    expect(text).toMatch(/keep-serving +\+0\.00 s +3\.0 s +3\.0 s +done/);
    expect(text).toContain('Drained      3.1 s after it knew, 116.9 s before the deadline');
    expect(text).toContain('Launched by  its own agent, 0.20 s after the node knew');
  });

  it('one tells the requests it lost, and those of an old agent not at all', () => {
    const textOf = (requestsLost: number | null) =>
      incidentText(incidentOf(reportOf({ requestsLost }), factsOf()), TEXT);
    expect(textOf(3)).toContain('Requests     3 lost: in flight when');
    expect(textOf(0)).toContain('Requests     none was in flight');
    expect(textOf(null)).not.toContain('Requests');
    const { requestsLost: _, ...old } = reportOf();
    expect(parseReport(JSON.stringify({ ...old, format: 1, writtenBy: undefined }))?.requestsLost).toBeNull();
  });

  it('one whose successor was there first says so', () => {
    const early = factsOf({
      launches: new Map([['1.2', { ...launch('operator', null), atMs: wallMs(KNEW - 6_000) }]]),
    });
    const superseded = incidentOf(reportOf({ cause: 'superseded' }), early);
    expect(incidentText(superseded, TEXT)).toContain('somebody, by synkti replace, 6.0 s before the node left');
    const list = { incidents: [superseded], total: 1, unreadable: [], unseen: [] };
    expect(listText(list, { ...TEXT, width: 100, flags: ' --cluster web' })).toMatch(/operator +before/);
    expect(listText(list, { ...TEXT, flags: ' --cluster web' })).toContain(
      `synkti incident ${idOf(1)} --cluster web tells`,
    );
  });

  it('a node that nobody should replace', () => {
    const report = reportOf({ cause: 'scale-in', replacement: null, deadlineMs: null });
    const text = incidentText(incidentOf(report, factsOf({ nodes: [], launches: new Map() })), TEXT);
    expect(text).toContain('Replacement  none was wanted');
  });
});

describe('as a page', () => {
  it('asks no other host, runs no script, and lets nothing through that came from a record', () => {
    const evil = reportOf({ instanceType: '<img src=x onerror=alert(1)>' });
    const html = incidentHtml(incidentOf(evil, factsOf()), '"><script>', NOW_MS);
    expect(html).not.toMatch(/<script|<img|https?:\/\/|url\(/);
    expect(html).toContain("default-src 'none'");
    expect(html).toContain('keep-serving');
    expect(escapeHtml(`<&>"'`)).toBe('&lt;&amp;&gt;&quot;&#39;');
  });
});

describe('prices', () => {
  it('hold until the next one; the first also before it', () => {
    const history = [
      { fromMs: 3_600_000, usdPerHour: 1 },
      { fromMs: 7_200_000, usdPerHour: 2 },
    ];
    expect(spentOn(history, 0, 3_600_000)).toBe(1);
    expect(spentOn(history, 3_600_000, 10_800_000)).toBe(3);
    expect(spentOn([], 0, 1)).toBeNull();
    expect(costOf({ instanceType: 'a', zone: 'b', lifecycle: 'on-demand' }, 0, 1, factsOf().prices)).toBeNull();
  });

  it('from a file that is none is a mistake of the user', () => {
    expect(() => readOnDemandPrices('/nowhere.json', '--on-demand-prices')).toThrow(
      "--on-demand-prices /nowhere.json can't be read",
    );
    expect(() => readOnDemandPrices(import.meta.filename, '--on-demand-prices')).toThrow("can't be read");
  });
});
