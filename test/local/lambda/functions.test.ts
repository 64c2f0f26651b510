import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { zip } from '../../../local/cloudformation/zip.js';
import { eventually } from '../eventually.js';
import { startWorld, type World } from './world.js';

let world: World;

beforeAll(async () => {
  world = await startWorld();
});

afterAll(() => world.stop());

const invoke = async (name: string, event: unknown) => {
  const outcome = await world.cloud.functions.invoke(name, JSON.stringify(event));
  return outcome.ok ? { ok: true, value: JSON.parse(outcome.payload) } : { ok: false, ...outcome.error };
};

describe('a function', () => {
  test('has the context and the environment of Lambda, and stays warm', async () => {
    const arn = await world.create(
      'echo',
      `let count = 0;
      export const handler = async (event, context) => ({
        event, count: ++count, name: context.functionName, arn: context.invokedFunctionArn,
        left: context.getRemainingTimeInMillis(), env: process.env,
      });`,
      { environment: { OWN: 'x' } },
    );
    const first = await invoke('echo', { a: 1 });
    expect(first).toMatchObject({ ok: true, value: { event: { a: 1 }, count: 1, name: 'echo', arn } });
    expect(first.value.left).toBeGreaterThan(5_000);
    expect(first.value.left).toBeLessThanOrEqual(10_000);
    expect(first.value.env).toMatchObject({
      OWN: 'x',
      AWS_LAMBDA_FUNCTION_NAME: 'echo',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: world.cloud.endpoint,
      AWS_ACCESS_KEY_ID: expect.stringMatching(/^ASIA/),
    });
    // Nothing of the user's own reaches it.
    expect(first.value.env.USER ?? null).toBeNull();
    expect((await invoke(arn, {})).value.count).toBe(2);
    const invocations = world.events.filter((event) => event.type === 'invocation' && event.name === 'echo');
    expect(invocations).toMatchObject([{ coldStart: true }, { coldStart: false }]);
  });

  test('fails as Lambda says it', async () => {
    await world.create('throws', `export const handler = async () => { throw new TypeError('no'); };`);
    expect(await invoke('throws', {})).toMatchObject({ ok: false, errorType: 'TypeError', errorMessage: 'no' });
    await world.create('exits', 'export const handler = async () => process.exit(3);');
    expect(await invoke('exits', {})).toMatchObject({ ok: false, errorType: 'Runtime.ExitError' });
    await world.create('broken', 'export const other = 1;');
    expect(await invoke('broken', {})).toMatchObject({ ok: false, errorType: 'Runtime.HandlerNotFound' });
    await expect(invoke('none', {})).rejects.toMatchObject({ code: 'ResourceNotFoundException' });
    await expect(world.create('snake', '', { runtime: 'python3.13' })).rejects.toThrow(/Node.js only/);
  });

  test('is killed when it takes too long, and starts anew', async () => {
    await world.create(
      'slow',
      `export const handler = async (event) => event.quick ? process.pid : new Promise(() => setInterval(() => {}, 1000));`,
      { timeoutMs: 300 },
    );
    const { value: pid } = await invoke('slow', { quick: true });
    expect(await invoke('slow', {})).toMatchObject({ ok: false, errorType: 'Sandbox.Timedout' });
    await eventually('its process is gone', () => !existsSync(`/proc/${pid}`));
    expect((await invoke('slow', { quick: true })).value).not.toBe(pid);
  });

  test('runs as often at a time as its concurrency says', async () => {
    await world.create(
      'one',
      `let now = 0; export const handler = async () => { now++; await new Promise((r) => setTimeout(r, 20)); return now--; };`,
      { reservedConcurrency: 1 },
    );
    const all = await Promise.all(Array.from({ length: 4 }, () => invoke('one', {})));
    expect(all.map(({ value }) => value)).toEqual([1, 1, 1, 1]);
    const cold = world.events.filter((event) => event.type === 'invocation' && event.name === 'one' && event.coldStart);
    expect(cold).toHaveLength(1);
  });

  test('comes from a zip, with callbacks of old', async () => {
    const code = `exports.handler = (event, context, callback) => callback(null, { zipped: event });`;
    await world.create('zipped', '', {
      codeZip: zip([{ path: 'src/main.js', bytes: Buffer.from(code) }]),
      codeDir: undefined as unknown as string,
      handler: 'src/main.handler',
    });
    expect((await invoke('zipped', 1)).value).toEqual({ zipped: 1 });
  });

  test('is invoked over the wire', async () => {
    const call = (path: string, headers: Record<string, string> = {}) =>
      fetch(`${world.cloud.endpoint}${path}`, {
        method: 'POST',
        body: '{"a":2}',
        headers: {
          authorization: 'AWS4-HMAC-SHA256 Credential=user/20260101/us-east-1/lambda/aws4_request, Signature=x',
          ...headers,
        },
      });
    const answer = await call('/2015-03-31/functions/echo/invocations');
    expect(await answer.json()).toMatchObject({ event: { a: 2 } });
    const failed = await call('/2015-03-31/functions/throws/invocations');
    expect([failed.status, failed.headers.get('x-amz-function-error')]).toEqual([200, 'Unhandled']);
    expect((await call('/2015-03-31/functions/echo/invocations', { 'x-amz-invocation-type': 'Event' })).status).toBe(
      202,
    );
    expect((await call('/2015-03-31/functions/nobody/invocations')).status).toBe(404);
  });
});
