import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { imdsCredentials } from '../../agent/credentials.js';
import { identityOf, readIdentity } from '../../agent/identity.js';
import { createImds, type Imds } from '../../agent/imds.js';
import { startPoller } from '../../agent/imds-poller.js';
import { newImdsSession, nextImdsStep, tookAnswer, tookToken } from '../../agent/imds-session.js';
import { seededRng } from '../../core/rng.js';
import { type MonoMs, monoMs, wallMs } from '../../core/time.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** An IMDS that answers as a test says, to a client whose clock the test moves. */
async function scripted(handler: Handler, timeoutMs = 500) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  let now = 0;
  const imds: Imds = createImds({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    timeoutMs,
    clock: () => ({ nowMs: monoMs(now), wallMs: wallMs(now), rng: seededRng(1) }),
  });
  closers.push(() => {
    imds.close();
    server.close();
    server.closeAllConnections();
  });
  return {
    imds,
    seen,
    advance: (ms: number) => {
      now += ms;
    },
  };
}

/** Tokens t1, t2, ...; a GET is answered when its token is the latest. */
function wellBehaved(paths: Readonly<Record<string, string>>): Handler {
  let tokens = 0;
  return (request, response) => {
    if (request.method === 'PUT') {
      expect(request.headers['x-aws-ec2-metadata-token-ttl-seconds']).toBe('21600');
      tokens += 1;
      response.end(`t${tokens}`);
      return;
    }
    if (request.headers['x-aws-ec2-metadata-token'] !== `t${tokens}`) {
      response.writeHead(401).end();
      return;
    }
    const body = paths[(request.url ?? '').replace('/latest/meta-data/', '')];
    if (body === undefined) response.writeHead(404).end('<html>404 - Not Found</html>');
    else response.end(body);
  };
}

describe('IMDS client', () => {
  it('fetches one token for many requests, and never asks without one', async () => {
    const { imds, seen } = await scripted(wellBehaved({ 'instance-id': 'i-1' }));
    const answers = await Promise.all([1, 2, 3].map(() => imds.get('meta-data/instance-id')));
    expect(answers).toEqual([1, 2, 3].map(() => ({ status: 200, body: 'i-1' })));
    expect(seen.filter((line) => line.startsWith('PUT'))).toHaveLength(1);
    expect(seen[0]).toBe('PUT /latest/api/token');
  });

  it('passes a 404 on', async () => {
    const { imds } = await scripted(wellBehaved({}));
    expect((await imds.get('meta-data/spot/instance-action')).status).toBe(404);
  });

  it('renews the token before it ends', async () => {
    const { imds, seen, advance } = await scripted(wellBehaved({ a: 'x' }));
    await imds.get('meta-data/a');
    advance(21_600_000 - 299_000);
    expect((await imds.get('meta-data/a')).status).toBe(200);
    expect(seen.filter((line) => line.startsWith('PUT'))).toHaveLength(2);
  });

  it('answers a 401 with a new token at once', async () => {
    let refuse = true;
    const good = wellBehaved({ a: 'x' });
    const { imds, seen } = await scripted((request, response) => {
      if (request.method === 'GET' && refuse) {
        refuse = false;
        response.writeHead(401).end();
      } else good(request, response);
    });
    expect(await imds.get('meta-data/a')).toEqual({ status: 200, body: 'x' });
    expect(seen.map((line) => line.split(' ')[0])).toEqual(['PUT', 'GET', 'PUT', 'GET']);
    expect(imds.counters).toMatchObject({ refused: 1, tokens: 2, failed: 0 });
  });

  it('backs off when every token is refused', async () => {
    const { imds, seen } = await scripted((request, response) => {
      response.writeHead(request.method === 'PUT' ? 200 : 401).end('t');
    });
    expect((await imds.get('meta-data/a')).status).toBe(0);
    expect(seen).toHaveLength(4);
    expect((await imds.get('meta-data/a')).status).toBe(0);
    expect(seen).toHaveLength(4);
  });

  it.each([
    ['a 503', (_: IncomingMessage, response: ServerResponse) => void response.writeHead(503).end()],
    ['silence', () => {}],
    ['a cut connection', (request: IncomingMessage) => void request.socket.destroy()],
    ['a 403 (switched off)', (_: IncomingMessage, response: ServerResponse) => void response.writeHead(403).end()],
  ])('goes on after %s', async (_name, bad: Handler) => {
    let broken = true;
    const good = wellBehaved({ a: 'x' });
    const { imds, seen, advance } = await scripted((request, response) => {
      if (broken) bad(request, response);
      else good(request, response);
    }, 100);
    expect((await imds.get('meta-data/a')).status).not.toBe(200);
    expect(imds.busyUntilMs).toBeGreaterThan(0);
    // Backed off: nothing is sent.
    const before = seen.length;
    expect((await imds.get('meta-data/a')).status).toBe(0);
    expect(seen).toHaveLength(before);
    broken = false;
    advance(imds.busyUntilMs + 1);
    expect(await imds.get('meta-data/a')).toEqual({ status: 200, body: 'x' });
  });

  it('refuses an endless body', async () => {
    const { imds } = await scripted((request, response) => {
      response.end(request.method === 'PUT' ? 't' : 'x'.repeat(100_000));
    });
    expect((await imds.get('meta-data/a')).status).toBe(0);
  });

  it('session: the back-off is bounded and jittered, whatever is answered', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0, 200, 400, 401, 403, 404, 429, 500, 503), { maxLength: 60 }),
        fc.integer(),
        (statuses, seed) => {
          const session = newImdsSession();
          const rng = seededRng(seed);
          let now: MonoMs = monoMs(0);
          for (const status of statuses) {
            const step = nextImdsStep(session, now);
            if (step.do === 'wait') {
              expect(step.untilMs - now).toBeLessThanOrEqual(5_000);
              now = step.untilMs;
            } else if (step.do === 'fetch-token') tookToken(session, status, 'token', now, rng);
            else tookAnswer(session, status, now, rng);
          }
          expect(Number.isFinite(session.failures)).toBe(true);
        },
      ),
    );
  });
});

