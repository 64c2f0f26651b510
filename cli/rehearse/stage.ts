import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type ClientConfig, clientOptions } from '../../aws/client.js';
import { createCloud } from '../../aws/cloud.js';
import type { Ledger } from '../../core/drain/ledger.js';
import { launchRequest } from '../../core/seats/launch.js';
import type { Spec } from '../../core/spec/spec.js';
import { AddressError } from '../../local/address.js';
import { CloudError, type CloudEvent, type LocalCloud, startLocalCloud } from '../../local/cloud.js';
import { DEPLOYER_KEY } from '../../local/cloud-types.js';
import { planFromUserData } from '../../local/cloudformation/node-boot.js';
import type { Bundles } from '../bundles.js';
import { messageOf, UserError } from '../user-error.js';
import { subnetOf } from './deploy.js';
import type { Settings } from './settings.js';
import { standInOf } from './stack/stand-in.js';

/** As in the service file of a node: an idle agent needs neither a large young generation nor optimized code; 8 MiB. */
const AGENT_FLAGS = ['--max-semi-space-size=1', '--no-opt'];
/** What an ALB allows for a connection, in its own ms. */
const CONNECT_TIMEOUT_MS = 10_000;
/** SIGTERM to power off of a machine that was terminated. */
const SHUTDOWN_MS = 3_000;

/** Starts the local cloud that a rehearsal's settings ask for. @throws UserError for what the user can mend */
export async function openCloud(
  settings: Settings,
  bundles: Bundles,
  onEvent: (event: CloudEvent) => void,
): Promise<LocalCloud> {
  const { ground, timings } = settings;
  try {
    const cloud = await startLocalCloud({
      seed: settings.seed,
      port: settings.endpointPort,
      region: ground.region,
      zones: ground.zones.map((name) => ({ name, subnetId: subnetOf(name) })),
      pools: ground.pools.map((pool) => ({ ...pool, capacity: null })),
      launchDelayMs: timings.launchDelayMs,
      shutdownMs: SHUTDOWN_MS,
      noticeMs: timings.noticeMs,
      timeScale: timings.functionScale,
      machine: {
        command: [],
        plan: planFromUserData(
          settings.stack !== null
            ? null
            : { command: [process.execPath, ...AGENT_FLAGS, bundles.agent], environment: {} },
        ),
      },
      // What somebody else makes on this cloud keeps the same times.
      stacks: {
        docker: settings.stack?.docker === true,
        timeScale: timings.policyScale,
        gossip: timings.gossip,
        standInFor: ({ port, healthPath }) => standInOf(bundles.exampleService, port, healthPath),
      },
      unkind: settings.unkind,
      balancer: {
        timeScale: timings.balancerScale,
        deregistrationLagMs: timings.deregistrationLagMs,
        connectTimeoutMs: CONNECT_TIMEOUT_MS * timings.balancerScale,
      },
      ...(settings.keepLogs === null ? {} : { runDir: settings.keepLogs, keepFiles: true }),
      onEvent,
    });
    for (const { zone, nodes } of settings.scenario.atStart) cloud.setCapacity({ zone, market: 'spot' }, nodes);
    return cloud;
  } catch (error) {
    if (error instanceof CloudError && error.code !== 'BAD_OPTIONS') {
      throw new UserError(`--endpoint-port ${settings.endpointPort}: ${error.message}`);
    }
    if (error instanceof AddressError) throw new UserError(error.message);
    throw error;
  }
}

export const clientConfig = (cloud: LocalCloud): ClientConfig => ({
  region: cloud.region,
  endpoint: cloud.endpoint,
  credentials: async () => ({ accessKeyId: 'rehearsal', secretAccessKey: 'rehearsal' }),
});

/** What a deployment does is spared the cloud's unkindness: CloudFormation would try again. */
export const deployerConfig = (cloud: LocalCloud): ClientConfig => ({
  ...clientConfig(cloud),
  credentials: async () => ({ accessKeyId: DEPLOYER_KEY, secretAccessKey: 'rehearsal' }),
});

const SEED_TIMEOUT_MS = 5_000;
const SEED_TRIES = 20;
const SEED_PAUSE_MS = 250;
/** Seats that are asked for at the same time. */
const SEED_WIDTH = 8;

/**
 * Fills the first generation of all seats with the very requests that agents would send. A rung that launched nothing
 * is followed by the next one; anything else is tried again with the same token.
 */
export async function seedSeats(cloud: LocalCloud, spec: Spec, signal: AbortSignal): Promise<void> {
  const aws = createCloud(clientConfig(cloud));
  const slots = Array.from({ length: spec.desired }, (_, slot) => slot);
  const worker = async (): Promise<void> => {
    for (let slot = slots.shift(); slot !== undefined; slot = slots.shift()) await fillSlot(slot);
  };
  const fillSlot = async (slot: number): Promise<void> => {
    let rung = 0;
    let last = '';
    for (let tries = 0; tries < SEED_TRIES && !signal.aborted; tries++) {
      const request = launchRequest(spec, { slot, generation: 1, rung });
      const answer = await aws.call({ op: 'launch', request }, SEED_TIMEOUT_MS);
      if (answer.ok && answer.value.instanceIds.length > 0) return;
      const error = answer.ok ? answer.value.errors[0] : answer.error;
      last = error === undefined ? 'no answer' : `${error.code} ${error.message}`;
      if (error?.kind === 'capacity' || error?.kind === 'quota') rung++;
      else if (error?.kind === 'mismatch') return;
      await new Promise((resolve) => setTimeout(resolve, SEED_PAUSE_MS));
    }
    if (!signal.aborted) throw new Error(`Slot ${slot} couldn't be launched: ${last}`);
  };
  try {
    await Promise.all(Array.from({ length: Math.min(SEED_WIDTH, slots.length) }, worker));
  } finally {
    aws.close();
  }
}

/** Reads the incident reports that nodes write to S3, as they come. */
export class LastWords {
  readonly #client: S3Client;
  readonly #tell: (ledger: Ledger, atMs: number) => void;
  readonly #reading = new Set<Promise<void>>();
  readonly problems: string[] = [];

  constructor(cloud: LocalCloud, tell: (ledger: Ledger, atMs: number) => void) {
    this.#client = new S3Client({ ...clientOptions(clientConfig(cloud), 3), forcePathStyle: true });
    this.#tell = tell;
  }

  take(event: CloudEvent): void {
    if (event.type !== 'object' || event.change.type !== 'put') return;
    const { bucket, key, atMs } = event.change;
    if (!/^incidents\/.*\.json$/.test(key)) return;
    const read = this.#read(bucket, key, atMs).finally(() => this.#reading.delete(read));
    this.#reading.add(read);
  }

  /** When all that was written is read. */
  async end(): Promise<void> {
    await Promise.all(this.#reading);
    this.#client.destroy();
  }

  async #read(bucket: string, key: string, atMs: number): Promise<void> {
    try {
      const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      const ledger: unknown = JSON.parse((await Body?.transformToString()) ?? '');
      if (!isLedger(ledger)) throw new Error('it is no incident report');
      this.#tell(ledger, atMs);
    } catch (error) {
      if (this.problems.length < 20) this.problems.push(`${key}: ${messageOf(error)}`);
    }
  }
}

export function isLedger(value: unknown): value is Ledger {
  const { id, instanceId, steps, detectedMs } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof id === 'string' &&
    typeof instanceId === 'string' &&
    typeof detectedMs === 'number' &&
    typeof steps === 'object' &&
    steps !== null &&
    'stop' in steps
  );
}
