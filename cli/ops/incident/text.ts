/** Incidents as text: a list, and one of them with its ledger. */
import type { Colors } from '../../aws/flags.js';
import { countText, elapsedText, secondsText, shortZone, timeText, usdText, wrap } from '../show.js';
import { type Column, tableLines } from '../table.js';
import { type Incident, launcherText, type Step } from './incident.js';
import type { Incidents } from './read.js';

export interface TextOptions {
  readonly width: number;
  readonly colors: Colors;
  readonly region: string;
  readonly nowMs: number;
  /** What a command needs to mean the same cluster, with a space before it; absent: nothing. */
  readonly flags?: string;
}

export function listText({ incidents, total, unreadable, unseen }: Incidents, options: TextOptions): string {
  const { colors, width, region, nowMs } = options;
  const columns: Column<Incident>[] = [
    { head: 'AGO', value: ({ atMs }) => elapsedText(nowMs - atMs), right: true },
    { head: 'WHEN (UTC)', from: 104, value: ({ atMs }) => timeText(atMs) },
    {
      head: 'CAUSE',
      value: ({ cause }) => cause,
      style: (text, { cause }) => (cause === 'silent' ? colors.yellow(text) : text),
    },
    { head: 'NODE', value: ({ instanceId }) => instanceId },
    { head: 'SEAT', spare: 3, value: ({ seat }) => `${seat.slot}.${seat.generation}` },
    { head: 'POOL', from: 104, value: ({ node }) => `${node.instanceType} ${shortZone(node.zone, region)}` },
    {
      head: 'DRAINED',
      spare: 2,
      value: drainedText,
      right: true,
      style: (text, one) => (isLate(one) ? colors.red(text) : text),
    },
    {
      head: 'LOST',
      from: 112,
      value: ({ requestsLost }) => (requestsLost === null ? '-' : String(requestsLost)),
      right: true,
    },
    { head: 'REPLACED BY', spare: 1, value: byText },
    { head: 'AFTER', spare: 4, value: afterText, right: true },
    {
      head: 'OVERLAP',
      from: 120,
      value: ({ money }) => (money.overlapUsd === null ? '' : usdText(money.overlapUsd)),
      right: true,
    },
  ];
  const lines = incidents.length === 0 ? ['No incident in this time.'] : tableLines(incidents, columns, width, colors);
  const rest = total - incidents.filter(({ writtenBy }) => writtenBy !== 'nobody').length;
  const notes = [
    ...(rest > 0 ? [`${countText(rest, 'older report')}; --limit and --since show more`] : []),
    ...(incidents[0] === undefined
      ? []
      : [`synkti incident ${incidents[0].instanceId}${options.flags ?? ''} tells one whole`]),
  ].map((note) => colors.dim(note));
  const wrong = unreadable.map((key) => colors.yellow(`${key} is no incident report and was left out.`));
  const dark = unseen.map(({ what, why }) => colors.yellow(`Not seen: ${what}. ${why}`));
  return `${[...lines, ...notes, ...wrong, ...dark].join('\n')}\n`;
}

const isLate = ({ drainedMs, deadlineMs, steps }: Incident): boolean =>
  (drainedMs !== null && deadlineMs !== null && drainedMs > deadlineMs) ||
  steps.some(({ outcome }) => outcome === 'out-of-time');

const drainedText = ({ drainedMs, atMs }: Incident): string =>
  drainedMs === null ? '-' : secondsText(drainedMs - atMs);

function byText({ replacement, cause }: Incident): string {
  if (replacement === null) return isUnreplaced(cause) ? '-' : 'nobody yet';
  if (replacement.by === 'interruption' || replacement.by === 'ended') return 'Lambda';
  if (replacement.by === 'seeder') return 'deployment';
  return replacement.by ?? '?';
}

/** Nobody takes such a node's place, or somebody has it already. */
const isUnreplaced = (cause: Incident['cause']): boolean =>
  cause === 'scale-in' || cause === 'surplus' || cause === 'superseded' || cause === 'stop';

/** A silent death's moment isn't known well enough. */
function afterText({ replacement, atMs, cause, writtenBy }: Incident): string {
  if (replacement === null || replacement.launchedMs === null || cause === 'silent' || writtenBy !== 'node') return '';
  // Of a node that goes since its successor serves, the successor was there first.
  return replacement.launchedMs < atMs ? 'before' : secondsText(replacement.launchedMs - atMs);
}

