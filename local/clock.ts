import { type Context, type MonoMs, monoMs, type Rng, type WallMs, wallMs } from '../core/time.js';

/** The local cloud's time. */
export interface CloudClock {
  now(): MonoMs;
  wall(): WallMs;
}

export const SYSTEM_CLOCK: CloudClock = {
  now: () => monoMs(performance.now()),
  wall: () => wallMs(Date.now()),
};

export const contextOf = (clock: CloudClock, rng: Rng): Context => ({
  nowMs: clock.now(),
  wallMs: clock.wall(),
  rng,
});
