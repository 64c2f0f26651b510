import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MonoMs, monoMs, wallMs } from '../../../core/time.js';
import { createFleet } from '../../../local/ec2/model/fleet.js';
import { interrupt, recommendRebalance, scheduleMaintenance } from '../../../local/ec2/model/life.js';
import { CredentialIssuer } from '../../../local/imds/credentials.js';
import { Imds } from '../../../local/imds/server.js';
import { imdsTree } from '../../../local/imds/view.js';
import { fleetRequest, world } from '../ec2/world.js';

const at = world();
const [first] = createFleet(at.model, fleetRequest(at, null), at.ctx()).instances;
const instanceId = first?.instanceIds[0] ?? '';
let bytes = 0;
const issuer = new CredentialIssuer({ random: (size) => Buffer.alloc(size, ++bytes), lifetimeMs: 3_600_000 });
const roleArn = 'arn:aws:iam::123456789012:role/node';
let imds: Imds;
let busy = false;
let enabled = true;

const record = () => {
  const known = at.model.instances.get(instanceId)?.record;
  if (known === undefined) throw new Error('gone');
  return known;
};

beforeAll(async () => {
  imds = await Imds.start({
    host: '127.0.0.1',
    port: 0,
    tree: () =>
      enabled
        ? imdsTree({
            record: record(),
            options: at.model.options,
            role: {
              name: 'node',
              credentials: () => issuer.credentialsOf(instanceId, roleArn, wallMs(at.ctx().wallMs)),
            },
          })
        : null,
    fate: () => ({ busy, delayMs: 0 }),
    now: (): MonoMs => monoMs(at.now),
  });
});

afterAll(() => imds.close());

const put = (headers: Record<string, string>) => fetch(`${imds.url}/latest/api/token`, { method: 'PUT', headers });
const TTL = 'x-aws-ec2-metadata-token-ttl-seconds';
const token = async () => (await put({ [TTL]: '60' })).text();
const get = async (path: string, withToken?: string) => {
  const response = await fetch(`${imds.url}/latest/${path}`, {
    headers: { 'x-aws-ec2-metadata-token': withToken ?? (await token()) },
  });
  return { status: response.status, body: await response.text() };
};

describe('tokens', () => {
  test.each(['', '0', '21601', '-1', 'x', '1.5'])('a TTL of "%s" is a bad request', async (ttl) => {
    expect((await put(ttl === '' ? {} : { [TTL]: ttl })).status).toBe(400);
  });

  test('they expire; without one there is nothing', async () => {
    const response = await put({ [TTL]: '60' });
    expect(response.headers.get(TTL)).toBe('60');
    const given = await response.text();
    expect((await get('meta-data/instance-id', given)).body).toBe(instanceId);
    at.now += 60_000;
    expect((await get('meta-data/instance-id', given)).status).toBe(401);
    expect((await get('meta-data/instance-id', 'made-up')).status).toBe(401);
    expect((await fetch(`${imds.url}/latest/meta-data/instance-id`)).status).toBe(401);
  });

  test('a proxy does not get one, and nobody when it is off', async () => {
    expect((await put({ [TTL]: '60', 'x-forwarded-for': '10.0.0.1' })).status).toBe(403);
    enabled = false;
    expect((await put({ [TTL]: '60' })).status).toBe(403);
    enabled = true;
    busy = true;
    expect((await put({ [TTL]: '60' })).status).toBe(503);
    busy = false;
    expect((await fetch(`${imds.url}/latest/meta-data/`, { method: 'POST' })).status).toBe(405);
  });
});