export function incidentText(incident: Incident, options: TextOptions): string {
  const { colors, width } = options;
  const parts = [
    [colors.bold(incident.id), ...wrap(whatHappened(incident), width)],
    stepLines(incident, options),
    factLines(incident, options),
  ];
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

const CAUSES: Readonly<Record<Incident['cause'], string>> = {
  interruption: 'EC2 took it back',
  maintenance: "its host's maintenance",
  rebalance: 'it was replaced on a rebalance recommendation',
  'scale-in': 'its slot was not wanted any more',
  surplus: 'it was one too many',
  superseded: 'a newer node took its slot',
  update: 'a rolling update replaced it',
  stop: 'somebody stopped it, or it failed',
  silent: 'it went without a word',
};

export function whatHappened(incident: Incident): string {
  const { node, seat, atMs, deadlineMs, cause, launchedMs, instanceId, writtenBy } = incident;
  const lived = launchedMs === null ? '' : ` It had run for ${elapsedText(atMs - launchedMs)}.`;
  const notice = deadlineMs === null ? '' : `, with ${secondsText(deadlineMs - atMs)} of notice left`;
  const by =
    writtenBy === 'node'
      ? ''
      : writtenBy === 'fallback'
        ? ' It left no report; the fallback wrote this one.'
        : ' Nobody wrote a report.';
  return `${instanceId} (seat ${seat.slot}.${seat.generation}, ${node.instanceType} ${node.lifecycle} in ${node.zone}) went at ${timeText(atMs)} UTC: ${CAUSES[cause]}${notice}.${lived}${by}`;
}

const BAR = 24;

function stepLines(incident: Incident, { colors, width }: TextOptions): string[] {
  const { steps, atMs } = incident;
  if (steps.length === 0) return [];
  const endMs = Math.max(
    incident.deadlineMs ?? 0,
    ...steps.map(({ endedMs, startedMs }) => endedMs ?? startedMs ?? atMs),
  );
  const at = (ms: number): number => Math.round(((ms - atMs) / Math.max(1, endMs - atMs)) * BAR);
  const bar = ({ startedMs, endedMs }: Step): string => {
    if (startedMs === null) return '';
    const from = at(startedMs);
    return `${' '.repeat(from)}${'#'.repeat(Math.max(1, at(endedMs ?? startedMs) - from))}`;
  };
  const columns: Column<Step>[] = [
    { head: 'STEP', value: ({ step }) => step },
    {
      head: 'FROM',
      spare: 2,
      value: ({ startedMs }) => (startedMs === null ? '' : `+${secondsText(startedMs - atMs)}`),
      right: true,
    },
    { head: 'TOOK', value: ({ tookMs }) => (tookMs === null ? '' : secondsText(tookMs)), right: true },
    {
      head: 'BUDGET',
      spare: 1,
      value: ({ budgetMs }) => (budgetMs === null ? '' : secondsText(budgetMs)),
      right: true,
    },
    {
      head: 'OUTCOME',
      value: outcomeText,
      style: (text, { outcome }) =>
        outcome === 'out-of-time' ? colors.red(text) : outcome === 'done' ? colors.green(text) : text,
    },
    {
      head: `0 s${' '.repeat(BAR - 9)}${secondsText(endMs - atMs)}`,
      from: 92,
      value: bar,
      style: (text) => colors.dim(text),
    },
  ];
  return tableLines(steps, columns, width, colors);
}

/** The report is written before its own last step ends. */
export const outcomeText = ({ outcome, step }: Step): string =>
  outcome ?? (step === 'last-words' ? 'this report' : 'not finished');

function factLines(incident: Incident, { width, nowMs }: TextOptions): string[] {
  const facts = factsOf(incident, nowMs);
  const longest = Math.max(...facts.map(([name]) => name.length)) + 2;
  return facts.flatMap(([name, text]) => wrap(text, width, name.padEnd(longest)));
}

/** What the text and the page say below the ledger. */
export function factsOf(incident: Incident, nowMs: number): [string, string][] {
  const { replacement, money, cause, atMs, deadlineMs, drainedMs, requestsLost, node } = incident;
  const facts: [string, string][] = [];
  if (drainedMs !== null) {
    const left =
      deadlineMs === null
        ? ''
        : drainedMs <= deadlineMs
          ? `, ${secondsText(deadlineMs - drainedMs)} before the deadline`
          : `, ${secondsText(drainedMs - deadlineMs)} after the deadline`;
    facts.push(['Drained', `${secondsText(drainedMs - atMs)} after it knew${left}`]);
  }
  if (requestsLost !== null) facts.push(['Requests', lostText(requestsLost)]);
  if (replacement === null) facts.push(['Replacement', isUnreplaced(cause) ? 'none was wanted' : 'nobody yet']);
  else {
    const { node: heir, seat, launchedMs, instanceId } = replacement;
    const what = heir === null ? 'EC2 shows it no longer' : `${heir.instanceType} ${heir.lifecycle} in ${heir.zone}`;
    facts.push([
      'Replacement',
      `${instanceId} (${seat === null ? '' : `seat ${seat.slot}.${seat.generation}, `}${what})`,
    ]);
    const after =
      launchedMs === null
        ? ''
        : incident.writtenBy === 'node'
          ? launchedMs < atMs
            ? `, ${secondsText(atMs - launchedMs)} before the node left`
            : `, ${secondsText(launchedMs - atMs)} after the node knew`
          : `, at ${timeText(launchedMs)} UTC`;
    facts.push(['Launched by', `${launcherText(incident)}${after}`]);
  }
  if (money.overlapMs !== null) {
    const price = money.overlapUsd === null ? 'price not known' : usdText(money.overlapUsd);
    facts.push([
      'Overlap',
      money.overlapMs < 1_000 ? 'none' : `${elapsedText(money.overlapMs)} of two nodes, ${price}`,
    ]);
  }
  if (replacement?.node?.lifecycle === 'on-demand') {
    const until = `since, ${elapsedText(nowMs - (replacement.launchedMs ?? nowMs))}`;
    facts.push([
      'On-demand',
      money.onDemandUsd === null
        ? `the replacement is on-demand (${until}); ${NO_PRICE}`
        : `${usdText(money.onDemandUsd)} more than spot ${until}`,
    ]);
  }
  if (money.redoneMs > 0) {
    const price = money.redoneUsd === null ? 'price not known' : usdText(money.redoneUsd);
    facts.push(['Redone work', `${elapsedText(money.redoneMs)} of tasks, ${price}`]);
  }
  if (node.lifecycle === 'spot') {
    facts.push([
      'Saved',
      money.savedUsd === null
        ? NO_PRICE
        : `${usdText(money.savedUsd)} by this node on spot instead of on-demand, before it went`,
    ]);
  }
  return facts;
}

const lostText = (count: number): string =>
  count === 0
    ? 'none was in flight when its workloads stopped'
    : `${count} lost: in flight when its workloads or its time ended`;

const NO_PRICE = 'not known: EC2 has no list of on-demand prices; give --on-demand-price TYPE=USD';
