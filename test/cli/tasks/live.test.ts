/** The commands as they ship, against a local S3 and SSM in this process: what they say, and how they end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OPEN } from '../../../core/tasks/keys.js';
import { wallMs } from '../../../core/time.js';
import { errorResponse } from '../../../local/s3/errors.js';
import { createS3, type S3 } from '../../../local/s3/service.js';
import { ssmService } from '../../../local/ssm/service.js';
import type { Endpoint } from '../../../local/wire/server.js';
import { specOf } from '../../core/fixtures.js';
import { clientConfig, startTestEndpoint } from '../../local/endpoint.js';
import { type Ended, Run } from '../spawn.js';

const folder = mkdtempSync(join(tmpdir(), 'tasks-live-'));
let endpoint: Endpoint;
let s3: S3;
/** Keys that nobody may put. */
let closed = /^$/;

beforeAll(async () => {
  s3 = createS3({ directory: join(folder, 's3') });
  const { handle } = s3.service;
  const guarded = {
    ...s3.service,
    handle: (request: Parameters<typeof handle>[0]) =>
      request.method === 'PUT' && closed.test(request.path)
        ? errorResponse(403, 'AccessDenied', 'Access Denied')
        : handle(request),
  };
  const place = { region: 'us-east-1', accountId: '123456789012', now: () => wallMs(Date.now()) };
  endpoint = await startTestEndpoint([guarded, ssmService(place)]);
  const tasks = { kind: 'tasks', name: 'tasks', memoryMiB: 4_096 };
  const spec = { ...specOf({ cluster: 'training' }), workloads: [tasks] };
  s3.createBucket(spec.bucket);
  const ssm = new SSMClient(clientConfig(endpoint.url));
  const Value = JSON.stringify(spec);
  await ssm.send(new PutParameterCommand({ Name: '/synkti/training/spec', Type: 'String', Value }));
  ssm.destroy();
});

afterAll(async () => {
  await endpoint.close();
  rmSync(folder, { recursive: true, force: true });
});

async function synkti(...args: readonly string[]): Promise<Ended> {
  const run = new Run(args, { AWS_ENDPOINT_URL: endpoint.url, AWS_REGION: 'us-east-1', SYNKTI_CLUSTER: 'training' });
  try {
    return await run.ended;
  } finally {
    await run.cleanUp();
  }
}

/** A process each call, on a machine that may be busy. */
const MANY_STARTS_MS = 120_000;

const open = (): string[] => s3.objects().flatMap(({ key }) => (key.startsWith(OPEN) ? [key] : []));

it(
  'tasks are submitted, listed, cancelled and retried',
  async () => {
    const file = join(folder, 'tasks.jsonl');
    writeFileSync(file, '{"id":"a","command":["true"]}\n{"id":"b","command":["true"],"priority":9}\n');
    const put = await synkti('submit', file);
    expect(put).toEqual({
      code: 0,
      err: '',
      out: '2 tasks in the queue of cluster training: a, b.\n\n  synkti tasks --cluster training\n  synkti tasks follow a b --cluster training\n',
    });
    expect(open()).toHaveLength(2);
    expect((await synkti('tasks')).out).toMatch(/^2 tasks: 2 waiting\n\nTASK .*\nb +waiting .*\na +waiting /);
    expect(await synkti('tasks', 'cancel', 'a')).toMatchObject({ code: 0, out: 'a is cancelled.\n' });
    expect((await synkti('tasks', 'retry', 'a')).out).toBe('a is in the queue again as run 2, from nothing.\n');
    expect(open()).toHaveLength(2);
    expect(await synkti('submit', '--id', 'b', '--', 'true')).toMatchObject({ code: 2, out: '' });
    expect(JSON.parse((await synkti('tasks', '--state', 'waiting', '--json')).out)).toMatchObject({
      format: 1,
      cluster: 'training',
      tasks: [{ id: 'b' }, { id: 'a' }],
    });
  },
  MANY_STARTS_MS,
);

it(
  'a mistake submits nothing, and is told in one sentence',
  async () => {
    const before = open();
    const file = join(folder, 'bad.jsonl');
    writeFileSync(file, '{"id":"c","command":["true"]}\n{"id":"d","command":["true"],"memory":"5GiB"}\n');
    const large = await synkti('submit', file);
    expect(large.code).toBe(2);
    expect(large.err).toBe(
      `synkti: ${file}, line 2: d needs 5 GiB of memory, but a node of "training" has 4 GiB for tasks (Workload.tasks); ask for less, or give the cluster larger nodes.\n`,
    );
    expect((await synkti('tasks', 'shwo')).err).toBe('synkti: tasks has no subcommand "shwo". Did you mean "show"?\n');

    closed = /-d\.1$/;
    writeFileSync(file, '{"id":"c","command":["true"]}\n{"id":"d","command":["true"]}\n');
    const denied = await synkti('submit', file);
    closed = /^$/;
    expect(denied).toMatchObject({ code: 2, out: '' });
    expect(denied.err).toMatch(
      /^synkti: These credentials may not call s3:PutObject on arn:aws:s3:::synkti-web\/tasks\/open\/\S+-d\.1\. .* So nothing is submitted\. 1 task that was in the queue already was taken back\.\n$/,
    );
    expect(open()).toEqual(before);
  },
  MANY_STARTS_MS,
);
