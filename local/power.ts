import type { MonoMs } from '../core/time.js';
import type { CloudClock } from './clock.js';
import type { Ec2Model, InstanceRecord } from './ec2/model/types.js';
import { profileArn } from './ec2/output.js';
import type { CredentialIssuer } from './imds/credentials.js';
import { IMDS_PORT, Imds } from './imds/server.js';
import { imdsTree } from './imds/view.js';
import type { Machines } from './machines/machines.js';
import type { Network } from './network/network.js';
import type { Unkind } from './unkind/unkind.js';

export interface PowerOptions {
  readonly model: Ec2Model;
  readonly network: Network;
  /** Null: instances have no processes. */
  readonly machines: Machines | null;
  readonly credentials: CredentialIssuer;
  readonly unkind: Unkind;
  readonly clock: CloudClock;
  readonly gossipPort: number;
  /** Bind address of an instance's processes, by its private IP. */
  readonly insideOf: (privateIp: string) => string;
  /** Of every machine; see `machineEnvironment`. */
  readonly environment: (record: InstanceRecord, imdsUrl: string) => Record<string, string>;
  readonly onTrouble: (instanceId: string, message: string) => void;
}

/**
 * Gives instances a body: an interface on the network, an IMDS and a process, from `running` to the end. What is asked
 * for in between is done in order, one instance at a time.
 */
export class Power {
  readonly #options: PowerOptions;
  readonly #imds = new Map<string, Imds>();
  readonly #queues = new Map<string, Promise<void>>();
  #closed = false;

  constructor(options: PowerOptions) {
    this.#options = options;
  }

  /** The instance is running now. */
  on(record: InstanceRecord): void {
    this.#enqueue(record.instanceId, () => this.#boot(record));
  }

  /** An orderly end: SIGTERM, then off after `graceMs`. */
  shutDown(instanceId: string, graceMs: number): void {
    this.#enqueue(instanceId, async () => this.#options.machines?.terminate(instanceId, graceMs));
  }

  /** The machine is taken at once: no packet and no process survives it. */
  cut(instanceId: string): void {
    const { network, machines } = this.#options;
    network.cutOff(instanceId);
    // Not in the queue: it must not wait for a shutdown that is under way.
    machines?.powerOff(instanceId).catch((error) => this.#trouble(instanceId, error));
  }

  /** The instance has ended: everything of it goes. */
  off(instanceId: string): void {
    const { machines, network, credentials } = this.#options;
    network.cutOff(instanceId);
    credentials.forget(instanceId);
    this.#enqueue(instanceId, async () => {
      network.detach(instanceId);
      await machines?.powerOff(instanceId);
      await this.#imds.get(instanceId)?.close();
      this.#imds.delete(instanceId);
    });
  }

  imdsOf(instanceId: string): Imds | undefined {
    return this.#imds.get(instanceId);
  }

  /** Waits for what is under way; closes every IMDS. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#queues.values());
    await Promise.all([...this.#imds.values()].map((imds) => imds.close()));
    this.#imds.clear();
  }

  #alive(instanceId: string): InstanceRecord | null {
    const record = this.#options.model.instances.get(instanceId)?.record;
    return !this.#closed && record?.state === 'running' && record.statusOk ? record : null;
  }

  async #boot({ instanceId, privateIp }: InstanceRecord): Promise<void> {
    const { network, machines, unkind, clock, gossipPort, insideOf, environment } = this.#options;
    if (this.#alive(instanceId) === null) return;
    const imds = await Imds.start({
      host: privateIp,
      port: IMDS_PORT,
      tree: () => this.#tree(instanceId),
      fate: () => unkind.imds(instanceId, clock.now()),
      now: (): MonoMs => clock.now(),
    });
    this.#imds.set(instanceId, imds);
    await network.attach({ instanceId, eni: privateIp, inside: insideOf(privateIp), port: gossipPort });
    const record = this.#alive(instanceId);
    if (record === null) {
      // It ended while its body was made.
      network.cutOff(instanceId);
      return;
    }
    machines?.boot(instanceId, environment(record, imds.url));
  }

  #tree(instanceId: string): ReturnType<typeof imdsTree> | null {
    const { model, credentials, clock } = this.#options;
    const record = model.instances.get(instanceId)?.record;
    if (record === undefined || !record.metadata.enabled) return null;
    const name = profileArn(record, model.options)?.split('/').at(-1);
    const roleArn = `arn:aws:iam::${model.options.accountId}:role/${name}`;
    const role =
      name === undefined
        ? null
        : { name, credentials: () => credentials.credentialsOf(instanceId, roleArn, clock.wall()) };
    return imdsTree({ record, options: model.options, role });
  }

  #enqueue(instanceId: string, act: () => Promise<unknown>): void {
    const before = this.#queues.get(instanceId) ?? Promise.resolve();
    const after = before
      .then(act)
      .catch((error) => this.#trouble(instanceId, error))
      .then(() => {
        if (this.#queues.get(instanceId) === after) this.#queues.delete(instanceId);
      });
    this.#queues.set(instanceId, after);
  }

  #trouble(instanceId: string, error: unknown): void {
    this.#options.onTrouble(instanceId, error instanceof Error ? error.message : String(error));
  }
}
