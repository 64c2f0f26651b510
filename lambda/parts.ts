import { createFallbackCloud } from '../aws/fallback/cloud.js';
import type { Script } from '../core/fallback/script.js';
import { after, type Context, type MonoMs } from '../core/time.js';
import { limited, type Player, realPause, runScript, systemClock } from './run.js';
import { environmentCredentials, type Settings } from './settings.js';
import type { Telemetry } from './telemetry.js';

/** What every handler is made of. */
export interface Parts extends Player {
  readonly settings: Settings;
  readonly telemetry: Telemetry;
}

/** Of Lambda's own context, what is used. */
export interface LambdaContext {
  getRemainingTimeInMillis(): number;
}

export function createParts(settings: Settings, telemetry: Telemetry): Parts {
  const credentials = async () => environmentCredentials(process.env);
  const cloud = createFallbackCloud({ region: settings.region, credentials });
  const carry = limited((call, timeoutMs) => cloud.call(call, timeoutMs));
  return { settings, telemetry, carry, clock: systemClock(), pause: realPause };
}

export const play = <T>(parts: Parts, script: Script<T>): Promise<T> => runScript(script, parts);

/** A launch that is begun at the end of the budget still gets its answer, and the answer is told. */
const RESERVE_MS = 20_000;

/** Until when calls may be begun. */
export function budgetEnd(context: LambdaContext, ctx: Context, reserveMs = RESERVE_MS): MonoMs {
  const leftMs = context.getRemainingTimeInMillis();
  return after(ctx.nowMs, Math.max(0, leftMs - Math.min(reserveMs, leftMs / 2)));
}
