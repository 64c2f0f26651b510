import { gossipHealth, members } from '../core/gossip/gossip.js';
import { isDue } from '../core/node/copies.js';
import type { NodeState } from '../core/node/state.js';
import { ownHealth } from '../core/node/view.js';
import type { GossipCounters } from './gossip-socket.js';
import type { HostCounters } from './host.js';
import type { Pages } from './http.js';
import type { ImdsCounters } from './imds.js';
import { renderMetrics, type Sample } from './metrics.js';
import { signalSamples } from './signals.js';
import type { TasksHost } from './tasks/host.js';
import { taskSamples, tasksPage } from './tasks/pages.js';

/** What the agent shows of itself. Before its brain runs there is only the step that its start has come to. */
export interface Running {
  readonly state: () => NodeState;
  readonly host: Readonly<HostCounters>;
  readonly gossip: Readonly<GossipCounters>;
  /** Null: this node runs no tasks, or not yet. */
  readonly tasks?: () => TasksHost | null;
}

export interface Shown {
  readonly version: string;
  /** What the start waits for; null when it is over. */
  startingStep: string | null;
  running: Running | null;
  readonly imds: Readonly<ImdsCounters>;
}

export function pagesOf(shown: Shown): Pages {
  const ifRunning = <T>(read: (state: NodeState) => T): T | { readonly starting: string | null } =>
    shown.running === null ? { starting: shown.startingStep } : read(shown.running.state());
  return {
    health() {
      if (shown.running === null) return { ok: false, phase: 'starting', waitingFor: shown.startingStep };
      const state = shown.running.state();
      const workload = ownHealth(state);
      return {
        ok: state.phase === 'serving' && workload === 'healthy',
        phase: state.phase,
        workload,
        leaving: state.leaving,
        version: shown.version,
      };
    },
    members: () => ifRunning((state) => members(state.gossip)),
    seat: () =>
      ifRunning((state) => ({
        ...state.identity,
        phase: state.phase,
        specVersion: state.spec.version,
        waiting: waitingOf(state),
        targets: state.targets.map(({ arn, port, state: at }) => ({ arn, port, state: at })),
        workloads: Object.fromEntries(
          [...state.workloads].flatMap(([name, { status }]) => (isDue(state, name) ? [[name, status]] : [])),
        ),
        filling: [...state.pursuits.values()].map(({ position, stage, kind, lastError }) => ({
          position,
          stage,
          kind,
          lastError,
        })),
      })),
    incidents: () => ifRunning((state) => (state.drain === null ? [] : [state.drain.ledger])),
    tasks: () => ifRunning(() => tasksPage(shown.running?.tasks?.() ?? null)),
    metrics: () => renderMetrics(samplesOf(shown)),
  };
}

/** What the Banker's rule holds back, and why. */
function waitingOf({ waiting }: NodeState) {
  return waiting === null ? null : { act: waiting.act, cause: waiting.cause, reason: waiting.reason };
}

const PHASES: readonly NodeState['phase'][] = ['looking', 'serving', 'leaving', 'drained', 'gone'];

export function samplesOf({ running, imds }: Shown): Sample[] {
  const samples: Sample[] = [
    { name: 'up', help: '1 once the brain runs', label: null, values: { '': running === null ? 0 : 1 } },
    {
      name: 'imds_total',
      help: 'Requests to IMDS, of these token fetches, refused tokens and failures',
      label: 'kind',
      values: { ...imds },
    },
    {
      name: 'resident_memory_bytes',
      help: 'Resident set of the agent',
      label: null,
      values: { '': process.memoryUsage.rss() },
    },
  ];
  if (running === null) return samples;
  const state = running.state();
  const { dropped, ...traffic } = running.gossip;
  const { counters, ...levels } = gossipHealth(state.gossip);
  const health = ownHealth(state);
  samples.push(
    {
      name: 'phase',
      help: '1 for the phase that the node is in',
      label: 'phase',
      values: Object.fromEntries(PHASES.map((phase) => [phase, phase === state.phase ? 1 : 0])),
    },
    {
      name: 'healthy',
      help: '1 while the workloads are healthy and registered',
      label: null,
      values: { '': health === 'healthy' ? 1 : 0 },
    },
    {
      name: 'waiting',
      help: '1 while an act of the node waits since it is not safe, or paused',
      label: 'act',
      values: state.waiting === null ? {} : { [state.waiting.act]: 1 },
    },
    {
      name: 'in_flight',
      help: 'Requests in flight, by workload',
      label: 'workload',
      values: Object.fromEntries([...state.workloads].map(([name, w]) => [name, w.status.inFlight ?? Number.NaN])),
    },
    {
      name: 'gossip',
      help: 'Local health score (0 is best), live members, suspects, words queued and dropped',
      label: 'kind',
      values: { ...levels },
    },
    { name: 'gossip_total', help: 'Gossip by kind of act', label: 'kind', values: { ...counters } },
    { name: 'gossip_traffic_total', help: 'Datagrams, bytes and exchanges', label: 'kind', values: { ...traffic } },
    {
      name: 'gossip_dropped_total',
      help: 'Dropped datagrams and exchanges, by reason',
      label: 'reason',
      values: { ...dropped },
    },
    {
      name: 'cloud_calls_total',
      help: 'Calls to AWS by operation and result',
      label: 'call',
      values: { ...running.host.calls },
    },
    {
      name: 'node_total',
      help: 'What this node did for others and for itself',
      label: 'kind',
      values: { ...state.counters },
    },
    {
      name: 'host_total',
      help: 'Events handled, effects that failed',
      label: 'kind',
      values: { events: running.host.events, effects_failed: running.host.effectsFailed },
    },
    ...signalSamples(state, running.host.calls),
    ...taskSamples(running.tasks?.() ?? null),
  );
  return samples;
}
