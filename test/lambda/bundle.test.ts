import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { startWorld, type World, warning } from './world.js';

let world: World | undefined;
afterEach(() => world?.stop());

const INVOKE = `
const { handler } = await import(process.argv[1]);
const context = { functionName: 'f', awsRequestId: 'r', memoryLimitInMB: '512', getRemainingTimeInMillis: () => 60000 };
const answer = await handler(JSON.parse(process.argv[2]), context).catch((error) => ({ error: error.message }));
process.stdout.write('answer ' + JSON.stringify(answer ?? null) + '\\n');
process.exit(0);
`;

/** Invokes a shipped bundle in a process of its own; its answer, and each line that it logged. */
async function invoke(name: string, event: object, environment: Readonly<Record<string, string>>) {
  const bundle = new URL(`../../dist/lambda/${name}/index.mjs`, import.meta.url);
  if (!existsSync(bundle)) throw new Error(`${fileURLToPath(bundle)} isn't there: run npm run build.`);
  const args = ['--no-warnings', '--input-type=module', '-e', INVOKE, bundle.href, JSON.stringify(event)];
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH ?? '', AWS_REGION: 'us-east-1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  });
  let out = '';
  // Lambda takes both for its log.
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      out += chunk;
    });
  }
  await new Promise((resolve) => child.on('close', resolve));
  const lines = out.trim().split('\n');
  const answer = lines.find((line) => line.startsWith('answer '))?.slice('answer '.length) ?? 'null';
  return {
    answer: JSON.parse(answer),
    logged: lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)),
  };
}

test('the shipped bundle acts, logs in JSON and counts in EMF', { timeout: 30_000 }, async () => {
  world = await startWorld();
  const environment = { ...world.cloud.environment, SYNKTI_CLUSTER: 'web' };
  const swept = await invoke('sweep', {}, environment);
  expect(world.seats()).toEqual(['0.1', '1.1', '2.1']);
  expect(swept.logged).toContainEqual(
    expect.objectContaining({
      message: 'swept',
      service: 'sweep',
      cluster: 'web',
      empty: 3,
      function_request_id: 'r',
    }),
  );
  const emf = swept.logged.find((line) => line._aws !== undefined);
  expect(emf).toMatchObject({ cluster: 'web', service: 'synkti', FallbackActed: 1, EmptySlots: 3, NodesLaunched: 3 });
  expect(emf._aws.CloudWatchMetrics[0].Namespace).toBe('Synkti');

  const doomed = world.live()[0]?.instanceId ?? '';
  const { answer } = await invoke('interruption', { Records: [warning(doomed)] }, environment);
  expect(answer).toEqual({ batchItemFailures: [] });
  expect(world.live()).toHaveLength(4);
});

test('a wrong environment is told at the call', async () => {
  const { answer } = await invoke('ended', { Records: [] }, {});
  expect(answer).toEqual({ error: expect.stringContaining('SYNKTI_CLUSTER') });
});

/** 165 kB in November 2026, of which CloudFormation's client takes 5. */
const MAX_ZIPPED_BYTES = 220_000;

test.each(['interruption', 'ended', 'sweep', 'seeder'])('the function %s is small, so that it starts fast', (name) => {
  const bundle = readFileSync(new URL(`../../dist/lambda/${name}/index.mjs`, import.meta.url));
  expect(deflateRawSync(bundle).length).toBeLessThan(MAX_ZIPPED_BYTES);
});
