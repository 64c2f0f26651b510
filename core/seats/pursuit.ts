/**
 * A pursuit fills one seat: the lifecycle of asking EC2 for a node, shared by dying nodes, peers and Lambdas.
 *
 *     hint -> launch -+-> launched -> (joined: over) | (ended: next generation)
 *      ^              |
 *      |              +-> nothing launched, for certain: write the hint, next rung, pause
 *      |              +-> no answer, throttled: pause, same token
 *      +--------------+-> mismatch: somebody acted: search by tag -> found: launched | nobody for long: next rung
 *
 * Traps: an error is "nothing launched" only when EC2 says so; a lost reply is retried with the same token; the
 * position in S3 is read before every launch, so that a newcomer neither climbs from rung 0 nor reuses a token that
 * others are past; describes lag, so that "not there" counts only after `SEARCH_PATIENCE_MS`; a rung that was asked for in
 * one market is asked for again in the same, whatever presses meanwhile, or the answer would be a mismatch with oneself.
 */
import type { CloudCall, CloudError, Hint, LaunchAnswer, NodeView, Outcome } from '../cloud.js';
import type { Spec } from '../spec/spec.js';
import { after, type Context, type MonoMs, NEVER } from '../time.js';
import { isServing } from './apart.js';
import { launchRequest, seatMarket } from './launch.js';
import { backoffMs, comparePositions, type Market, nextRung } from './rung.js';
import type { HeldSeat } from './seat.js';
import { isLiveState } from './surplus.js';

/** How long a mismatch with nobody to be found may be a lagging describe. Raising it delays the next rung. */
export const SEARCH_PATIENCE_MS = 45_000;
/** Pause after an error that somebody must mend first. */
const CONFIGURATION_PAUSE_MS = 30_000;
/** How often a launched node that hasn't joined is looked up. */
const WATCH_MS = 20_000;

export type Stage = 'hint' | 'launch' | 'write' | 'search' | 'watch' | 'over';

export interface Pursuit {
  readonly slot: number;
  /** Why: decides how far it may climb. A wish (a spare) stops at the first "nothing launched". */
  readonly kind: 'need' | 'wish';
  readonly startedMs: MonoMs;
  readonly position: HeldSeat;
  readonly stage: Stage;
  /** A call is on its way. */
  readonly asked: boolean;
  readonly dueMs: MonoMs;
  /** Consecutive answers that didn't settle the rung. */
  readonly retries: number;
  readonly etag: string | null;
  readonly searchingSinceMs: MonoMs | null;
  readonly launched: { readonly instanceId: string; readonly atMs: MonoMs } | null;
  readonly lastError: CloudError | null;
  /** Where this rung was asked for; null: it wasn't yet. */
  readonly market: Market | null;
  /** The rung before was asked for on-demand under pressure, and in vain: this one goes where it would without. */
  readonly yields: boolean;
}

export type PursuitNews =
  | 'launched'
  | 'nothing-launched'
  | 'ended'
  | 'no-answer'
  | 'must-be-mended'
  | 'given-up'
  | null;

export interface PursuitStep {
  readonly pursuit: Pursuit;
  readonly news: PursuitNews;
}

export function startPursuit(kind: Pursuit['kind'], position: HeldSeat, ctx: Context): Pursuit {
  return {
    slot: position.slot,
    kind,
    startedMs: ctx.nowMs,
    position,
    stage: 'hint',
    asked: false,
    dueMs: ctx.nowMs,
    retries: 0,
    etag: null,
    searchingSinceMs: null,
    launched: null,
    lastError: null,
    market: null,
    yields: false,
  };
}

/** A pursuit of a seat whose node somebody else launched: only watched. */
export function watchLaunched(position: HeldSeat, instanceId: string, ctx: Context): Pursuit {
  return launchedAs(startPursuit('need', position, ctx), instanceId, ctx);
}

/**
 * The call that is due, if any; the caller sends it and marks the pursuit with {@link asked}.
 * @param pressed work with a deadline falls behind: a needed seat is asked for on-demand at the rung it has come to
 */
export function dueCall(pursuit: Pursuit, spec: Spec, ctx: Context, pressed = false): CloudCall | null {
  if (pursuit.asked || pursuit.dueMs > ctx.nowMs) return null;
  const { slot } = pursuit;
  switch (pursuit.stage) {
    case 'hint':
      return { op: 'readHint', bucket: spec.bucket, slot };
    case 'launch':
      return { op: 'launch', request: launchRequest(spec, pursuit.position, marketFor(pursuit, spec, pressed)) };
    case 'write':
      return { op: 'writeHint', bucket: spec.bucket, slot, position: pursuit.position, etag: pursuit.etag };
    case 'search':
    case 'watch':
      return { op: 'findNodes', cluster: spec.cluster, epoch: spec.epoch, slot };
    case 'over':
      return null;
  }
}

