import { afterEach, expect, it } from 'vitest';
import { page, startTestCluster, type TestCluster } from './cluster.js';
import { eventually } from './wait.js';

/** Copies of a workload as processes, on nodes of the local cloud. */
let cluster: TestCluster | null = null;
afterEach(async () => {
  await cluster?.stop();
  cluster = null;
});

interface Seen {
  readonly id: string;
  readonly health: string | null;
}

/** Nodes that run, and the health of the copy that each has. */
async function copies(of: TestCluster): Promise<readonly Seen[]> {
  const running = of.cloud.instances().filter(({ state }) => state === 'running');
  return Promise.all(
    running.map(async ({ instanceId: id, insideIp }) => {
      const seat = (await page(insideIp, '/seat')) as { workloads?: Record<string, { health: string }> } | null;
      return { id, health: Object.values(seat?.workloads ?? {})[0]?.health ?? null };
    }),
  );
}

const healthy = (seen: readonly Seen[]): string[] => seen.filter((s) => s.health === 'healthy').map(({ id }) => id);

it('a copy is on as many nodes as are wanted, and moves to one without when its node gets a notice', {
  timeout: 90_000,
}, async () => {
  cluster = await startTestCluster({ nodes: 3, workload: { copies: 2, memoryMiB: 1 } });
  const of = cluster;
  const before = await eventually(
    () => copies(of),
    (seen) => seen.length === 3 && healthy(seen).length === 2,
    40_000,
  );
  const spare = before.find(({ health }) => health === null)?.id ?? '';
  expect(spare).not.toBe('');
  const [lost = ''] = healthy(before);
  of.cloud.interrupt(lost, { noticeMs: 15_000 });
  await eventually(
    () => copies(of),
    (seen) => healthy(seen).includes(spare),
    10_000,
  );
  expect(of.cloud.instances().find(({ instanceId }) => instanceId === lost)?.state).toBe('running');
  const after = await eventually(
    () => copies(of),
    (seen) => seen.length === 3 && !seen.some(({ id }) => id === lost) && healthy(seen).length === 2,
    40_000,
  );
  expect(healthy(after)).toContain(spare);
});
