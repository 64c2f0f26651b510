import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterNameIn, colorsOf, isLoopback, readEndpoint, readRegion, withCluster } from '../../../cli/aws/flags.js';
import { openSession } from '../../../cli/aws/session.js';

describe('flags', () => {
  it('a cluster from the flag, from the environment, or none', () => {
    expect(clusterNameIn({ cluster: 'web' }, { SYNKTI_CLUSTER: 'batch' })).toBe('web');
    expect(clusterNameIn({}, { SYNKTI_CLUSTER: 'batch' })).toBe('batch');
    expect(clusterNameIn({}, { SYNKTI_CLUSTER: '' })).toBeNull();
    expect(() => clusterNameIn({ cluster: 'Web' }, {})).toThrow('"Web" is no name of a cluster');
  });

  it('a cluster as a word of its own', () => {
    expect(withCluster('web', {})).toEqual({ cluster: 'web' });
    expect(withCluster('web', { cluster: 'web' })).toEqual({ cluster: 'web' });
    expect(withCluster(undefined, { region: 'us-east-1' })).toEqual({ region: 'us-east-1' });
    expect(() => withCluster('web', { cluster: 'batch' })).toThrow(
      'Two clusters are named, "web" and --cluster "batch"; this looks at one.',
    );
  });

  it('colours only for terminals that want them', () => {
    const on = (env: NodeJS.ProcessEnv, isTTY = true, flags = {}): boolean =>
      colorsOf(flags, env, { isTTY }).isColorSupported;
    expect(on({})).toBe(true);
    expect(on({}, false)).toBe(false);
    expect(on({ NO_COLOR: '1' })).toBe(false);
    expect(on({ NO_COLOR: '' })).toBe(true);
    expect(on({ TERM: 'dumb' })).toBe(false);
    expect(on({ FORCE_COLOR: '1' }, false)).toBe(true);
    expect(on({ NO_COLOR: '1', FORCE_COLOR: '1' }, false)).toBe(false);
    expect(on({}, true, { color: false })).toBe(false);
    expect(on({}, true, { json: true })).toBe(false);
  });

  it('addresses and regions', () => {
    expect(readEndpoint('http://127.0.0.1:4566/', '--endpoint')).toBe('http://127.0.0.1:4566');
    expect(() => readEndpoint('127.0.0.1', '--endpoint')).toThrow('--endpoint needs an address such as');
    expect(() => readEndpoint('ftp://x', '--endpoint')).toThrow('http:// or https://');
    expect(isLoopback('http://127.64.0.2:1')).toBe(true);
    expect(isLoopback('http://[::1]:1')).toBe(true);
    expect(isLoopback('https://127.0.0.1.example')).toBe(false);
    for (const region of ['us-east-1', 'us-gov-west-1', 'ap-southeast-2'])
      expect(readRegion(region, '--region')).toBe(region);
    for (const wrong of ['us-east', 'US-EAST-1', 'us_east_1', ''])
      expect(() => readRegion(wrong, '--region')).toThrow('--region needs a region');
  });
});

describe('a session, as the AWS CLI would have it', () => {
  let folder = '';
  const before = { ...process.env };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'session-'));
    writeFileSync(join(folder, 'config'), '[default]\nregion = eu-west-1\n[profile prod]\nregion = eu-central-1\n');
    writeFileSync(join(folder, 'credentials'), '[prod]\naws_access_key_id = AKIAPROD\naws_secret_access_key = x\n');
    // The SDK reads these two from the process, whatever environment a session is given.
    process.env.AWS_CONFIG_FILE = join(folder, 'config');
    process.env.AWS_SHARED_CREDENTIALS_FILE = join(folder, 'credentials');
  });
  afterAll(() => {
    for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
    rmSync(folder, { recursive: true, force: true });
  });

  const keys = { AWS_ACCESS_KEY_ID: 'AKIAENV', AWS_SECRET_ACCESS_KEY: 'x' };
  const keyOf = async (flags: Parameters<typeof openSession>[0], env: NodeJS.ProcessEnv): Promise<string> => {
    const session = await openSession(flags, env);
    try {
      const { accessKeyId } = await (await session.client('sts')).config.credentials();
      return accessKeyId;
    } finally {
      session.close();
    }
  };

  it('region: the flag, AWS_REGION, AWS_DEFAULT_REGION, the profile', async () => {
    const region = async (flags: object, env: NodeJS.ProcessEnv) => (await openSession(flags, env)).region;
    const both = { AWS_REGION: 'us-west-2', AWS_DEFAULT_REGION: 'us-east-2' };
    expect(await region({ region: 'us-east-1' }, both)).toBe('us-east-1');
    expect(await region({}, both)).toBe('us-west-2');
    expect(await region({}, { AWS_DEFAULT_REGION: 'us-east-2' })).toBe('us-east-2');
    expect(await region({}, {})).toBe('eu-west-1');
    expect(await region({ profile: 'prod' }, {})).toBe('eu-central-1');
    await expect(region({}, { AWS_REGION: 'nowhere' })).rejects.toThrow('AWS_REGION needs a region');
  });

  it('credentials: --profile, then keys, then AWS_PROFILE; a rehearsal needs none', async () => {
    expect(await keyOf({ profile: 'prod' }, keys)).toBe('AKIAPROD');
    expect(await keyOf({}, { ...keys, AWS_PROFILE: 'prod' })).toBe('AKIAENV');
    expect(await keyOf({}, { AWS_PROFILE: 'prod' })).toBe('AKIAPROD');
    expect(await keyOf({ endpoint: 'http://127.0.0.1:1' }, {})).toBe('rehearsal');
    expect(await keyOf({ endpoint: 'http://127.0.0.1:1', profile: 'prod' }, {})).toBe('AKIAPROD');
  });

  it('a profile that is not there, with the nearest one', async () => {
    await expect(openSession({ profile: 'prdo' }, {})).rejects.toThrow('Did you mean "prod"?');
    await expect(openSession({}, { AWS_PROFILE: 'nope' })).rejects.toThrow('(from AWS_PROFILE)');
  });
});