export const asked = (pursuit: Pursuit, call: CloudCall): Pursuit => {
  const market = call.op === 'launch' ? call.request.market : pursuit.market;
  return { ...pursuit, asked: true, dueMs: NEVER, market };
};

function marketFor({ position, kind, market, yields }: Pursuit, spec: Spec, pressed: boolean): Market {
  if (market !== null) return market;
  return pressed && kind === 'need' && !yields ? 'on-demand' : seatMarket(spec, position);
}

/** Takes the answer of the call that {@link dueCall} named. */
export function answered(pursuit: Pursuit, outcome: Outcome, spec: Spec, ctx: Context): PursuitStep {
  const p = { ...pursuit, asked: false };
  switch (p.stage) {
    case 'hint':
      return quiet(afterHint(p, outcome as Outcome<'readHint'>, ctx));
    case 'launch':
      return afterLaunch(p, outcome as Outcome<'launch'>, spec, ctx);
    case 'write':
      return quiet(afterWrite(p, outcome as Outcome<'writeHint'>, ctx));
    case 'search':
      return afterSearch(p, outcome as Outcome<'findNodes'>, ctx);
    case 'watch':
      return afterWatch(p, outcome as Outcome<'findNodes'>, spec, ctx);
    case 'over':
      return quiet(p);
  }
}

function afterHint(p: Pursuit, outcome: Outcome<'readHint'>, ctx: Context): Pursuit {
  // Without S3 the launch goes on: two nodes for a seat sort themselves out, an empty seat doesn't.
  const hint: Hint | null = outcome.ok ? outcome.value : null;
  const next = p.searchingSinceMs === null ? 'launch' : 'search';
  if (hint === null) return { ...p, etag: outcome.ok ? null : p.etag, stage: next, dueMs: ctx.nowMs };
  const ahead = comparePositions(hint.position, p.position) > 0;
  if (!ahead) return { ...p, etag: hint.etag, stage: next, dueMs: ctx.nowMs };
  // Others are past this rung: their word counts, and their pace.
  return { ...settled(p), position: hint.position, etag: hint.etag, stage: 'launch', dueMs: ctx.nowMs };
}

function afterLaunch(p: Pursuit, outcome: Outcome<'launch'>, spec: Spec, ctx: Context): PursuitStep {
  if (outcome.ok) {
    const instanceId = outcome.value.instanceIds[0];
    if (instanceId !== undefined) return { pursuit: launchedAs(p, instanceId, ctx), news: 'launched' };
    return nothingLaunched(p, worstOf(outcome.value), spec, ctx);
  }
  const { error } = outcome;
  switch (error.kind) {
    case 'capacity':
    case 'quota':
      return nothingLaunched(p, error, spec, ctx);
    case 'mismatch':
      return quiet({ ...p, stage: 'search', searchingSinceMs: ctx.nowMs, retries: 0, dueMs: ctx.nowMs });
    case 'ended':
      return nextGeneration(p, ctx);
    case 'configuration':
    case 'not-found': {
      if (p.kind === 'wish') return { pursuit: { ...p, stage: 'over', lastError: error }, news: 'given-up' };
      const pauseMs = backoffMs(p.retries, ctx.rng, CONFIGURATION_PAUSE_MS);
      return { pursuit: paused(p, 'hint', pauseMs, error, ctx), news: 'must-be-mended' };
    }
    case 'throttle':
    case 'conflict':
    case 'unknown':
      return { pursuit: paused(p, 'hint', backoffMs(p.retries, ctx.rng), error, ctx), news: 'no-answer' };
  }
}

/** Of a 200 without instances: only when every pool says quota is it one, since another pool may still help. */
export function worstOf(answer: LaunchAnswer): CloudError {
  const notQuota = answer.errors.filter((error) => error.kind !== 'quota');
  const chosen = notQuota.find((error) => error.kind === 'capacity') ?? notQuota[0] ?? answer.errors[0];
  return (
    chosen ?? { kind: 'capacity', code: 'NoInstances', message: 'EC2 answered with neither instances nor errors.' }
  );
}

function nothingLaunched(p: Pursuit, error: CloudError, spec: Spec, ctx: Context): PursuitStep {
  if (p.kind === 'wish') return { pursuit: { ...p, stage: 'over', lastError: error }, news: 'given-up' };
  // Asked for in another market than its own: that one's quota says nothing of the next rungs.
  const yields = p.market !== null && p.market !== seatMarket(spec, p.position);
  const failedOf = error.kind === 'quota' && !yields ? 'quota' : 'capacity';
  const rung = nextRung(p.position.rung, spec.launch.onDemandAfter, failedOf);
  const position = { ...p.position, rung };
  const next: Pursuit = { ...settled(p), position, stage: 'write', lastError: error, yields, dueMs: ctx.nowMs };
  return { pursuit: next, news: 'nothing-launched' };
}

