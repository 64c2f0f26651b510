import type { MonoMs } from '../core/time.js';
import type { CloudClock } from './clock.js';
import type { BootingNode, BootPlan } from './cloud-types.js';
import type { Ec2Model, InstanceRecord } from './ec2/model/types.js';
import { profileArn } from './ec2/output.js';
import type { CredentialIssuer } from './imds/credentials.js';
import { IMDS_PORT, Imds } from './imds/server.js';
import { type ImdsSubject, imdsTree } from './imds/view.js';
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
  readonly runDir: string;
  /** URL of the AWS endpoint. */
  readonly endpoint: () => string;
  /** Bind address of an instance's processes, by its private IP. */
  readonly insideOf: (privateIp: string) => string;
  /** The role in an instance profile. */
  readonly roleOfProfile: (profileArn: string) => { readonly name: string; readonly arn: string };
  /** Of every machine; see `machineEnvironment`. */
  readonly environment: (record: InstanceRecord, imdsUrl: string) => Record<string, string>;
  /** What an instance runs, when it isn't the same for all; see `MachineOptions.plan`. */
  readonly plan: ((node: BootingNode) => Promise<BootPlan>) | null;
  /** Ends an instance that couldn't boot, as its user data would by powering off. */
  readonly giveBack: (instanceId: string) => void;
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
    if (machines === null) return;
    const { plan, giveBack } = this.#options;
    if (plan === null) {
      machines.boot(instanceId, environment(record, imds.url));
      return;
    }
    try {
      const { command, environment: its } = await plan(this.#bootingNode(record));
      if (this.#alive(instanceId) === null) return;
      machines.boot(instanceId, { ...its, ...environment(record, imds.url) }, command);
    } catch (error) {
      this.#trouble(instanceId, error);
      giveBack(instanceId);
    }
  }

  #bootingNode(record: InstanceRecord): BootingNode {
    const { endpoint, model } = this.#options;
    const { instanceId, userData } = record;
    return {
      instanceId,
      userData,
      credentials: () => {
        const keys = this.#roleOf(record)?.credentials();
        if (keys === undefined) return null;
        const { accessKeyId, secretAccessKey, token } = keys;
        return { accessKeyId, secretAccessKey, sessionToken: token };
      },
      runDir: this.#options.runDir,
      endpoint: endpoint(),
      region: model.options.region,
    };
  }

  #tree(instanceId: string): ReturnType<typeof imdsTree> | null {
    const { model } = this.#options;
    const record = model.instances.get(instanceId)?.record;
    if (record === undefined || !record.metadata.enabled) return null;
    return imdsTree({ record, options: model.options, role: this.#roleOf(record) });
  }

  #roleOf(record: InstanceRecord): ImdsSubject['role'] {
    const { model, credentials, clock, roleOfProfile } = this.#options;
    const profile = profileArn(record, model.options);
    if (profile === null) return null;
    const { name, arn } = roleOfProfile(profile);
    return { name, credentials: () => credentials.credentialsOf(record.instanceId, arn, clock.wall()) };
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
