/** `synkti ui` against the local cloud, with its real server: what a browser gets, and which calls that costs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openClusterPage } from '../../../cli/ops/ui/page.js';
import { deploy, subnetOf } from '../../../cli/rehearse/deploy.js';
import { readSettings } from '../../../cli/rehearse/settings.js';
import { clientConfig, seedSeats } from '../../../cli/rehearse/stage.js';
import { NO_TASKS } from '../../../cli/rehearse/tasks/settings.js';
import { queueStore } from '../../../cli/tasks/store.js';
import type { Picture } from '../../../cli/ui/picture.js';
import { UserError } from '../../../cli/user-error.js';
import { journalKey, leaseKey, openKey } from '../../../core/tasks/keys.js';
import { writeLease } from '../../../core/tasks/leases.js';
import { wallMs } from '../../../core/time.js';
import { type LocalCloud, startLocalCloud } from '../../../local/cloud.js';
import { flags } from '../rehearse/flags.js';
import { leaseOf, specOf } from '../tasks/fake-queue.js';

let cloud: LocalCloud;
let front: Server;
let endpoint: string;
let expired = false;
/** A key that AWS takes for expired from the beginning of a test on. */
let oldKey = 'none';
/** Nobody may list the bucket's tasks. */
let noTasks = false;
/** Nobody may ask CloudWatch. */
let noTraffic = false;
/** Calls as they went by. */
const asked: string[] = [];

