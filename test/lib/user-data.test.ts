/** The boot script, run by a real shell with stand-ins for what only a node has. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aws_s3 as s3 } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileSource, SynktiCluster, type SynktiClusterProps, Workload } from '../../lib/index.js';
import { deployed } from './resolve.js';
import { newStack, synth } from './synth.js';

function scriptOf(template: Template): string {
  const { Resources } = template.toJSON();
  const [launchTemplate] = Object.values(template.findResources('AWS::EC2::LaunchTemplate'));
  return deployed(launchTemplate?.Properties.LaunchTemplateData.UserData, Resources);
}

const script = (props: Partial<SynktiClusterProps> = {}): string => scriptOf(synth(props).template);

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'synkti-boot-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

interface Boot {
  readonly status: number | null;
  /** The commands that reached the machine, in order. */
  readonly calls: readonly string[];
  readonly stderr: string;
}

const AGENT = join(import.meta.dirname, 'bundles', 'agent.mjs');

/** Boots a machine whose folders lie under a temporary root. `programs`: what the image brings besides the basics. */
function boot(text: string, programs: Readonly<Record<string, string>> = {}): Boot {
  const bin = join(root, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const folder of ['etc/systemd/system', 'usr/local/bin', 'var/lib']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  const log = join(root, 'calls');
  writeFileSync(log, '');
  const defaults: Record<string, string> = {
    // "Downloads" the agent; the last argument but its flags is the target.
    aws: `for last; do :; done; case "$*" in *agent.mjs*) cp ${AGENT} "$last";; esac`,
    dnf: `case "$*" in *nodejs24*) printf '#!/bin/sh\\n' > ${bin}/node-24; chmod +x ${bin}/node-24;; esac`,
    systemctl: '',
    useradd: '',
    usermod: '',
    id: 'exit 1',
    sleep: '',
  };
  for (const [name, body] of Object.entries({ ...defaults, ...programs })) {
    writeFileSync(join(bin, name), `#!/bin/bash\necho "${name} $*" >> ${log}\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  for (const name of ['bash', 'sh', 'cat', 'cp', 'ln', 'install', 'sha256sum', 'chmod', 'rm']) {
    if (!existsSync(join(bin, name))) {
      writeFileSync(join(bin, name), `#!/bin/bash -p\nPATH=/usr/bin:/bin exec ${name} "$@"\n`);
      chmodSync(join(bin, name), 0o755);
    }
  }
  const moved = text.replaceAll(/(?<![\w/])\/(opt|etc|var\/lib|usr\/local)\//g, `${root}/$1/`);
  const run = spawnSync('/bin/bash', ['-s'], { input: moved, env: { PATH: bin }, encoding: 'utf8', timeout: 20_000 });
  const calls = readFileSync(log, 'utf8').replaceAll(`${root}/`, '/').trim().split('\n');
  return { status: run.status, calls, stderr: run.stderr };
}

describe('a node at its first boot', () => {
  it('installs what is missing, fetches and checks the agent, and starts it', () => {
    const { status, calls, stderr } = boot(script());
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(calls).toEqual([
      'dnf install -y -q docker nodejs24',
      'systemctl enable --now docker',
      expect.stringMatching(
        /^aws s3 cp --only-show-errors --region eu-west-1 s3:\/\/.*\.mjs \/opt\/synkti\/agent.mjs$/,
      ),
      'id synkti',
      'useradd --system --no-create-home --shell /sbin/nologin synkti',
      'usermod -aG docker synkti',
      'systemctl daemon-reload',
      'systemctl enable --now synkti.service',
    ]);
    expect(readFileSync(join(root, 'opt/synkti/agent.mjs'))).toEqual(readFileSync(AGENT));
  });

  it('takes what the image brings', () => {
    const programs = { node: 'exit 0', dockerd: '', id: '' };
    const { status, calls } = boot(script(), programs);
    expect(status).toBe(0);
    expect(calls.filter((call) => /^(dnf|useradd)/.test(call))).toEqual([]);
  });

  it('installs Node.js beside one that is too old', () => {
    const { calls } = boot(script(), { node: 'exit 1', dockerd: '' });
    expect(calls).toContain('dnf install -y -q nodejs24');
  });

  it('needs no Docker for a process', () => {
    const { calls } = boot(script({ workload: Workload.process({ command: ['x'] }) }));
    expect(calls[0]).toBe('dnf install -y -q nodejs24');
    expect(calls.join('\n')).not.toContain('docker');
  });

  it('tries a download five times', () => {
    const { status, calls } = boot(script(), { aws: 'exit 1' });
    expect(calls.filter((call) => call.startsWith('aws'))).toHaveLength(5);
    expect(status).not.toBe(0);
  });

  it.each([
    ['the agent can’t be fetched', { aws: 'exit 1' }],
    ['the agent isn’t the one that was deployed', { aws: 'for last; do :; done; echo other > "$last"' }],
    ['a package can’t be installed', { dnf: 'exit 1' }],
  ])('gives itself back when %s', (_what, programs) => {
    const { status, calls } = boot(script(), programs);
    expect(status).not.toBe(0);
    expect(calls.at(-1)).toBe('systemctl poweroff');
    expect(calls).not.toContain('systemctl enable --now synkti.service');
  });

  it('stays as it is when told so', () => {
    const text = script({ machine: { keepBrokenNodes: true } });
    expect(boot(text, { aws: 'exit 1' }).calls).not.toContain('systemctl poweroff');
    expect(text).toContain('Environment=SYNKTI_KEEP_INSTANCE=1');
    expect(text).not.toContain('OnFailure');
  });

  it('fetches files and private images before it starts the agent', () => {
    const { stack, vpc } = newStack();
    new SynktiCluster(stack, 'Web', {
      vpc,
      workload: Workload.container({
        image: 'x',
        files: [
          { source: FileSource.bucket(s3.Bucket.fromBucketName(stack, 'M', 'models'), '/llama/'), path: '/models' },
        ],
      }),
    });
    const { calls, stderr } = boot(scriptOf(Template.fromStack(stack)));
    expect(stderr).toBe('');
    const fetch = 'aws s3 sync --only-show-errors --region eu-west-1 s3://models/llama/ /var/lib/synkti-files/main/0';
    expect(calls.indexOf(fetch)).toBeGreaterThan(0);
    expect(calls.indexOf(fetch)).toBeLessThan(calls.indexOf('systemctl enable --now synkti.service'));
  });

  it('unpacks a folder that was uploaded with the app', () => {
    const source = FileSource.asset(join(import.meta.dirname, 'bundles'));
    const workload = Workload.process({ command: ['x'], files: [{ source, path: "/opt/it's" }] });
    const { calls, stderr } = boot(script({ workload }), { unzip: '', rm: '' });
    expect(stderr).toBe('');
    expect(calls).toContain("unzip -q -o /opt/it's/files.zip -d /opt/it's");
  });
});

describe('the systemd unit', () => {
  const text = script();

  it('restarts a crashed agent five times within five minutes, then gives the machine back', () => {
    expect(text).toMatch(/Restart=on-failure\n/);
    expect(text).toMatch(/StartLimitIntervalSec=300\nStartLimitBurst=5\nOnFailure=synkti-give-back.service\n/);
    expect(text).toMatch(/ExecStart=\/usr\/bin\/systemctl poweroff\n/);
  });

  it('gives a stop the time of a whole drain', () => {
    expect(text).toContain('TimeoutStopSec=180\n');
  });
});

it('fits into the 16 kB of user data with room for many files', () => {
  const files = Array.from({ length: 20 }, (_, i) => ({
    source: FileSource.clusterBucket(`model-${i}`),
    path: `/m/${i}`,
  }));
  expect(script({ workload: Workload.container({ image: 'x', files }) }).length).toBeLessThan(16_384);
});

it('checks the agent by its SHA-256', () => {
  expect(script()).toContain(createHash('sha256').update(readFileSync(AGENT)).digest('hex'));
});
