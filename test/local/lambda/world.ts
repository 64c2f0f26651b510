import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CloudEvent, type LocalCloud, type LocalCloudOptions, startLocalCloud } from '../../../local/cloud.js';
import type { FunctionConfig } from '../../../local/lambda/functions.js';

const ZONE = 'us-east-1a';

/** A cloud with functions whose code is written in the test. */
export interface World {
  readonly cloud: LocalCloud;
  readonly events: CloudEvent[];
  /** Code of a handler module; the rest has defaults. */
  create(name: string, code: string, config?: Partial<FunctionConfig>): Promise<string>;
  /** Lets a service use a resource. */
  permit(arn: string, action: string, service?: string): void;
  stop(): Promise<void>;
}

export async function startWorld(options: Partial<LocalCloudOptions> = {}): Promise<World> {
  const events: CloudEvent[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'synkti-test-'));
  const cloud = await startLocalCloud({
    seed: 1,
    zones: [{ name: ZONE, subnetId: 'subnet-a' }],
    pools: [{ instanceType: 'm5.large', zone: ZONE, spotPrice: 0.03, onDemandPrice: 0.1, capacity: null }],
    launchDelayMs: 0,
    machine: null,
    runDir: folder,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return {
    cloud,
    events,
    create: async (name, code, config = {}) => {
      const codeDir = await mkdtemp(join(folder, 'code-'));
      await writeFile(join(codeDir, 'index.mjs'), code);
      const { arn } = await cloud.functions.create({
        name,
        codeDir,
        handler: 'index.handler',
        runtime: 'nodejs24.x',
        environment: {},
        timeoutMs: 10_000,
        memoryMiB: 128,
        roleArn: `arn:aws:iam::123456789012:role/${name}`,
        ...config,
      });
      return arn;
    },
    permit: (arn, Action, Service = 'events.amazonaws.com') =>
      cloud.iam.putResourcePolicy(arn, {
        Version: '2012-10-17',
        Statement: { Effect: 'Allow', Principal: { Service }, Action, Resource: arn },
      }),
    stop: async () => {
      await cloud.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
