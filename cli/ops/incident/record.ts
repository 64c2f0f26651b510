/** The incident reports and launch records of a bucket, checked where they come in. */
import { z } from 'zod';
import { DRAIN_STEPS, type DrainStep, type Ledger } from '../../../core/drain/ledger.js';
import type { LaunchRecord } from '../../../core/seats/launch-record.js';
import type { HeldSeat } from '../../../core/seats/seat.js';
import { wallMs } from '../../../core/time.js';

/** A report as a node or the fallback writes it. */
export interface Report extends Ledger {
  readonly zone: string;
  readonly instanceType: string;
  readonly lifecycle: 'spot' | 'on-demand';
  readonly writtenBy: 'node' | 'fallback';
}

const count = z.number().int().nonnegative();
const ms = count.transform((value) => wallMs(value));
const instanceId = z.string().regex(/^i-[0-9a-f]{8,17}$/);
const seat = z.object({ slot: count, generation: z.number().int().positive(), rung: count });
const entry = z.object({
  startedMs: ms.nullable(),
  endedMs: ms.nullable(),
  budgetMs: count.nullable(),
  outcome: z.enum(['done', 'skipped', 'out-of-time']).nullable(),
});

const report = z.object({
  format: z.literal(1),
  zone: z.string().max(40),
  instanceType: z.string().max(40),
  lifecycle: z.enum(['spot', 'on-demand']),
  id: z.string().max(80),
  instanceId,
  seat,
  cause: z.enum(['interruption', 'maintenance', 'rebalance', 'scale-in', 'surplus', 'superseded', 'update', 'stop']),
  detectedMs: ms,
  deadlineMs: ms.nullable(),
  steps: z.object(Object.fromEntries(DRAIN_STEPS.map((step) => [step, entry])) as Record<DrainStep, typeof entry>),
  replacement: instanceId.nullable(),
  // Agents of before it was counted don't tell.
  requestsLost: count.nullable().default(null),
  writtenBy: z.literal('fallback').optional(),
});

const launchRecord = z.object({
  format: z.literal(1),
  seat,
  instanceId,
  by: z.enum(['agent', 'peer', 'interruption', 'ended', 'sweep', 'seeder', 'operator']),
  launcher: instanceId.nullable(),
  atMs: ms,
});

/** Null when the text is no report. */
export function parseReport(text: string): Report | null {
  const parsed = report.safeParse(jsonIn(text));
  if (!parsed.success) return null;
  const { writtenBy, format: _format, ...rest } = parsed.data;
  return { ...rest, writtenBy: writtenBy ?? 'node' };
}

/** Null when the text is no record of this seat. */
export function parseLaunchRecord(text: string, of: Pick<HeldSeat, 'slot' | 'generation'>): LaunchRecord | null {
  const parsed = launchRecord.safeParse(jsonIn(text));
  if (!parsed.success) return null;
  const { slot, generation } = parsed.data.seat;
  return slot === of.slot && generation === of.generation ? parsed.data : null;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
