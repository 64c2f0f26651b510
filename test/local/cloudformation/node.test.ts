import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hereOf } from '../../../local/cloudformation/node-files.js';
import { adaptSpec } from '../../../local/cloudformation/rehearsal-spec.js';
import { readUserData, wordsOf } from '../../../local/cloudformation/user-data.js';
import { unzip, zip } from '../../../local/cloudformation/zip.js';

const DIGEST = 'ab'.repeat(32);
const USER_DATA = `#!/bin/bash
set -Eeuo pipefail
ln -sf "$(command -v "$node")" /usr/local/bin/synkti-node
install -d -m 755 '/opt/api'
retry aws s3 cp --only-show-errors --region eu-west-1 s3://assets/abc.zip '/opt/api/files.zip'
unzip -q -o '/opt/api/files.zip' -d '/opt/api'
retry aws s3 sync --only-show-errors --region eu-west-1 's3://models/it'\\''s here/' '/var/lib/models'
retry aws s3 cp --only-show-errors --region eu-west-1 s3://assets/agent.mjs /opt/synkti/agent.mjs
echo '${DIGEST}  /opt/synkti/agent.mjs' | sha256sum --check --quiet
cat > /etc/systemd/system/other.service <<'EOF'
ExecStart=/usr/bin/true
EOF
cat > /etc/systemd/system/synkti.service <<'EOF'
[Service]
ExecStart=/usr/local/bin/synkti-node /opt/synkti/agent.mjs
Environment=SYNKTI_STATE_DIR=/var/lib/synkti
Environment=SYNKTI_KEEP_INSTANCE=1 "B=two words"
EOF
systemctl enable --now synkti.service`;

describe('user data', () => {
  const plan = readUserData(USER_DATA, 'lt-1');

  test('says what a node fetches, checks and runs', () => {
    expect(plan.command).toEqual(['/usr/local/bin/synkti-node', '/opt/synkti/agent.mjs']);
    expect(plan.environment).toEqual({
      SYNKTI_STATE_DIR: '/var/lib/synkti',
      SYNKTI_KEEP_INSTANCE: '1',
      B: 'two words',
    });
    expect(plan.fetches).toEqual([
      { kind: 'file', bucket: 'assets', key: 'abc.zip', path: '/opt/api/files.zip' },
      { kind: 'folder', bucket: 'models', key: "it's here/", path: '/var/lib/models' },
      { kind: 'file', bucket: 'assets', key: 'agent.mjs', path: '/opt/synkti/agent.mjs' },
    ]);
    expect(plan.digests.get('/opt/synkti/agent.mjs')).toBe(DIGEST);
    expect(plan.unpacked.get('/opt/api/files.zip')).toBe('/opt/api');
  });

  test('paths of a node have places here', () => {
    expect(hereOf(plan, '/usr/local/bin/synkti-node', '/run')).toBe(process.execPath);
    expect(hereOf(plan, '/opt/api/server.mjs', '/run')).toMatch(/^\/run\/[0-9a-f]{16}\/server\.mjs$/);
    expect(hereOf(plan, '/opt/apis/server.mjs', '/run')).toBeNull();
    expect(hereOf(plan, '--flag', '/run')).toBeNull();
  });

  test.each([
    ['#!/bin/bash\nyum install nginx'],
    [USER_DATA.replace('systemctl enable --now synkti.service', '')],
    [USER_DATA.replace("' | sha256sum", "' | md5sum")],
  ])('another is refused', (text) => {
    expect(() => readUserData(text, 'lt-1')).toThrow(/The user data of lt-1 isn't understood/);
  });

  test('words are those of a shell', () => {
    const quoted = fc.array(
      fc.string({ minLength: 1 }).filter((word) => !word.includes('\n')),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(quoted, (words) => {
        const line = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
        expect(wordsOf(line)).toEqual(words);
      }),
    );
  });
});

describe('zip', () => {
  test('comes back as it was', () => {
    const path = fc.stringMatching(/^[a-z]{1,8}(\/[a-zé]{1,8}){0,2}$/);
    const file = fc.record({ path, bytes: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) });
    fc.assert(
      fc.property(fc.uniqueArray(file, { maxLength: 6, selector: (one) => one.path }), (files) => {
        expect(unzip(zip(files))).toEqual(files);
      }),
    );
  });

  test('is the format that others read', () => {
    const file = zip([{ path: 'a.txt', bytes: Buffer.from('hello') }]);
    expect(file.readUInt32LE(0)).toBe(0x04034b50);
    expect(file.readUInt32LE(14)).toBe(crc32('hello'));
    expect(file.readUInt32LE(22)).toBe(5);
  });

  test('what leads out of it, or is none, is refused', () => {
    expect(() => unzip(zip([{ path: '../x', bytes: Buffer.from('x') }]))).toThrow(/leads out/);
    expect(() => unzip(Buffer.from('not a zip file, and long enough'))).toThrow(/no zip file/);
  });
});