function nextGeneration(p: Pursuit, ctx: Context): PursuitStep {
  // A spare that came and went isn't asked for again.
  if (p.kind === 'wish' && p.launched !== null) return { pursuit: { ...p, stage: 'over' }, news: 'given-up' };
  const position = { slot: p.slot, generation: p.position.generation + 1, rung: 0 };
  const next: Pursuit = { ...settled(p), position, stage: 'write', dueMs: ctx.nowMs };
  return { pursuit: next, news: 'ended' };
}

/** The hint is a help, not a condition: whatever the answer, the next rung is tried after its pause. */
function afterWrite(p: Pursuit, outcome: Outcome<'writeHint'>, ctx: Context): Pursuit {
  const etag = outcome.ok ? outcome.value.etag : p.etag;
  const pauseMs = p.position.rung === 0 ? 0 : backoffMs(p.position.rung - 1, ctx.rng);
  return { ...p, etag, stage: 'hint', dueMs: after(ctx.nowMs, pauseMs) };
}

function afterSearch(p: Pursuit, outcome: Outcome<'findNodes'>, ctx: Context): PursuitStep {
  const sinceMs = p.searchingSinceMs ?? ctx.nowMs;
  if (outcome.ok) {
    const mates = outcome.value.filter((n) => n.seat !== null && n.seat.slot === p.slot);
    const live = mates.find((n) => isLiveState(n.state) && generationOf(n) >= p.position.generation);
    if (live?.seat) {
      return { pursuit: launchedAs({ ...p, position: live.seat }, live.instanceId, ctx), news: 'launched' };
    }
    if (mates.some((n) => !isLiveState(n.state) && generationOf(n) >= p.position.generation)) {
      return nextGeneration({ ...p, position: { ...p.position, generation: highest(mates) } }, ctx);
    }
    if (ctx.nowMs - sinceMs >= SEARCH_PATIENCE_MS) {
      const position = { ...p.position, rung: p.position.rung + 1 };
      return { pursuit: { ...settled(p), position, stage: 'write', dueMs: ctx.nowMs }, news: 'nothing-launched' };
    }
  }
  // The one that acted writes the hint when its launch came to nothing: look there, then search again.
  const pauseMs = backoffMs(p.retries, ctx.rng, 1_000, 8_000);
  return quiet({ ...p, stage: 'hint', retries: p.retries + 1, dueMs: after(ctx.nowMs, pauseMs) });
}

function afterWatch(p: Pursuit, outcome: Outcome<'findNodes'>, spec: Spec, ctx: Context): PursuitStep {
  const launched = p.launched;
  const again = quiet({ ...p, dueMs: after(ctx.nowMs, WATCH_MS) });
  if (!outcome.ok || launched === null) return again;
  const node = outcome.value.find((n) => n.instanceId === launched.instanceId);
  const overdue = ctx.nowMs - launched.atMs > spec.policy.bootPatienceMs;
  const newer = outcome.value.find((n) => isLiveState(n.state) && generationOf(n) > p.position.generation);
  if (newer?.seat) return quiet(launchedAs({ ...p, position: newer.seat }, newer.instanceId, ctx));
  // It did boot, but isn't heard: whether a next one would be is more than a pursuit knows.
  if (overdue && node !== undefined && isServing(node)) return quiet({ ...p, stage: 'over' });
  const gone = node !== undefined && !isLiveState(node.state);
  return gone || overdue ? nextGeneration(p, ctx) : again;
}

function launchedAs(p: Pursuit, instanceId: string, ctx: Context): Pursuit {
  const launched = { instanceId, atMs: ctx.nowMs };
  return { ...settled(p), launched, stage: 'watch', lastError: null, dueMs: after(ctx.nowMs, WATCH_MS) };
}

function paused(p: Pursuit, stage: Stage, pauseMs: number, error: CloudError, ctx: Context): Pursuit {
  return { ...p, stage, retries: p.retries + 1, lastError: error, dueMs: after(ctx.nowMs, pauseMs) };
}

const settled = (p: Pursuit): Pursuit => ({
  ...p,
  retries: 0,
  searchingSinceMs: null,
  launched: null,
  market: null,
  yields: false,
});
const quiet = (pursuit: Pursuit): PursuitStep => ({ pursuit, news: null });
const generationOf = (node: NodeView): number => node.seat?.generation ?? 0;
const highest = (nodes: readonly NodeView[]): number => Math.max(...nodes.map(generationOf));
