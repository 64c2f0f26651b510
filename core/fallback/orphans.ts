import { type WallMs, wallMs } from '../time.js';
import type { Act, Scene } from './act.js';
import type { Orphan } from './port.js';

/**
 * How long something must be unused before it is removed: a launch makes volumes and network interfaces before it
 * attaches them. Raising it only leaves a leftover longer.
 */
export const ORPHAN_AGE_MS = 600_000;
/** A run removes no more; the next one goes on. */
const MAX_REMOVED = 20;

/** A network interface doesn't say how old it is: it is an orphan when no launch can be on its way. */
export function orphanActs(orphans: readonly Orphan[], { nodes, wallMs: now }: Scene): readonly Act[] {
  const lastLaunchMs = nodes.reduce<WallMs>((last, n) => wallMs(Math.max(last, n.launchTimeMs)), wallMs(0));
  return orphans
    .filter(({ createdMs }) => now - (createdMs ?? lastLaunchMs) >= ORPHAN_AGE_MS)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .slice(0, MAX_REMOVED)
    .map((orphan) => ({ type: 'delete-orphan', orphan }));
}
