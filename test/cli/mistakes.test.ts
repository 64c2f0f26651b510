import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Run } from './spawn.js';

let folder = '';
const file = (name: string): string => join(folder, name);
const taken: Server[] = [];

async function takePort(host: string): Promise<number> {
  const server = createServer();
  taken.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mistakes-'));
  writeFileSync(file('us-east-1a.json'), 'hello');
  writeFileSync(file('us-east-1b.json'), '{"metadata": {"gap_seconds": 30}, "data": [1, 1, 1]}');
  writeFileSync(file('trace.json'), '{"metadata": {"gap_seconds": 30}, "data": [1, 0, 1]}');
  writeFileSync(file('not-executable'), 'x');
  chmodSync(file('not-executable'), 0o644);
});

afterAll(() => {
  for (const server of taken) server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Exit code 2, one sentence on stderr, nothing on stdout, nothing left. */
async function refused(args: readonly string[]): Promise<string> {
  const run = new Run(args);
  try {
    const { code, out, err } = await run.ended;
    expect({ code, out }, err).toEqual({ code: 2, out: '' });
    expect(err.startsWith('synkti: ')).toBe(true);
    expect(run.leftovers()).toEqual({ files: [], processes: [] });
    return err;
  } finally {
    await run.cleanUp();
  }
}

describe('a mistake on the command line is told in one sentence, with exit code 2:', () => {
  it.each<[string, readonly string[], string]>([
    ['an unknown flag', ['rehearse', '--sed', '1'], "unknown option '--sed'\n(Did you mean --seed?)"],
    ['an unknown command', ['rehears'], "unknown command 'rehears'\n(Did you mean rehearse?)"],
    ['a command like no other', ['frobnicate'], "unknown command 'frobnicate'; see: synkti help\n"],
    ['help of a mistyped command', ['help', 'statsu'], 'There is no command "statsu". Did you mean "status"?'],
    ['help of no command', ['help', 'frobnicate'], 'There is no command "frobnicate". synkti help lists them.'],
    ['a stray word', ['rehearse', 'now'], 'Expected 0 arguments but got 1; see: synkti help rehearse'],
    ['a missing word', ['completion'], "missing required argument 'shell'; see: synkti help completion"],
    ['two clusters', ['status', 'web', '--cluster', 'batch'], 'Two clusters are named, "web" and --cluster "batch"'],
    ['no port', ['ui', '--port', '0'], '--port must be a whole number from 1 to 65535, not "0".'],
    ['looks too often', ['ui', '--every', '1s'], '--every must be from 2s to 1h, not "1s".'],
    ['a flag without its value', ['rehearse', '--nodes'], "'--nodes <number>' argument missing"],
    ['no nodes', ['rehearse', '--nodes', '0'], '--nodes must be a whole number from 1 to 64, not "0".'],
    ['a huge number of nodes', ['rehearse', '--nodes', '99999999999999999999'], '--nodes must be'],
    ['half a node', ['rehearse', '--nodes', '2.5'], '--nodes must be'],
    ['a negative rate', ['rehearse', '--rate', '-5'], '--rate must be a whole number from 1 to 5000, not "-5".'],
    ['no number', ['rehearse', '--rate', 'NaN'], '--rate must be'],
    ['no time', ['rehearse', '--notice', 'soon'], '--notice needs a time such as 20s'],
    ['a time without a unit', ['rehearse', '--notice', '20'], '--notice needs a time such as 20s'],
    ['an endless notice', ['rehearse', '--notice', '9d'], '--notice must be from 2s to 10m, not "9d".'],
    ['a seed that is no seed', ['rehearse', '--seed', 'a b'], '--seed takes'],
    ['a slot that is none', ['rehearse', '--kill', '6@1s'], 'slots are numbers from 0 to 5'],
    ['an unreadable act', ['rehearse', '--interrupt', '3'], 'write it like --interrupt 3@15s.'],
    ['a zone that is none', ['rehearse', '--reclaim-zone', 'z@1s'], 'the zones are us-east-1a, us-east-1b, us-east-1c'],
    ['a part of no trace', ['rehearse', '--for', '1h'], '--for says which part of a trace is played'],
    ['a missing trace', ['rehearse', '--trace', '/nowhere.json'], "--trace /nowhere.json can't be read"],
    ['a folder as a trace', ['rehearse', '--trace', tmpdir()], 'it is a folder'],
    ['a share that is none', ['rehearse', '--packet-loss', '120%'], '--packet-loss must be a share'],
    ['a pool that is none', ['rehearse', '--no-capacity', 'x1e'], '--no-capacity "x1e" is no pool'],
    [
      'a missing program',
      ['rehearse', '--workload', 'no-such-program -x'],
      'names "no-such-program", which isn\'t there',
    ],
    ['a shell command', ['rehearse', '--workload', 'a | b'], 'which only a shell understands'],
    ['no path', ['rehearse', '--health', 'health'], '--health must be a path such as /health'],
    ['a port that is none', ['rehearse', '--port', '70000'], '--port must be a whole number from 1 to 65535'],
    ['an unwritable result', ['rehearse', '--json', '/nowhere/x.json'], "/nowhere doesn't exist"],
    ['a folder as result', ['rehearse', '--json', tmpdir()], 'is not a file'],
  ])('%s', async (_, args, complaint) => {
    expect(await refused(args)).toContain(complaint);
  });

  it('traces that are none', async () => {
    expect(await refused(['rehearse', '--trace', file('us-east-1a.json')])).toContain('is no trace: it is not JSON');
    expect(await refused(['rehearse', '--trace', file('us-east-1b.json')])).toContain('Nothing is ever lost');
    expect(await refused(['rehearse', '--trace', file('trace.json')])).toContain("doesn't tell its zone");
  });

  it('a program that is not executable', async () => {
    expect(await refused(['rehearse', '--workload', file('not-executable')])).toContain("it isn't executable");
  });

  it('busy ports', async () => {
    const port = String(await takePort('0.0.0.0'));
    expect(await refused(['rehearse', '--port', port])).toContain(`--port ${port} is busy`);
    const endpoint = String(await takePort('127.0.0.1'));
    const run = new Run(['rehearse', '--endpoint-port', endpoint]);
    const { code, err } = await run.ended;
    expect({ code, left: run.leftovers() }).toEqual({ code: 2, left: { files: [], processes: [] } });
    expect(err).toContain(`--endpoint-port ${endpoint}: Port ${endpoint} on 127.0.0.1 is in use`);
    await run.cleanUp();
  });
});

describe('what is no mistake ends with 0:', () => {
  it.each([[['--help']], [['rehearse', '--help']], [['help', 'rehearse']], [['--version']], [[]]])(
    '%j',
    async (args) => {
      const run = new Run(args);
      const { code, out, err } = await run.ended;
      await run.cleanUp();
      expect(code).toBe(0);
      // Help is no complaint: it goes where a pager reads it.
      expect({ err, told: out.length > 4 }).toEqual({ err: '', told: true });
    },
  );
});
