import type { AgentAsset } from './agent-asset.js';
import { type BoundFiles, quote } from './files.js';

export interface NodeSetup {
  readonly agent: AgentAsset;
  readonly region: string;
  readonly needsDocker: boolean;
  readonly files: readonly NodeFiles[];
  readonly images: readonly PrivateImage[];
  /** The longest that an agent may take to stop, in seconds. */
  readonly stopSeconds: number;
  /** Leave a node that doesn't boot, or whose agent keeps crashing, as it is. */
  readonly keepBrokenNodes: boolean;
}

export interface NodeFiles {
  /** Folder on the node. */
  readonly folder: string;
  readonly source: BoundFiles;
}

/** An image that nodes can't pull without logging in to its registry. */
export interface PrivateImage {
  readonly registry: string;
  readonly image: string;
}

/**
 * What a node does at its first boot: Node.js, the workloads' files, the agent, systemd. The agent comes last, so that a
 * node joins only when it can start its workloads. A node is given back when that fails, by powering
 * off: the launch template makes an end of it, so it needs no permission and no network.
 */
export function nodeUserData(setup: NodeSetup): string {
  return [
    '#!/bin/bash',
    'set -Eeuo pipefail',
    ...(setup.keepBrokenNodes ? [] : ["trap 'systemctl poweroff' ERR"]),
    'retry() { local n; for n in 1 2 3 4 5; do "$@" && return 0; sleep $((n * 3)); done; return 1; }',
    ...installPackages(setup),
    ...setup.files.flatMap(({ folder, source }) => [
      `install -d -m 755 ${quote(folder)}`,
      ...source.fetch(setup.region, folder),
    ]),
    ...setup.images.flatMap(({ registry, image }) => [
      `aws ecr get-login-password --region ${setup.region} | docker login --username AWS --password-stdin ${registry}`,
      `retry docker pull --quiet ${quote(image)}`,
    ]),
    ...installAgent(setup),
    ...file('/etc/systemd/system/synkti-give-back.service', giveBackUnit),
    ...file('/etc/systemd/system/synkti.service', agentUnit(setup)),
    'systemctl daemon-reload',
    'systemctl enable --now synkti.service',
  ].join('\n');
}

/** An image may bring its own Node.js; Amazon Linux has one in its repositories, which are S3 buckets. */
const installPackages = (setup: NodeSetup): readonly string[] => [
  'missing=""',
  'command -v aws >/dev/null || missing="$missing awscli-2"',
  ...(setup.needsDocker ? ['command -v dockerd >/dev/null || missing="$missing docker"'] : []),
  ...(setup.files.some(({ source }) => source.needsUnzip)
    ? ['command -v unzip >/dev/null || missing="$missing unzip"']
    : []),
  'if command -v node-24 >/dev/null; then node=node-24',
  `elif node -e '${NEW_ENOUGH}' 2>/dev/null; then node=node`,
  'else node=node-24; missing="$missing nodejs24"; fi',
  '[ -z "$missing" ] || retry dnf install -y -q $missing',
  'ln -sf "$(command -v "$node")" /usr/local/bin/synkti-node',
  ...(setup.needsDocker ? ['systemctl enable --now docker'] : []),
];

/** Ends with 0 on Node.js 20.19 or newer. */
const NEW_ENOUGH =
  'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)';

const installAgent = (setup: NodeSetup): readonly string[] => [
  'install -d -m 755 /opt/synkti',
  `retry aws s3 cp --only-show-errors --region ${setup.region} ${setup.agent.url} /opt/synkti/agent.mjs`,
  `echo '${setup.agent.sha256}  /opt/synkti/agent.mjs' | sha256sum --check --quiet`,
  'id synkti >/dev/null 2>&1 || useradd --system --no-create-home --shell /sbin/nologin synkti',
  ...(setup.needsDocker ? ['usermod -aG docker synkti'] : []),
];

/** One start every two seconds at most; the fifth failure within five minutes is the last. */
const agentUnit = (setup: NodeSetup): readonly string[] => [
  '[Unit]',
  'Description=Synkti agent',
  `After=network-online.target${setup.needsDocker ? ' docker.service' : ''}`,
  'Wants=network-online.target',
  'StartLimitIntervalSec=300',
  'StartLimitBurst=5',
  ...(setup.keepBrokenNodes ? [] : ['OnFailure=synkti-give-back.service']),
  '[Service]',
  'User=synkti',
  'ExecStart=/usr/local/bin/synkti-node --max-semi-space-size=1 --no-opt /opt/synkti/agent.mjs',
  'StateDirectory=synkti',
  'Environment=SYNKTI_STATE_DIR=/var/lib/synkti',
  ...(setup.keepBrokenNodes ? ['Environment=SYNKTI_KEEP_INSTANCE=1'] : []),
  'Restart=on-failure',
  'RestartSec=2',
  `TimeoutStopSec=${setup.stopSeconds}`,
  'KillMode=mixed',
  'AmbientCapabilities=CAP_NET_BIND_SERVICE',
  'NoNewPrivileges=yes',
  'ProtectSystem=full',
  'LimitNOFILE=65536',
  '[Install]',
  'WantedBy=multi-user.target',
];

const giveBackUnit: readonly string[] = [
  '[Unit]',
  'Description=Give this machine back: the Synkti agent cannot run on it',
  '[Service]',
  'Type=oneshot',
  'ExecStart=/usr/bin/systemctl poweroff',
];

const file = (path: string, lines: readonly string[]): readonly string[] => [`cat > ${path} <<'EOF'`, ...lines, 'EOF'];