describe('poller', () => {
  it('hands every answer on, path by path', async () => {
    const notice = '{"action":"terminate","time":"2026-01-17T10:30:00Z"}';
    const { imds } = await scripted(wellBehaved({ 'spot/instance-action': notice }));
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      const start = performance.now();
      const poller = startPoller(
        imds,
        () => monoMs(performance.now() - start),
        (path, status, body) => {
          seen.push(`${path} ${status} ${status === 200 ? body : ''}`.trim());
          if (seen.length === 6) resolve();
        },
        { 'spot/instance-action': 10, 'events/recommendations/rebalance': 15, 'events/maintenance/scheduled': 20 },
      );
      closers.push(() => poller.stop());
    });
    expect(seen).toContain(`spot/instance-action 200 ${notice}`);
    expect(seen).toContain('events/recommendations/rebalance 404');
    expect(seen).toContain('events/maintenance/scheduled 404');
  });
});

describe('credentials', () => {
  const role = (expires: number) =>
    JSON.stringify({
      Code: 'Success',
      AccessKeyId: 'ASIA1',
      SecretAccessKey: 's',
      Token: 'tok',
      Expiration: new Date(expires).toISOString(),
    });

  it('come from the role, are kept, and renewed before they end', async () => {
    const paths: Record<string, string> = {
      'iam/security-credentials/': 'synkti-node',
      'iam/security-credentials/synkti-node': role(3_600_000),
    };
    const { imds, seen } = await scripted(wellBehaved(paths));
    let now = 0;
    const credentials = imdsCredentials(imds, () => now);
    const [first] = await Promise.all([credentials(), credentials()]);
    expect(first).toMatchObject({ accessKeyId: 'ASIA1', sessionToken: 'tok' });
    expect(seen).toHaveLength(3);
    now = 3_400_000;
    paths['iam/security-credentials/synkti-node'] = role(7_200_000);
    expect((await credentials()).expiration?.getTime()).toBe(7_200_000);
    // Gone, but the old ones still hold.
    delete paths['iam/security-credentials/synkti-node'];
    now = 7_000_000;
    expect((await credentials()).expiration?.getTime()).toBe(7_200_000);
    now = 7_300_000;
    await expect(credentials()).rejects.toThrow(/no credentials for role/);
  });

  it.each(['', '{}', 'null', '[]', '{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"never"}'])(
    'nonsense (%s) is an error with a name',
    async (body) => {
      const { imds } = await scripted(
        wellBehaved({ 'iam/security-credentials/': 'r', 'iam/security-credentials/r': body }),
      );
      await expect(imdsCredentials(imds, () => 0)()).rejects.toThrow(/IMDS gives no credentials/);
    },
  );
});

describe('identity', () => {
  const PATHS = {
    'instance-id': 'i-0aaaaaaaaaaaaaaaa',
    'instance-type': 'c7g.large',
    'placement/region': 'eu-west-1',
    'placement/availability-zone': 'eu-west-1a',
    'instance-life-cycle': 'spot',
    'local-ipv4': '10.0.0.7',
    'tags/instance/synkti:cluster': 'web',
    'tags/instance/synkti:epoch': 'e1',
    'tags/instance/synkti:slot': '3',
    'tags/instance/synkti:generation': '17',
    'tags/instance/synkti:rung': '0',
  };

  it('is read from the instance and its tags', async () => {
    const { imds } = await scripted(wellBehaved(PATHS));
    expect(await readIdentity(imds)).toMatchObject({
      ok: true,
      identity: {
        instanceId: 'i-0aaaaaaaaaaaaaaaa',
        instanceType: 'c7g.large',
        region: 'eu-west-1',
        zone: 'eu-west-1a',
        lifecycle: 'spot',
        privateIp: '10.0.0.7',
        cluster: 'web',
        epoch: 'e1',
        seat: { slot: 3, generation: 17, rung: 0 },
      },
    });
  });

  it('says what to do when tags are not shown', async () => {
    const { 'tags/instance/synkti:slot': _slot, ...rest } = PATHS;
    const { imds } = await scripted(wellBehaved(rest));
    const read = await readIdentity(imds);
    expect(read.ok ? '' : read.problem).toMatch(/synkti:slot.*InstanceMetadataTags/);
  });

  it('never throws on nonsense', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), fc.dictionary(fc.string(), fc.string()), (values, tags) => {
        expect(identityOf(values, tags).ok).toBe(false);
      }),
    );
  });
});
