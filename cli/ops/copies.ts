/** Who holds copies of a workload, as far as its target groups tell: agents register a node for what it runs. */
import type { Answers, HealthState } from './answers.js';
import type { NodeRow } from './view.js';

export interface CopyHolder {
  readonly row: NodeRow;
  /** In every group, or nobody asks there. */
  readonly healthy: boolean;
  /** Not one group calls it unhealthy, and one still waits for its first checks. */
  readonly starting: boolean;
  /** AWS's words where it isn't healthy. */
  readonly reason: string | null;
}

/** Of the nodes that live; null: the workload has no group, or not all of them answered. */
export function copyHolders(
  arns: readonly string[],
  live: readonly NodeRow[],
  { groups }: Pick<Answers, 'groups'>,
): readonly CopyHolder[] | null {
  const own = groups.filter(({ arn }) => arns.includes(arn));
  if (own.length === 0 || own.length < new Set(arns).size) return null;
  return live.flatMap((row): CopyHolder[] => {
    const targets = own.map((group) => group.targets.find((target) => target.instanceId === row.node.instanceId));
    const states = targets.map((target): HealthState | null => target?.state ?? null);
    // One that is being deregistered is on its way out, in whichever group that shows first.
    if (states.includes('draining') || states.every((state) => state === null)) return [];
    const healthy = states.every((state) => state === 'healthy' || state === 'unused');
    const bad = targets.find((target) => target !== undefined && target.state !== 'healthy');
    return [
      {
        row,
        healthy,
        starting: !healthy && states.includes('initial') && !states.includes('unhealthy'),
        reason: healthy ? null : (bad?.reason ?? bad?.state ?? 'not registered everywhere'),
      },
    ];
  });
}
