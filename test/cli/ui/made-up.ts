import type { NodeRow } from '../../../cli/rehearse/cluster-view.js';
import { incidentsOf } from '../../../cli/rehearse/incidents.js';
import { incidentCard, nodeCards, zoneCards } from '../../../cli/rehearse/ui/view-model.js';
import type { Picture } from '../../../cli/ui/picture.js';
import { goodEvents, silentEvents } from '../rehearse/story.js';

const ZONES = ['us-east-1a', 'us-east-1b', 'us-east-1c'];
const TYPES = ['m7g.large', 'm6g.large'];

export function row(slot: number, rest: Partial<NodeRow> = {}): NodeRow {
  return {
    node: {
      instanceId: `i-${slot.toString(16).padStart(17, '0')}`,
      seat: { slot, generation: 1, rung: 0 },
      zone: ZONES[slot % 3] ?? '',
      instanceType: TYPES[slot % 2] ?? '',
      market: slot % 11 === 5 ? 'on-demand' : 'spot',
    },
    launchedMs: 0,
    phase: 'running',
    target: 'healthy',
    deadlineMs: null,
    overMs: null,
    atRisk: false,
    agentDead: false,
    ...rest,
  };
}

/** A cluster in the midst of some trouble. */
export function madeUp(size: number, nowMs: number): Picture {
  const rows = Array.from({ length: size }, (_, slot) => row(slot));
  const change = (slot: number, rest: Partial<NodeRow>): void => {
    if (slot < size) rows[slot] = row(slot, rest);
  };
  change(3, { phase: 'noticed', deadlineMs: nowMs + 14_000 });
  change(1, { phase: 'booting', target: 'initial' });
  change(5, { atRisk: true });
  change(40, { phase: 'dead', overMs: nowMs });
  change(77, { target: 'unhealthy' });
  change(90, { phase: 'ending' });
  const shifted = (by: number) => (e: ReturnType<typeof goodEvents>[number]) =>
    e.type === 'notice' ? { ...e, atMs: e.atMs + by, deadlineMs: e.deadlineMs + by } : { ...e, atMs: e.atMs + by };
  const announced = incidentsOf({
    events: goodEvents()
      .slice(0, 8)
      .map(shifted(nowMs - 16_000)),
  });
  const silent = incidentsOf({ events: silentEvents().map(shifted(nowMs - 60_000)) });
  const alone = rows[2]?.node.instanceId ?? '';
  return {
    nowMs,
    nodes: nodeCards(rows, {
      nowMs,
      cutOff: new Set([alone]),
      seenBy: new Map([[alone, { alive: 3, suspect: 2, asked: 5 }]]),
      requests: new Map(rows.map(({ node }, i) => [node.instanceId, 100 + i])),
    }),
    parts: {
      head: {
        title: 'spot market on a bad day, seed 42',
        stage: 'waiting',
        stageText: 'The script is over: what happens now is up to you.',
        desired: size,
        serving: rows.filter((one) => one.phase === 'running' && one.target === 'healthy').length,
        spot: rows.filter(({ node }) => node.market === 'spot').length,
        onDemand: rows.filter(({ node }) => node.market === 'on-demand').length,
        partitioned: true,
        acts: true,
        commands: [],
        figures: [],
      },
      zones: zoneCards(
        ZONES,
        ZONES.flatMap((zone) => TYPES.map((instanceType) => ({ zone, instanceType }))),
        new Set(['us-east-1c']),
      ),
      traffic: {
        sent: 48_211,
        failed: 3,
        rate: 500,
        p99Ms: 12.4,
        p99: Array.from({ length: 90 }, (_, i) =>
          i === 40 ? null : 10 + 6 * Math.sin(i / 5) + (i > 60 && i < 66 ? 60 : 0),
        ),
        failures: Array.from({ length: 90 }, (_, i) => (i === 62 ? 3 : 0)),
      },
      tasks: { submitted: 200, waiting: 50, running: 24, done: 125, ended: 1 },
      concerns: null,
      incidents: [...announced, ...silent].map((incident) => incidentCard(incident)),
      lines: Array.from({ length: 30 }, (_, i) => ({
        n: 30 - i,
        stamp: `${(41.3 - i).toFixed(1)} s`,
        text:
          i === 4 ? 'interruption of slot 3' : 'slot 3 (i-00000000000000003) got its interruption notice, 20.0 s left',
        act: i === 4,
      })),
    },
  };
}