describe('metadata', () => {
  test('what the instance is', async () => {
    expect((await get('')).body).toBe('dynamic/\nmeta-data/');
    expect((await get('meta-data/placement')).body).toBe('availability-zone\nregion');
    expect((await get('meta-data/placement/availability-zone')).body).toBe('us-east-1a');
    expect((await get('meta-data/local-ipv4')).body).toBe(record().privateIp);
    expect((await get('meta-data/mac')).body).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    expect((await get('meta-data/instance-life-cycle')).body).toBe('spot');
    expect((await get('meta-data/tags/instance')).body.split('\n')).toContain('slot');
    expect((await get('meta-data/tags/instance/slot')).body).toBe('3');
    expect((await get('meta-data/tags/instance/aws%3Aec2%3Afleet-id')).body).toMatch(/^fleet-/);
    expect(JSON.parse((await get('dynamic/instance-identity/document')).body)).toMatchObject({ instanceId });
    for (const path of [
      'meta-data/none',
      'meta-data/mac/x',
      '../etc',
      'meta-data/__proto__',
      'meta-data/constructor',
    ]) {
      expect((await get(path)).status).toBe(404);
    }
    expect((await get('meta-data/%zz')).status).toBe(400);
  });

  test('nothing yet is a 404 with a page, then the notice', async () => {
    const before = await get('meta-data/spot/instance-action');
    expect(before).toMatchObject({ status: 404, body: expect.stringContaining('<html') });
    expect((await get('meta-data/events/recommendations/rebalance')).status).toBe(404);
    expect((await get('meta-data/events/maintenance/scheduled')).body).toBe('[]');

    recommendRebalance(at.model, instanceId, at.ctx());
    const { body } = await get('meta-data/events/recommendations/rebalance');
    expect(JSON.parse(body)).toEqual({ noticeTime: '2026-01-17T10:01:00Z' });

    const notBeforeMs = wallMs(Date.parse('2026-01-21T09:00:43Z'));
    scheduleMaintenance(
      at.model,
      instanceId,
      { code: 'system-reboot', notBeforeMs, notAfterMs: notBeforeMs },
      at.ctx(),
    );
    expect(JSON.parse((await get('meta-data/events/maintenance/scheduled')).body)).toMatchObject([
      { NotBefore: '21 Jan 2026 09:00:43 GMT', Code: 'system-reboot', State: 'active' },
    ]);

    interrupt(at.model, instanceId, { noticeMs: 120_000, announce: 'imds' }, at.ctx());
    expect(JSON.parse((await get('meta-data/spot/instance-action')).body)).toEqual({
      action: 'terminate',
      time: '2026-01-17T10:03:00Z',
    });
    expect((await get('meta-data/spot/termination-time')).body).toBe('2026-01-17T10:03:00Z');
  });

  test('an interruption that is not announced here stays unseen', () => {
    const other = world();
    const id = createFleet(other.model, fleetRequest(other, null), other.ctx()).instances[0]?.instanceIds[0] ?? '';
    interrupt(other.model, id, { noticeMs: 1, announce: 'event' }, other.ctx());
    const hidden = other.model.instances.get(id)?.record;
    const tree = hidden && imdsTree({ record: hidden, options: other.model.options, role: null });
    expect(tree?.['meta-data']).not.toHaveProperty('spot');
    expect(tree?.['meta-data']).not.toHaveProperty('iam');
  });
});

describe('role credentials', () => {
  test('they rotate, are known again, and expire', async () => {
    expect((await get('meta-data/iam/security-credentials/')).body).toBe('node');
    const fetchKeys = async () => JSON.parse((await get('meta-data/iam/security-credentials/node')).body);
    const old = await fetchKeys();
    expect(old).toMatchObject({ Code: 'Success', Type: 'AWS-HMAC' });
    expect(issuer.principalOf(old.AccessKeyId, old.Token, at.ctx().wallMs)).toEqual({
      kind: 'node',
      instanceId,
      roleArn,
    });
    expect(() => issuer.principalOf(old.AccessKeyId, null, at.ctx().wallMs)).toThrow(/token/);
    at.now += 3_600_000 - 5 * 60_000;
    expect((await fetchKeys()).AccessKeyId).not.toBe(old.AccessKeyId);
    expect(issuer.principalOf(old.AccessKeyId, old.Token, at.ctx().wallMs)).not.toBeNull();
    at.now += 5 * 60_000;
    expect(() => issuer.principalOf(old.AccessKeyId, old.Token, at.ctx().wallMs)).toThrow(/expired/);
    expect(issuer.principalOf('AKIDSTRANGER', null, at.ctx().wallMs)).toBeNull();
  });
});
