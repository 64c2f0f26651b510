/** One node's end as the page shows it. */
import type { DrainStep } from '../../../core/drain/ledger.js';
import type { IncidentCard, StepLine } from '../../ui/picture.js';
import type { Report } from '../incident/record.js';
import { shortZone, timeText } from '../show.js';
import { beganMs, type Loss } from './losses.js';

/** @param desired slots from this one on aren't filled again */
export function incidentCard(loss: Loss, desired: number, region: string): IncidentCard {
  const { seat, zone, instanceId, report, announced } = loss;
  const atMs = beganMs(loss);
  const what = report === null ? (announced ? 'leaves' : 'silent death') : CAUSES[report.cause];
  const over = overText(loss, desired);
  return {
    id: `${instanceId}-${seat.generation}`,
    title: `Slot ${seat.slot}: ${what}, ${shortZone(zone, region)}`,
    kind: announced ? 'announced' : 'silent',
    atMs,
    deadlineMs: report?.deadlineMs ?? null,
    healedMs: null,
    ...(over === null ? {} : { overText: over }),
    steps: [...(report === null ? seenSteps(loss, atMs) : toldSteps(report)), ...heirSteps(loss, atMs, desired)],
  };
}

const CAUSES: Readonly<Record<Report['cause'], string>> = {
  interruption: 'interruption',
  maintenance: "its host's maintenance",
  rebalance: 'rebalance recommendation',
  'scale-in': 'not wanted any more',
  surplus: 'one too many',
  superseded: 'a newer node took over',
  update: 'rolling update',
  stop: 'stopped',
};

/** Nobody comes for these. */
const UNREPLACED: ReadonlySet<Report['cause']> = new Set(['scale-in', 'surplus', 'superseded', 'stop']);

function overText(loss: Loss, desired: number): string | null {
  const { before, servedMs, goneMs, report, seat } = loss;
  const when = before ? `${timeText(beganMs(loss)).slice(11, 16)}, ` : '';
  if (servedMs !== null) return before ? `${when}replaced` : `healed ~ ${roundText(servedMs - beganMs(loss))}`;
  const unwanted = seat.slot >= desired || (report !== null && UNREPLACED.has(report.cause));
  return unwanted && goneMs !== null ? `${when}gone` : null;
}

const roundText = (ms: number): string => `${Math.max(0, Math.round(ms / 1_000))} s`;

function seenSteps({ before, announced, outMs, drainedMs, goneMs }: Loss, atMs: number): StepLine[] {
  if (before) return [];
  if (!announced) return [about('load balancer stops sending', outMs, atMs)];
  return [
    about('deregistered', outMs, atMs),
    about('drained and stopped', drainedMs, atMs),
    ...(goneMs === null ? [] : [about('EC2 has ended it', goneMs, atMs)]),
  ];
}

const NAMES: readonly (readonly [DrainStep, string])[] = [
  ['tell-peers', 'peers told'],
  ['request-replacement', 'replacement asked for'],
  ['deregister', 'deregistered'],
  ['wait-in-flight', 'nothing in flight'],
  ['stop', 'stopped'],
];

/** Those that it went through. */
function toldSteps({ steps, detectedMs }: Report): StepLine[] {
  return NAMES.flatMap(([step, name]) => {
    const { endedMs, budgetMs, outcome } = steps[step];
    if (endedMs === null || outcome === 'skipped') return [];
    const late = outcome === 'out-of-time' ? ', out of time' : '';
    return [{ name: name + late, afterMs: Math.max(0, endedMs - detectedMs), budgetMs }];
  });
}

function heirSteps({ before, heir, servedMs, report, seat }: Loss, atMs: number, desired: number): StepLine[] {
  if (seat.slot >= desired || (report !== null && UNREPLACED.has(report.cause))) return [];
  if (before) return servedMs === null ? [about('replacement serves', null, atMs)] : [];
  return [
    ...(report === null ? [about('replacement launched', heir?.launchedMs ?? null, atMs)] : []),
    about('replacement serves', servedMs, atMs),
  ];
}

const about = (name: string, ms: number | null, atMs: number): StepLine => ({
  name,
  afterMs: ms === null ? null : Math.max(0, ms - atMs),
  budgetMs: null,
  ...(ms === null ? {} : { about: true }),
});
