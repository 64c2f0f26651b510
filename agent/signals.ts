/**
 * The figures that a cluster is watched by, as one node knows them. They have the names of CloudWatch's metrics in
 * Prometheus's way of writing: `FailoverTime` is `synkti_failover_time_milliseconds`; docs/fallback.md says what they mean.
 */
import type { CloudErrorKind } from '../core/cloud.js';
import { drainFigures } from '../core/drain/figures.js';
import { classOf, ERROR_CLASSES, type ErrorClass } from '../core/fallback/outcome.js';
import type { NodeState } from '../core/node/state.js';
import type { Sample } from './metrics.js';

const CLASS_NAMES: Readonly<Record<ErrorClass, string>> = {
  capacity: 'capacity_missing_total',
  quota: 'quota_reached_total',
  throttle: 'throttled_total',
  configuration: 'configuration_error_total',
  other: 'other_error_total',
};

/** @param calls calls to AWS by operation and result, as `launch capacity` */
export function signalSamples(state: NodeState, calls: Readonly<Record<string, number>>): Sample[] {
  const { fate, drain, hearing, vacancies, counters } = state;
  const figures = drain === null ? null : drainFigures(drain.ledger);
  return [
    one('notices_total', 'Interruption notices of this node', fate.interruption === null ? 0 : 1),
    one('drains_cut_total', 'Drains that ran out of time', figures?.cut ? 1 : 0),
    one('requests_lost_total', 'Requests in flight when the workloads ended', figures?.requestsLost ?? 0),
    one('nodes_launched_total', 'Seats that this node filled', counters.replacementsLaunched),
    one('gossip_apart', 'This node hears at most half of the seats, for half a minute', hearing.apart ? 1 : 0),
    one('empty_slots', 'Slots that nobody holds, as this node hears it', vacancies.size),
    ...timeSample('detection_delay', 'From the notice to knowing of it', figures?.detectionMs),
    ...timeSample('failover_time', 'From knowing of the leave to being out of all target groups', figures?.failoverMs),
    ...timeSample('replacement_time', 'From knowing of the leave to the launched replacement', figures?.replacementMs),
    ...timeSample('drain_time', 'From knowing of the leave to the stop of the workloads', figures?.drainMs),
    ...failureSamples(calls),
  ];
}

const one = (name: string, help: string, value: number): Sample => ({ name, help, label: null, values: { '': value } });

/** A time is there once it is known. */
const timeSample = (name: string, help: string, ms: number | null | undefined): Sample[] =>
  ms === null || ms === undefined ? [] : [one(`${name}_milliseconds`, help, ms)];

/** Launches that failed, by the classes that the functions count by. */
function failureSamples(calls: Readonly<Record<string, number>>): Sample[] {
  const counts: Record<ErrorClass, number> = { capacity: 0, quota: 0, throttle: 0, configuration: 0, other: 0 };
  for (const [call, count] of Object.entries(calls)) {
    const [op, result] = call.split(' ');
    if (op === 'launch' && result !== undefined && result !== 'ok') counts[classOf(result as CloudErrorKind)] += count;
  }
  return ERROR_CLASSES.map((name) => one(CLASS_NAMES[name], `Launches that failed: ${name}`, counts[name]));
}