describe("a rehearsal's spec", () => {
  const spec = {
    format: 1,
    launch: { templateId: 'lt-1' },
    workloads: [
      { name: 'web', kind: 'container', image: 'nginx', port: 80, args: ['-x'], gpus: 1, mounts: [] },
      { name: 'api', kind: 'process', command: ['/usr/local/bin/synkti-node', '/opt/api/x.mjs'], port: 8080 },
    ],
    policy: { drainMs: 60_000 },
    gossip: { preset: 'lan', port: 7946, secretId: 's' },
  };
  const tools = {
    hereOf: (path: string) => (path.startsWith('/opt/') ? `/here${path}` : null),
    portOf: (port: number) => (port < 1024 ? port + 8000 : port),
  };

  test('has stand-ins, paths and ports of this system, and says so', () => {
    const standIns = { web: ['node', 'web.js'] };
    const { value, changes } = adaptSpec(JSON.stringify(spec), { standIns, timeScale: 0.5, gossip: 'local' }, tools);
    const { workloads, policy, gossip } = JSON.parse(value);
    expect(workloads[0]).toEqual({ name: 'web', kind: 'process', command: ['node', 'web.js'], port: 8080 });
    expect(workloads[1].command).toEqual(['/usr/local/bin/synkti-node', '/here/opt/api/x.mjs']);
    expect(policy).toMatchObject({ drainMs: 30_000, keepServingMs: 12_500 });
    expect(gossip.preset).toBe('local');
    expect(changes.join('\n')).toMatch(
      /port 8080, not 80.*\n.*in the place of its container nginx.*\n.*drainMs 60000 -> 30000/,
    );
  });

  test('a container needs Docker, or a stand-in', () => {
    expect(() => adaptSpec(JSON.stringify(spec), {}, tools)).toThrow(/container nginx, and no Docker engine answers/);
    const kept = adaptSpec(JSON.stringify(spec), { docker: true }, { ...tools, portOf: (port) => port });
    expect(JSON.parse(kept.value).workloads[0]).toEqual(spec.workloads[0]);
    expect(kept.changes).toEqual([]);
  });

  test('what nobody names may have a stand-in for all', () => {
    const standInFor = ({ port, healthPath }: { port: number | null; healthPath: string | null }) =>
      port === null ? null : { command: ['node', `${port}${healthPath ?? ''}`], inFlightPath: '/in-flight' };
    const first = (options: Parameters<typeof adaptSpec>[1]) =>
      JSON.parse(adaptSpec(JSON.stringify(spec), options, tools).value).workloads[0];
    expect(first({ standInFor })).toMatchObject({
      kind: 'process',
      command: ['node', '80'],
      port: 8080,
      inFlightPath: '/in-flight',
    });
    expect(first({ standInFor, standIns: { web: ['own'] } })).toMatchObject({ command: ['own'] });
    expect(first({ standInFor, docker: true })).toMatchObject({ kind: 'container' });
    expect(() => first({ standInFor: () => null })).toThrow(/no Docker engine answers/);
  });

  test('other parameters stay as they are', () => {
    for (const text of ['x', '{}', '{"format":1}', '']) {
      expect(adaptSpec(text, {}, tools)).toEqual({ value: text, changes: [] });
    }
  });
});
