/** Started by a schedule; see core/fallback/sweep.ts. */
import { sweep } from '../core/fallback/errands.js';
import { type Lease, tendLease } from '../core/fallback/lease.js';
import { lookAround } from '../core/fallback/look.js';
import { assess, classOf } from '../core/fallback/outcome.js';
import { host } from './host.js';
import { budgetEnd, type LambdaContext, type Parts, play } from './parts.js';
import { countErrand, METRIC_OF } from './telemetry.js';

export const createSweepHandler =
  (parts: Parts) =>
  async (_event: unknown, context: LambdaContext): Promise<void> => {
    const { telemetry, clock, settings } = parts;
    const start = clock();
    if (settings.lease !== null && (await isOver(parts, settings.lease))) return;
    const seen = await play(parts, lookAround({ name: settings.cluster, parameter: settings.specParameter }));
    if (!seen.ok) {
      if (seen.error.kind === 'not-found') return telemetry.log('info', 'no-spec', {});
      throw new Error(`The sweep can't look: ${seen.error.code}: ${seen.error.message}`);
    }
    const means = { untilMs: budgetEnd(context, start), mendMs: 0, drainDocument: null, launcher: 'sweep' } as const;
    const { acts, counts, spotUsdPerHour, done } = await play(parts, sweep(seen, means, clock()));
    const assessment = assess(done);
    const ended = acts.flatMap((act) => (act.type === 'end' ? [{ instanceId: act.instanceId, why: act.why }] : []));
    telemetry.count('EmptySlots', counts.empty);
    telemetry.count('ServingSlots', counts.serving);
    telemetry.count('OnDemandNodes', counts.onDemand);
    telemetry.count('SurplusNodes', counts.surplus);
    telemetry.count('GossipApart', counts.apart);
    if (spotUsdPerHour !== null) telemetry.count('SpotCostPerHour', spotUsdPerHour);
    // Agents never return to spot by themselves: doing so is nothing that they missed.
    const inTheirPlace = acts.some((act) => act.type !== 'fill' || act.kind !== 'return');
    telemetry.count(inTheirPlace ? 'FallbackActed' : 'FallbackNotNeeded');
    if (ended.length > 0) telemetry.count('NodesEnded', ended.length);
    countErrand(telemetry, assessment);
    telemetry.log(acts.length > 0 ? 'warn' : 'info', 'swept', {
      ...counts,
      spotUsdPerHour,
      acts: acts.length,
      ended,
      filled: done.filled,
      failures: done.failures,
    });
    const { again } = assessment;
    // Errors of a schedule's call are seen in the function's own metric; the next period tries again.
    if (again?.kind === 'configuration') throw new Error(`${again.code}: ${again.message}`);
  };

/** Whether the cluster's lease ran out: then the stack goes, and nothing is mended any more. */
async function isOver(parts: Parts, lease: Lease): Promise<boolean> {
  const { telemetry } = parts;
  const end = await play(parts, tendLease(lease));
  const { error } = end;
  if (error !== null) telemetry.count(METRIC_OF[classOf(error.kind)]);
  if (end.state === 'alive') {
    if (error !== null) telemetry.log('warn', 'lease-unknown', { error });
    return false;
  }
  const { stackId, lengthMs } = lease;
  telemetry.log('warn', 'lease-ended', { stackId, lengthMs, ageMs: end.ageMs, error });
  if (error === null) telemetry.count('LeaseEnded');
  else if (error.kind === 'configuration')
    throw new Error(`The stack can't be deleted: ${error.code}: ${error.message}`);
  return true;
}

export const handler = host('sweep', createSweepHandler);
