import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { groupRuns } from '../../agent/drivers/process-group.js';
import { page, startTestCluster, type TestCluster } from './cluster.js';
import { eventually } from './wait.js';

/** The bundled agent as processes on the local cloud, over the real protocols. */
let cluster: TestCluster | null = null;
afterEach(async () => {
  await cluster?.stop();
  cluster = null;
});

const live = (of: TestCluster) =>
  of.cloud.instances().filter(({ state }) => state === 'running' || state === 'pending');
const healthOf = async (of: TestCluster) =>
  Promise.all(live(of).map(async ({ insideIp }) => (await page(insideIp, '/health'))?.ok === true));
const allServe = (count: number) => (seen: readonly boolean[]) => seen.length === count && seen.every((ok) => ok);
const countOf = (of: TestCluster, action: string, principal = 'node') =>
  of.cloud
    .calls()
    .reduce((sum, call) => sum + (call.action === action && call.principal === principal ? call.count : 0), 0);

describe('agent on the local cloud', { timeout: 90_000 }, () => {
  it('serves, knows its peers, and fills the seat of one that EC2 takes', async () => {
    cluster = await startTestCluster({ nodes: 3 });
    const { cloud } = cluster;
    await eventually(() => healthOf(cluster as TestCluster), allServe(3), 30_000);
    const [first] = live(cluster);
    if (first === undefined) throw new Error('no instance');
    await eventually(
      async () => ((await page(first.insideIp, '/members')) as unknown as unknown[] | null)?.length,
      (count) => count === 3,
    );
    cloud.interrupt(first.instanceId, { noticeMs: 8_000 });
    await eventually(
      () => live(cluster as TestCluster).map((i) => i.instanceId),
      (ids) => ids.length === 3 && !ids.includes(first.instanceId),
      30_000,
    );
    await eventually(() => healthOf(cluster as TestCluster), allServe(3), 30_000);
    const seats = live(cluster).map(({ tags }) => `${tags['synkti:slot']}.${tags['synkti:generation']}`);
    expect(seats.sort()).toEqual(
      [`0.1`, `1.1`, `2.1`].map((s) => (s.startsWith(`${first.tags['synkti:slot']}.`) ? s.replace('.1', '.2') : s)),
    );
    // AWS takes an interrupted machine: it doesn't end itself.
    expect(countOf(cluster, 'TerminateInstances')).toBe(0);
    const keys = cloud.objects().map(({ key }) => key);
    expect(keys.some((key) => key.startsWith(`incidents/${first.instanceId}`))).toBe(true);
    expect(keys.some((key) => key.startsWith(`last-words/${first.instanceId}`))).toBe(true);
  });

  it('a deliberate stop hands the seat over and ends the instance', async () => {
    cluster = await startTestCluster({ nodes: 2 });
    await eventually(() => healthOf(cluster as TestCluster), allServe(2), 30_000);
    const [first] = live(cluster);
    if (first?.pid == null) throw new Error('no process');
    process.kill(first.pid, 'SIGTERM');
    await eventually(
      () => cluster?.cloud.instances().find(({ instanceId }) => instanceId === first.instanceId)?.state ?? 'gone',
      (state) => state !== 'running',
      30_000,
    );
    expect(countOf(cluster, 'TerminateInstances')).toBe(1);
    await eventually(() => healthOf(cluster as TestCluster), allServe(2), 30_000);
  });

  it('a killed agent starts again and ends what its former life left running', async () => {
    cluster = await startTestCluster({ nodes: 1 });
    await eventually(() => healthOf(cluster as TestCluster), allServe(1), 30_000);
    const [only] = live(cluster);
    if (only?.pid == null) throw new Error('no process');
    const note = `${cluster.cloud.runDir}/${only.instanceId}/state/workloads/web.json`;
    const workload = (JSON.parse(readFileSync(note, 'utf8')) as { pid: number }).pid;
    expect(groupRuns(workload)).toBe(true);
    cluster.cloud.failAgent(only.instanceId);
    await eventually(
      () => groupRuns(workload),
      (runs) => !runs,
      20_000,
    );
    await eventually(() => healthOf(cluster as TestCluster), allServe(1), 30_000);
    expect(countOf(cluster, 'TerminateInstances')).toBe(0);
  });

  it('a workload that never gets healthy keeps the agent up, and says so', async () => {
    cluster = await startTestCluster({ nodes: 1, workload: { command: ['/no/such/program'] } });
    const [only] = live(cluster);
    const health = await eventually(
      () => page(only?.insideIp ?? '', '/health'),
      (seen) => seen?.workload === 'unhealthy',
      30_000,
    );
    expect(health).toMatchObject({ ok: false, phase: 'serving' });
    expect(countOf(cluster, 'RegisterTargets')).toBe(0);
  });
});
