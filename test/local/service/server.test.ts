import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../eventually.js';

const SERVER = join(import.meta.dirname, '../../../local/service/server.ts');

async function start(environment: Record<string, string> = {}): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', SERVER], {
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0', WORK_MS: '1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, url: `http://${/127\.0\.0\.1:\d+/.exec(line)?.[0]}` };
}

const inFlight = async (url: string): Promise<number> =>
  ((await (await fetch(`${url}/in-flight`)).json()) as { inFlight: number }).inFlight;

describe('example service', () => {
  it('answers, counts what is in flight, and knows no other path', async () => {
    const { url } = await start();
    expect(await (await fetch(url)).text()).toBe('ok');
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await fetch(`${url}/other`)).status).toBe(404);
    const slow = fetch(`${url}/?ms=300`);
    await eventually('in flight', async () => (await inFlight(url)) === 1);
    expect((await slow).status).toBe(200);
    expect(await inFlight(url)).toBe(0);
  });

  it('is not healthy before it has started up', async () => {
    const { url } = await start({ STARTUP_MS: '300' });
    expect((await fetch(`${url}/health`)).status).toBe(503);
    await eventually('ready', async () => (await fetch(`${url}/health`)).status === 200);
  });

  it('finishes at SIGTERM what is in flight, asks for no more, and exits with 0', async () => {
    const { child, url } = await start();
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const sent = request(`${url}/?ms=400`, { agent }).end();
    const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
    await eventually('in flight', async () => (await inFlight(url)) === 1);
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const [response] = await answered;
    response.resume();
    expect(response.statusCode).toBe(200);
    expect(response.headers.connection).toBe('close');
    expect(await exited).toEqual([0, null]);
    await expect(fetch(url)).rejects.toThrow();
  });

  it('refuses a setting that is none, with a sentence and exit code 2', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', SERVER], {
      env: { PATH: process.env.PATH, PORT: 'http' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    child.stderr.on('data', (data) => (said += String(data)));
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(2);
    expect(said).toBe("PORT must be a number from 0 to 65535, it is 'http'\n");
  });
});
