import type { Timeline, TimelineEvent, Traffic } from '../../../cli/rehearse/timeline.js';
import { beginStep, endStep, type Ledger, openLedger } from '../../../core/drain/ledger.js';
import { wallMs } from '../../../core/time.js';

/** A good rehearsal of two seats, from which each test spoils one thing: slot 0 is interrupted at 10 s with 20 s left. */
export const CALM: Traffic = {
  sent: 1_000,
  failed: 0,
  slow: 0,
  slowMs: 1_000,
  p50Ms: 4,
  p99Ms: 9,
  maxMs: 20,
  failures: [],
};

export const node = (instanceId: string, slot: number, generation: number) => ({
  instanceId,
  seat: { slot, generation, rung: 0 },
  zone: 'us-east-1a',
  instanceType: 'm7g.large',
  market: 'spot' as const,
});

export function ledgerOf(instanceId: string, slot: number, detectedMs: number, deadlineMs: number): Ledger {
  const seat = { slot, generation: 1, rung: 0 };
  const at = (ms: number) => wallMs(detectedMs + ms);
  let ledger = openLedger(instanceId, seat, 'interruption', wallMs(detectedMs), wallMs(deadlineMs));
  ledger = endStep(beginStep(ledger, 'deregister', at(0), null), 'deregister', at(100), 'done');
  return endStep(beginStep(ledger, 'stop', at(6_000), 2_000), 'stop', at(6_500), 'done');
}

export const goodEvents = (): TimelineEvent[] => [
  { atMs: -8_000, type: 'launched', node: node('i-a', 0, 1) },
  { atMs: -8_000, type: 'launched', node: node('i-b', 1, 1) },
  { atMs: -2_000, type: 'target', instanceId: 'i-a', state: 'healthy' },
  { atMs: -2_000, type: 'target', instanceId: 'i-b', state: 'healthy' },
  { atMs: 10_000, type: 'notice', instanceId: 'i-a', deadlineMs: 30_000 },
  { atMs: 10_600, type: 'call', action: 'CreateFleet', caller: 'i-a', ok: true },
  { atMs: 10_610, type: 'launched', node: node('i-c', 0, 2) },
  { atMs: 10_700, type: 'target', instanceId: 'i-a', state: 'draining' },
  { atMs: 15_000, type: 'target', instanceId: 'i-c', state: 'healthy' },
  { atMs: 18_000, type: 'ledger', ledger: ledgerOf('i-a', 0, 10_500, 30_000) },
  { atMs: 30_000, type: 'ending', instanceId: 'i-a' },
];

/** Slot 0 dies without a word at 10 s. */
export const silentEvents = (): TimelineEvent[] => [
  ...goodEvents().slice(0, 4),
  { atMs: 10_000, type: 'died', instanceId: 'i-a' },
  { atMs: 12_000, type: 'target', instanceId: 'i-a', state: 'unhealthy' },
  { atMs: 16_000, type: 'launched', node: node('i-c', 0, 2) },
  { atMs: 21_000, type: 'target', instanceId: 'i-c', state: 'healthy' },
];

export const timelineOf = (events: readonly TimelineEvent[], rest: Partial<Timeline> = {}): Timeline => ({
  desired: 2,
  startedMs: 0,
  endedMs: 60_000,
  events: [...events].sort((a, b) => a.atMs - b.atMs),
  traffic: CALM,
  limits: { firstActMs: 2_000, silentMs: 10_000, outageMs: 5_000, surplusMs: 10_000 },
  leftovers: { processes: 0, files: 0, ports: 0 },
  ...rest,
});
