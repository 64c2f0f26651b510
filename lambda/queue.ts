import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { Means } from '../core/fallback/carry-out.js';
import type { Errand, Seen } from '../core/fallback/errands.js';
import { type FallbackEvent, readEvent } from '../core/fallback/event.js';
import { type Look, lookAround } from '../core/fallback/look.js';
import { assess } from '../core/fallback/outcome.js';
import type { Script } from '../core/fallback/script.js';
import type { Context } from '../core/time.js';
import { Foreign } from './foreign.js';
import { budgetEnd, type LambdaContext, type Parts, play } from './parts.js';
import { countEnd, countErrand } from './telemetry.js';

/** Of SQS's event, what is used. */
export interface QueueEvent {
  readonly Records: readonly QueueRecord[];
}

export interface QueueRecord {
  readonly messageId: string;
  readonly body: string;
}

/** `ReportBatchItemFailures`: the messages that must come again. */
export interface QueueAnswer {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

type InstanceEvent = Exclude<FallbackEvent, { readonly kind: 'irrelevant' }>;

/** The errand of an event for one of its instances; null: another function's affair. */
export type ErrandOf = (
  event: InstanceEvent,
  instanceId: string,
  seen: Seen,
  means: Means,
  ctx: Context,
) => Script<Errand> | null;

/** The message comes again, and ends as a dead letter when that goes on. */
class TryAgain extends Error {
  override readonly name = 'TryAgain';
}

/** A handler of EventBridge's events from a queue. One look serves a whole batch; messages are tended at once. */
export function createQueueHandler(parts: Parts, errandOf: ErrandOf) {
  const { telemetry, clock, settings } = parts;
  const cluster = { name: settings.cluster, parameter: settings.specParameter };
  const foreign = new Foreign();

  return async (batch: QueueEvent, context: LambdaContext): Promise<QueueAnswer> => {
    let shared: Promise<Look> | null = null;
    const look = (): Promise<Look> => {
      shared ??= play(parts, lookAround(cluster));
      return shared;
    };
    const untilMs = budgetEnd(context, clock());
    const means: Means = { untilMs, mendMs: 0, drainDocument: settings.drainDocument };
    const tendRecord = (record: QueueRecord): Promise<void> => tend(record, look, means);
    const processor = new BatchProcessor(EventType.SQS);
    // The declared types ask for every field of a record; only two are used.
    return (await processPartialResponse(batch as never, tendRecord as never, processor, {
      throwOnFullBatchFailure: false,
    })) as QueueAnswer;
  };

  async function tend({ messageId, body }: QueueRecord, look: () => Promise<Look>, means: Means): Promise<void> {
    const reading = readEvent(body);
    if (!reading.ok) {
      telemetry.count('PoisonMessage');
      telemetry.log('error', 'poison-message', { messageId, why: reading.why, body: body.slice(0, 1_000) });
      return;
    }
    const { event } = reading;
    if (event.kind === 'irrelevant') {
      telemetry.log('debug', 'irrelevant', { messageId, why: event.why });
      return;
    }
    const ids = event.instanceIds.filter((id) => !foreign.has(id, clock().nowMs));
    if (ids.length === 0) return;
    const seen = await look();
    if (!seen.ok) {
      // A cluster without a spec is being deleted: whoever deletes it ends its nodes.
      if (seen.error.kind === 'not-found') return telemetry.log('info', 'no-spec', { messageId });
      throw new TryAgain(`${seen.error.code}: ${seen.error.message}`);
    }
    for (const instanceId of ids) {
      if (seen.nodes.some((node) => node.instanceId === instanceId)) await tendOne(event, instanceId, seen, means);
      else foreign.add(instanceId, clock().nowMs);
    }
  }

  async function tendOne(event: InstanceEvent, instanceId: string, seen: Seen, means: Means): Promise<void> {
    const script = errandOf(event, instanceId, seen, means, clock());
    if (script === null) return;
    const { verdict, done, figures = null } = await play(parts, script);
    const assessment = assess(done);
    const { acted, again, launched, unfilled } = assessment;
    telemetry.count(verdict.needed ? 'FallbackActed' : 'FallbackNotNeeded');
    countErrand(telemetry, assessment);
    const seat = seen.nodes.find((node) => node.instanceId === instanceId)?.seat ?? null;
    telemetry.log(verdict.needed ? 'warn' : 'info', verdict.needed ? 'acted' : 'not-needed', {
      event: event.kind,
      instanceId,
      ...(seat === null ? {} : { slot: seat.slot, generation: seat.generation }),
      why: verdict.why,
      acts: verdict.acts.map(({ type }) => type),
      ...(verdict.needed ? { acted, launched, unfilled, filled: done.filled, failures: done.failures } : {}),
    });
    if (again !== null) throw new TryAgain(`${again.code}: ${again.message}`);
    // Last, so that what comes again isn't counted twice.
    if (event.kind === 'interruption') telemetry.count('Notices');
    if (figures === null) return;
    countEnd(telemetry, figures);
    telemetry.log('info', 'incident', { instanceId, ...figures });
  }
}