beforeAll(async () => {
  const programs = { exampleService: '/x/service.mjs', exampleTask: '/x/chain.mjs' };
  const { tasks } = await readSettings({ ...flags(), tasks: { ...NO_TASKS, tasks: '20' } }, programs);
  const settings = { ...(await readSettings({ ...flags(), nodes: '4' }, programs)), tasks };
  cloud = await startLocalCloud({
    seed: 1,
    zones: settings.ground.zones.map((name) => ({ name, subnetId: subnetOf(name) })),
    pools: settings.ground.pools.map((pool) => ({ ...pool, capacity: null })),
    launchDelayMs: 10,
    machine: null,
  });
  const { spec } = await deploy(clientConfig(cloud), settings);
  await seedSeats(cloud, spec, new AbortController().signal);
  await putTasks(spec.bucket);
  const { hostname, port } = new URL(cloud.endpoint);
  // Between the two: as AWS answers when credentials have expired.
  front = createServer((incoming, answer) => {
    if (expired || String(incoming.headers.authorization).includes(oldKey)) {
      incoming.resume();
      answer.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
      answer.end(
        '{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}',
      );
      return;
    }
    const { method, url, headers } = incoming;
    if (noTasks && url?.includes('prefix=tasks')) {
      incoming.resume();
      asked.push(`${method} ${url}`);
      answer.writeHead(403, { 'content-type': 'application/xml' });
      answer.end('<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>');
      return;
    }
    if (String(headers['x-amz-target']).endsWith('.GetMetricData')) {
      incoming.resume();
      asked.push('GetMetricData');
      answer.writeHead(noTraffic ? 403 : 200, { 'content-type': 'application/x-amz-json-1.0' });
      answer.end(JSON.stringify(noTraffic ? { __type: 'AccessDenied', message: 'Access Denied' } : metricData()));
      return;
    }
    const onward = request({ hostname, port, method, path: url, headers }, (back) => {
      answer.writeHead(back.statusCode ?? 500, back.headers);
      back.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    let body = '';
    incoming.on('data', (chunk) => {
      body += chunk;
      onward.write(chunk);
    });
    incoming.on('end', () => {
      const action = /(?:^|&)Action=(\w+)/.exec(body)?.[1];
      asked.push(action ?? String(headers['x-amz-target'] ?? `${method} ${url}`));
      onward.end();
    });
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
});

/** Six hundred requests two minutes ago, three of them refused by the balancer; as CloudWatch's JSON has them. */
function metricData() {
  const Timestamps = [Math.floor(Date.now() / 60_000) * 60 - 120];
  const one = (Id: string, value: number) => ({ Id, StatusCode: 'Complete', Timestamps, Values: [value] });
  return { MetricDataResults: [one('requests0', 600), one('refused0', 3), one('time0', 0.042)], Messages: [] };
}

/** Five that nobody has had, two that run, one that was given back; three done, one failed. */
async function putTasks(bucket: string): Promise<void> {
  const client = new S3Client({ ...clientConfig(cloud), forcePathStyle: true });
  const store = queueStore(client, bucket);
  const specs = Array.from({ length: 12 }, (_, i) => specOf(`t-${i}`));
  const records = specs.slice(8).map((spec, i) => ({ spec, lease: leaseOf(spec, i === 3 ? 'failed' : 'done') }));
  await Promise.all([
    ...specs.slice(0, 8).map((spec) => store.create(openKey(spec), JSON.stringify(spec))),
    ...specs.slice(5, 7).map((spec) => store.create(leaseKey(spec), writeLease(leaseOf(spec, 'held')))),
    ...specs.slice(7, 8).map((spec) => store.create(leaseKey(spec), writeLease(leaseOf(spec, 'free')))),
    store.create(journalKey(wallMs(Date.now()), 'i-1', 1), records.map((one) => `${JSON.stringify(one)}\n`).join('')),
  ]);
  client.destroy();
}

afterAll(async () => {
  front.closeAllConnections();
  front.close();
  await cloud.stop();
});

type Told = Pick<Picture, 'nodes'> & { readonly parts: Partial<Picture['parts']> };

interface Listener {
  /** The first picture or change from now on, or among those not yet asked for, that fits. */
  until(fits: (told: Told) => boolean): Promise<Told>;
  close(): void;
}

/** As the page does it. */
async function listen(url: string): Promise<Listener> {
  const { origin, hash } = new URL(url);
  const controller = new AbortController();
  const headers = { 'x-synkti-token': hash.slice(1) };
  const answer = await fetch(`${origin}/events`, { headers, signal: controller.signal });
  const told: Told[] = [];
  let wake = (): void => {};
  const read = async (): Promise<void> => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const part of answer.body ?? []) {
      text += decoder.decode(part as Uint8Array, { stream: true });
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        if (event === 'picture' || event === 'change') told.push(JSON.parse(data ?? '{}'));
        wake();
      }
    }
  };
  read().catch(() => {});
  return {
    async until(fits) {
      for (;;) {
        const next = told.shift();
        if (next === undefined) await new Promise<void>((resolve) => (wake = resolve));
        else if (fits(next)) return next;
      }
    },
    close: () => controller.abort(),
  };
}

/** A page server that runs; `end` is Ctrl-C. */
async function running(everyMs: number, profile?: string) {
  const ender = new AbortController();
  const lines: string[] = [];
  let opened = (_url: string): void => {};
  const url = new Promise<string>((resolve) => (opened = resolve));
  const ended = openClusterPage({
    flags: {
      endpoint,
      cluster: 'rehearsal',
      json: true,
      ...(profile === undefined ? {} : { profile, region: 'us-east-1' }),
    },
    everyMs,
    port: undefined,
    signal: ender.signal,
    write: (text) => {
      lines.push(text);
      const told = JSON.parse(text) as { url?: string };
      if (told.url !== undefined) opened(told.url);
    },
  });
  await Promise.race([url, ended]);
  return { url: await url, lines, ended, end: () => ender.abort() };
}

const described = (): number => asked.filter((name) => name === 'DescribeInstances').length;

describe('the page of a cluster', () => {
  it('shows it, costs calls only while somebody looks on, survives expired credentials, and ends', async () => {
    const page = await running(50);
    const first = described();
    const one = await listen(page.url);
    const picture = await one.until(({ nodes }) => nodes.length > 0);
    expect(picture.nodes).toHaveLength(4);
    expect(picture.parts.head).toMatchObject({ acts: false, stage: 'live', desired: 4 });
    expect(picture.parts.traffic).toMatchObject({ sent: 600, failed: 3, rate: 10, p99Ms: 42 });
    expect(picture.parts.concerns?.filter(({ text }) => text.includes('traffic'))).toEqual([]);
    expect(picture.parts.head?.figures.map(({ name }) => name)).not.toContain('tasks');
    expect(picture.parts.tasks).toEqual({ submitted: 12, waiting: 6, running: 2, done: 3, ended: 1 });
    await one.until(() => described() >= first + 2);

    expired = true;
    const trouble = await one.until(({ parts }) => parts.head?.stage === 'trouble');
    expect(trouble.parts.head?.stageText).toContain('The AWS credentials have expired; get new ones');
    expired = false;
    await one.until(({ parts }) => parts.head?.stage === 'live');
    expect(page.lines.slice(1).map((line) => (JSON.parse(line) as { trouble: string | null }).trouble)).toEqual([
      expect.stringContaining('have expired'),
      null,
    ]);
    // A look takes the spec, the nodes and the target group; prices, reports, tasks and traffic are kept.
    expect(asked.filter((name) => name === 'GetMetricData')).toHaveLength(1);
    expect(asked.filter((name) => name === 'DescribeTargetGroups')).toHaveLength(1);
    expect(asked.filter((name) => name === 'DescribeSpotPriceHistory')).toHaveLength(1);
    const lists = asked.flatMap((name) =>
      name.includes('list-type=2') ? (/prefix=([\w%]+)/.exec(name)?.[1] ?? '') : [],
    );
    expect(lists.sort()).toEqual(['incidents%2F', 'tasks%2Fended%2F', 'tasks%2Flease%2F', 'tasks%2Fopen%2F']);
    expect(asked.filter((name) => name.includes('GET') && name.includes('/tasks/'))).toHaveLength(1);

    one.close();
    // The look that was under way when the page was closed may still come to its end.
    const two = await listen(page.url);
    await two.until(({ nodes }) => nodes.length > 0);
    const origin = new URL(page.url).origin;
    const act = await fetch(`${origin}/act`, { method: 'POST', body: '{}' });
    expect(act.status).toBe(404);
    page.end();
    await page.ended;
    await expect(fetch(origin)).rejects.toThrow();
    two.close();
  });

  it('goes on with the new keys of a profile, once somebody has logged in', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ui-test-'));
    const file = join(folder, 'credentials');
    const write = (key: string) =>
      writeFileSync(file, `[prod]\naws_access_key_id = ${key}\naws_secret_access_key = secret\n`);
    write('AKIAOLDOLDOLDOLDOLD1');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
    const page = await running(50, 'prod');
    try {
      const one = await listen(page.url);
      oldKey = 'AKIAOLDOLDOLDOLDOLD1';
      const trouble = await one.until(({ parts }) => parts.head?.stage === 'trouble');
      expect(trouble.parts.head?.stageText).toContain('of profile "prod" have expired; get new ones');
      write('AKIANEWNEWNEWNEWNEW2');
      await one.until(({ parts }) => parts.head?.stage === 'live');
      one.close();
    } finally {
      page.end();
      await page.ended;
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  });

  it('leaves tasks and traffic out for who may not see them, says so, and doesn’t ask again and again', async () => {
    noTasks = true;
    noTraffic = true;
    const before = asked.length;
    const page = await running(50);
    try {
      const one = await listen(page.url);
      const { parts, nodes } = await one.until((told) => told.nodes.length > 0);
      expect(nodes).toHaveLength(4);
      expect(parts.tasks).toBeNull();
      expect(parts.traffic).toBeNull();
      expect(parts.head?.stage).toBe('live');
      const said = parts.concerns?.filter(({ text }) => text.startsWith('Not seen: tasks.')) ?? [];
      expect(said.map(({ text }) => text)).toEqual([
        expect.stringMatching(/may not call s3:ListBucket on arn:aws:s3:::synkti-/),
      ]);
      expect(
        parts.concerns?.filter(({ text }) => text.startsWith('Not seen: traffic.')).map(({ text }) => text),
      ).toEqual([expect.stringContaining('may not call cloudwatch:GetMetricData.')]);
      const looks = described();
      while (described() < looks + 3) await one.until(() => true);
      expect(asked.slice(before).filter((name) => name.includes('prefix=tasks'))).toHaveLength(1);
      expect(asked.slice(before).filter((name) => name === 'GetMetricData')).toHaveLength(1);
      one.close();
    } finally {
      noTasks = false;
      noTraffic = false;
      page.end();
      await page.ended;
    }
  });

  it('asks nothing while no page is open', async () => {
    const page = await running(20);
    const before = asked.length;
    for (let i = 0; i < 10; i++) expect((await fetch(new URL(page.url).origin)).status).toBe(200);
    expect(asked).toHaveLength(before);
    page.end();
    await page.ended;
  });

  it('a wrong name and a port that is taken are mistakes at the start', async () => {
    const signal = new AbortController().signal;
    const wish = { everyMs: 1_000, port: undefined, signal, write: () => {} };
    await expect(openClusterPage({ ...wish, flags: { endpoint, cluster: 'rehersal' } })).rejects.toThrow(
      'Did you mean "rehearsal"?',
    );
    const { port } = front.address() as AddressInfo;
    const taken = openClusterPage({ ...wish, port, flags: { endpoint } });
    await expect(taken).rejects.toThrow(UserError);
    await expect(taken).rejects.toThrow(`Port ${port} of 127.0.0.1 is taken; give another --port`);
  });
});
