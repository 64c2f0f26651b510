/**
 * What a node knows of its own fate: at most one interruption, at most one spell of being at risk. The same notice seen
 * again changes nothing; an earlier deadline replaces a later one.
 */
import type { PolicySpec } from '../spec/spec.js';
import { after, type Context, type WallMs } from '../time.js';
import {
  type InterruptionNotice,
  type MaintenanceNotice,
  type Notice,
  noticeIdentity,
  type Reading,
} from './notice.js';

export interface Fate {
  readonly interruption: { readonly notice: InterruptionNotice; readonly detectedMs: WallMs } | null;
  readonly risk: Risk | null;
  /** Identities already handled, newest last; bounded. */
  readonly seen: readonly string[];
  /** Polls in a row that brought no clear answer. */
  readonly unclear: number;
}

export interface Risk {
  readonly cause: 'rebalance' | 'maintenance';
  readonly detectedMs: WallMs;
  /** When it passes, if nothing happens. A maintenance doesn't pass. */
  readonly untilMs: WallMs | null;
}

export type FateNews =
  | { readonly type: 'interrupted'; readonly notice: InterruptionNotice }
  | { readonly type: 'at-risk'; readonly risk: Risk }
  | { readonly type: 'risk-passed' }
  | { readonly type: 'unclear'; readonly why: string };

/** A notice whose time is over by this much is of an earlier life of the instance (stopped and started again). */
const STALE_MS = 60_000;
const MAX_SEEN = 32;

export const NO_FATE: Fate = { interruption: null, risk: null, seen: [], unclear: 0 };

export interface FateStep {
  readonly fate: Fate;
  readonly news: readonly FateNews[];
}

export function learn(fate: Fate, reading: Reading, policy: PolicySpec, ctx: Context): FateStep {
  if (reading.type === 'unclear') {
    return { fate: { ...fate, unclear: fate.unclear + 1 }, news: [{ type: 'unclear', why: reading.why }] };
  }
  let next: Fate = { ...fate, unclear: 0 };
  const news: FateNews[] = [];
  for (const notice of reading.type === 'notices' ? reading.notices : []) {
    const identity = noticeIdentity(notice);
    if (next.seen.includes(identity)) continue;
    next = { ...next, seen: [...next.seen, identity].slice(-MAX_SEEN) };
    const step = take(next, notice, policy, ctx);
    next = step.fate;
    news.push(...step.news);
  }
  return { fate: next, news };
}

/** Time passes: a risk that nothing came of is over. */
export function expire(fate: Fate, ctx: Context): FateStep {
  const until = fate.risk?.untilMs ?? null;
  if (until === null || ctx.wallMs < until) return { fate, news: [] };
  return { fate: { ...fate, risk: null }, news: [{ type: 'risk-passed' }] };
}

function take(fate: Fate, notice: Notice, policy: PolicySpec, ctx: Context): FateStep {
  switch (notice.kind) {
    case 'interruption':
      return interrupted(fate, notice, ctx);
    case 'rebalance':
      if (policy.rebalance === 'ignore') return { fate, news: [] };
      return atRisk(fate, { cause: 'rebalance', detectedMs: ctx.wallMs, untilMs: after(ctx.wallMs, policy.atRiskMs) });
    case 'maintenance':
      return harmless(notice) ? { fate, news: [] } : atRisk(fate, maintenanceRisk(ctx));
  }
}

function interrupted(fate: Fate, notice: InterruptionNotice, ctx: Context): FateStep {
  if (notice.deadlineMs < ctx.wallMs - STALE_MS) return { fate, news: [] };
  // Hibernation begins at once: there are no two minutes.
  const real = notice.action === 'hibernate' ? { ...notice, deadlineMs: ctx.wallMs } : notice;
  if (fate.interruption !== null && fate.interruption.notice.deadlineMs <= real.deadlineMs) return { fate, news: [] };
  const interruption = { notice: real, detectedMs: fate.interruption?.detectedMs ?? ctx.wallMs };
  return { fate: { ...fate, interruption, risk: null }, news: [{ type: 'interrupted', notice: real }] };
}

function atRisk(fate: Fate, risk: Risk): FateStep {
  if (fate.interruption !== null || fate.risk?.untilMs === null) return { fate, news: [] };
  return { fate: { ...fate, risk }, news: [{ type: 'at-risk', risk }] };
}

const maintenanceRisk = (ctx: Context): Risk => ({ cause: 'maintenance', detectedMs: ctx.wallMs, untilMs: null });

/** A mere reboot of the host's network keeps the instance; these codes are the ones that end or restart it. */
function harmless(notice: MaintenanceNotice): boolean {
  return !['instance-stop', 'instance-retirement', 'instance-reboot', 'system-reboot', 'system-maintenance'].includes(
    notice.code,
  );
}
