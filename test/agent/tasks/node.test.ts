import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { openKey } from '../../../core/tasks/keys.js';
import { parseRecordLine } from '../../../core/tasks/parse.js';
import { type TaskRecord, type TaskSpec, taskKey } from '../../../core/tasks/task.js';
import { wallMs } from '../../../core/time.js';
import { page, startTestCluster, type TestCluster } from '../cluster.js';
import { eventually } from '../wait.js';

/** The bundled agent runs tasks as processes on the local cloud, over the real protocols. */
let cluster: TestCluster | null = null;
let s3: S3Client | null = null;
afterEach(async () => {
  s3?.destroy();
  await cluster?.stop();
  cluster = null;
});

const Bucket = 'synkti-test';

/** Counts to 40 with a marked checkpoint at each step; what it prints last tells whether it lost or invented one. */
const COUNTER = `
const fs = require('fs'), { SYNKTI_CHECKPOINT_DIR: dir, SYNKTI_CHECKPOINT_MARK: mark } = process.env;
const put = (path, text) => { fs.writeFileSync(path + '.new', text); fs.renameSync(path + '.new', path); };
let seen = []; try { seen = JSON.parse(fs.readFileSync(dir + '/seen', 'utf8')); console.log('from ' + seen.length); } catch {}
process.on('SIGUSR1', () => {}); process.on('SIGTERM', () => process.exit(143));
const timer = setInterval(() => {
  seen.push(seen.length); put(dir + '/seen', JSON.stringify(seen)); put(mark, JSON.stringify({ progress: seen.length / 40 }));
  if (seen.length < 40) return;
  clearInterval(timer); console.log('sum ' + seen.reduce((a, b) => a + b, 0));
}, 100);`;

function task(id: string, fields: Partial<TaskSpec> = {}): TaskSpec {
  return {
    ...{ format: 1, id, run: 1, submittedMs: wallMs(Date.now()), environment: { WHO: id } },
    work: { kind: 'process', command: [process.execPath, '-e', COUNTER] },
    ...{ memoryMiB: 64, gpuMemoryMiB: 0, expectedMs: 4_000, deadline: null, retries: 0, priority: 5, data: [] },
    checkpoint: { folder: 'state', intervalMs: 1_000, notify: { by: 'signal' } },
    ...{ stopGraceMs: 1_000, resume: null },
    ...fields,
  };
}

async function records(of: TestCluster): Promise<Map<string, TaskRecord>> {
  const found = new Map<string, TaskRecord>();
  for (const { key } of of.cloud.objects()) {
    if (!key.startsWith('tasks/ended/')) continue;
    const body = await s3?.send(new GetObjectCommand({ Bucket, Key: key })).then((a) => a.Body?.transformToString());
    for (const line of (body ?? '').split('\n').filter((one) => one !== '')) {
      const parsed = parseRecordLine(line);
      if (!parsed.ok) throw new Error(parsed.problem);
      found.set(taskKey(parsed.value.spec), parsed.value);
    }
  }
  return found;
}

describe('tasks on the local cloud', { timeout: 90_000 }, () => {
  it('end as done, on another node from their checkpoint, or as failed with the reason', async () => {
    cluster = await startTestCluster({
      nodes: 2,
      workloads: [{ name: 'batch', kind: 'tasks', memoryMiB: 512, maxTasks: 4, leaseMs: 4_000, stopGraceMs: 5_000 }],
    });
    const { cloud } = cluster;
    s3 = new S3Client({
      region: cloud.region,
      endpoint: cloud.endpoint,
      credentials: { accessKeyId: 'AKIATESTER', secretAccessKey: 'tester' },
    });
    const specs = [
      task('count'),
      task('missing', { work: { kind: 'process', command: ['no-such-program-here'] }, checkpoint: null }),
    ];
    for (const spec of specs) {
      await s3.send(new PutObjectCommand({ Bucket, Key: openKey(spec), Body: JSON.stringify(spec) }));
    }
    const holder = async () => {
      for (const { instanceId, insideIp, state } of cloud.instances()) {
        if (state !== 'running') continue;
        const shown = (await page(insideIp, '/tasks')) as { tasks?: { task: string; checkpoint: string | null }[] };
        if (shown?.tasks?.some((one) => one.task === 'count.1' && one.checkpoint !== null)) return instanceId;
      }
      return null;
    };
    const first = await eventually(holder, (id) => id !== null, 30_000);
    cloud.interrupt(first ?? '', { noticeMs: 6_000 });
    const ended = await eventually(
      () => records(cluster as TestCluster),
      (seen) => seen.size === 2,
      45_000,
    );
    const count = ended.get('count.1');
    expect(count?.lease).toMatchObject({ state: 'done', failures: 0, progress: 1 });
    expect(count?.lease.tail).toMatch(/from \d+\nsum 780\n$/);
    expect(new Set(count?.lease.attempts.map(({ instanceId }) => instanceId)).size).toBe(2);
    const missing = ended.get('missing.1');
    expect(missing?.lease.state).toBe('failed');
    expect(JSON.stringify(missing?.lease)).toContain('there is no program no-such-program-here');
    // What has ended leaves nothing to pay for.
    await eventually(
      () => cloud.objects().filter(({ key }) => /^tasks\/(open|checkpoints)\//.test(key)),
      (left) => left.length === 0,
      30_000,
    );
  });
});
