import { after, type MonoMs } from '../time.js';
import type { GossipConfig } from './config.js';

/**
 * Dynamic suspicion (Lifeguard, DSN 2018, section IV-B; memberlist suspicion.go): one accuser may be the sick one, so a
 * suspicion starts long and shortens with each independent accuser:
 *
 *     timeout = max(min, max - (max - min) x log(confirmations + 1) / log(needed + 1))
 */
export interface Suspicion {
  /** The incarnation that is suspected. */
  readonly incarnation: number;
  startMs: MonoMs;
  readonly minMs: number;
  readonly maxMs: number;
  /** Confirmations that bring it down to `minMs`. */
  readonly needed: number;
  /** Who suspects, the first accuser included; at most `needed` + 1. */
  readonly accusers: string[];
  /** The member is dead then. */
  deadlineMs: MonoMs;
}

export function beginSuspicion(
  config: GossipConfig,
  liveCount: number,
  incarnation: number,
  accuser: string,
  nowMs: MonoMs,
): Suspicion {
  const scale = Math.max(1, Math.log10(Math.max(1, liveCount)));
  const minMs = Math.round(config.suspicionMult * scale * config.probeIntervalMs);
  // The accuser and the accused can't confirm; where too few others are left, the shortest time must do.
  const needed = liveCount - 2 < config.suspicionConfirmations ? 0 : config.suspicionConfirmations;
  const suspicion: Suspicion = {
    incarnation,
    startMs: nowMs,
    minMs,
    maxMs: minMs * config.suspicionMaxMult,
    needed,
    accusers: [accuser],
    deadlineMs: nowMs,
  };
  setDeadline(suspicion);
  return suspicion;
}

/** Counts another accuser; false when it is known already or no more are needed. */
export function confirmSuspicion(suspicion: Suspicion, accuser: string): boolean {
  if (suspicion.accusers.length > suspicion.needed || suspicion.accusers.includes(accuser)) return false;
  suspicion.accusers.push(accuser);
  setDeadline(suspicion);
  return true;
}

/** Moves a suspicion by the time that this node itself was stopped. */
export function postponeSuspicion(suspicion: Suspicion, byMs: number): void {
  suspicion.startMs = after(suspicion.startMs, byMs);
  setDeadline(suspicion);
}

/** How long a suspicion with so many confirmations lasts, in ms. */
export function suspicionTimeoutMs(minMs: number, maxMs: number, needed: number, confirmations: number): number {
  if (needed === 0) return minMs;
  const share = Math.log(confirmations + 1) / Math.log(needed + 1);
  return Math.max(minMs, Math.round(maxMs - (maxMs - minMs) * share));
}

function setDeadline(s: Suspicion): void {
  s.deadlineMs = after(s.startMs, suspicionTimeoutMs(s.minMs, s.maxMs, s.needed, s.accusers.length - 1));
}
