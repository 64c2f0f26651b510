/**
 * A stack on the local cloud, from its deployment to the proof that its deletion left nothing. Its changes queue up, as
 * CloudFormation makes one at a time.
 */
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { type ClientConfig, clientOptions } from '../../../aws/client.js';
import { ON_DEMAND_AT_LEAST_MS } from '../../../core/fallback/return.js';
import { parseSpec } from '../../../core/spec/parse.js';
import { type Spec, specParameterName } from '../../../core/spec/spec.js';
import type { LocalCloud } from '../../../local/cloud-types.js';
import { deploy, type Stack } from '../../../local/cloudformation/deploy.js';
import type { ResourceEvent } from '../../../local/cloudformation/engine.js';
import type { Standing } from '../../../local/cloudformation/handler.js';
import { messageOf, UserError } from '../../user-error.js';
import type { Deployment } from '../deploy.js';
import type { Timings } from '../timings.js';
import { withDesired, withNewLaunchTemplate } from './change.js';
import { type Entrance, entranceTo } from './entrance.js';
import type { ChangeFact, StackFacts } from './facts.js';
import { inventory, survivors } from './inventory.js';
import { permissionFacts } from './permissions.js';
import type { StackSettings } from './settings.js';

export interface StackRunOptions {
  readonly cloud: LocalCloud;
  readonly config: ClientConfig;
  readonly settings: StackSettings;
  readonly timings: Timings;
  readonly eventsLost: boolean;
  /** One line for people. */
  readonly tell: (text: string) => void;
  /** Told of each change when it begins. */
  readonly onChange: (change: Pick<ChangeFact, 'what' | 'desired'>) => void;
}

/** What a cold function and a busy machine may take, beyond the delays of queues. */
const FUNCTION_MS = 8_000;

export class StackRun {
  readonly #options: StackRunOptions;
  readonly #stack: Stack;
  readonly #before: ReadonlySet<string>;
  /** Logical ids by physical ones. */
  readonly #names: ReadonlyMap<string, string>;
  readonly #changes: ChangeFact[] = [];
  readonly #resources: number;
  #template: unknown;
  #spec: Spec;
  #work: Promise<void> = Promise.resolve();
  #open = 0;
  #waitsForSpot = false;
  #removed: { readonly left: readonly string[]; readonly kept: readonly string[]; readonly ms: number } | null = null;

  private constructor(options: StackRunOptions, stack: Stack, before: readonly string[], spec: Spec) {
    this.#options = options;
    this.#stack = stack;
    this.#before = new Set(before);
    this.#template = options.settings.template;
    this.#spec = spec;
    this.#resources = stack.standing().length;
    this.#names = new Map(stack.standing().map(({ physicalId, logicalId }) => [physicalId, logicalId]));
  }

  /** @throws DeployError; the cloud's IAM then knows what was denied */
  static async deploy(options: StackRunOptions): Promise<StackRun> {
    const { cloud, config, settings, timings, tell } = options;
    const before = await inventory(cloud, config);
    const stack = await deploy(
      {
        stackName: settings.name,
        template: settings.template,
        parameters: settings.parameters,
        assetsDir: settings.assetsDir,
        rehearsal: {
          standIns: settings.standIns,
          inFlightPaths: settings.inFlightPaths,
          docker: settings.docker,
          timeScale: timings.policyScale,
          gossip: timings.gossip,
        },
        onEvent: (event) => tellOf(event, tell),
      },
      cloud,
    );
    tell(`the stack ${settings.name} is deployed: ${stack.standing().length} resources`);
    return new StackRun(options, stack, before, await readSpec(config, settings.cluster.cluster));
  }

  get spec(): Spec {
    return this.#spec;
  }

  /** Wished now; a change counts when CloudFormation has made it. */
  get desired(): number {
    return this.#spec.desired;
  }

  /** On-demand nodes are half an hour older, so that sweeps bring them back to spot. */
  agePast(): void {
    const { cloud, tell } = this.#options;
    const aged = cloud.instances().filter(({ state, lifecycle }) => state === 'running' && lifecycle === 'on-demand');
    for (const { instanceId } of aged) cloud.age(instanceId, ON_DEMAND_AT_LEAST_MS);
    if (aged.length === 0) return;
    this.#waitsForSpot = true;
    tell(`>> half an hour passes for ${aged.length} on-demand nodes: sweeps may bring them back to spot`);
  }

  /** Nodes are to go back to spot. */
  get waitsForSpot(): boolean {
    return this.#waitsForSpot;
  }

  /** A change is under way. */
  get busy(): boolean {
    return this.#open > 0;
  }

  get isDeleted(): boolean {
    return this.#removed !== null || this.#changes.some(({ what }) => what === 'delete');
  }

  get changes(): readonly ChangeFact[] {
    return this.#changes;
  }

  get notes(): readonly string[] {
    return this.#stack.notes().map(({ logicalId, text }) => (logicalId === null ? text : `${logicalId}: ${text}`));
  }

  get deployment(): Deployment {
    const targetGroupArn = this.#spec.workloads.flatMap((one) => one.targetGroupArns)[0] ?? null;
    return { spec: this.#spec, targetGroupArn };
  }

  /** Where requests come in. @throws UserError */
  async entrance(): Promise<Entrance> {
    const { cloud, config } = this.#options;
    const found = await entranceTo(
      this.#spec.workloads.flatMap((one) => one.targetGroupArns),
      cloud,
      config,
    );
    if (found !== null) return found;
    throw new UserError(
      `The cluster ${this.#spec.cluster} has no load balancer in the stack, so no requests can be sent to it.`,
    );
  }

  update(): void {
    const { cluster } = this.#options.settings.cluster;
    this.#change('update', (template) => withNewLaunchTemplate(template, cluster), this.desired);
  }

  scale(nodes: number): void {
    const { cluster } = this.#options.settings.cluster;
    this.#change('scale', (template) => withDesired(template, cluster, nodes), nodes);
  }

  /** Deletes the stack, once; what it left is in the facts. */
  delete(): Promise<void> {
    if (this.isDeleted) return this.#work;
    const change = this.#begin('delete', 0);
    this.#enqueue(async () => {
      try {
        await this.#remove();
        this.#end(change, null);
      } catch (error) {
        this.#end(change, messageOf(error));
      }
    });
    return this.#work;
  }

  async facts(): Promise<StackFacts> {
    await this.#work;
    const { cloud, settings, eventsLost } = this.#options;
    return {
      name: settings.name,
      resources: this.#resources,
      notes: this.notes,
      ...permissionFacts(cloud.iam, this.#names),
      changes: this.#changes,
      eventsLost,
      fallbackMs: this.#fallbackMs(),
      left: this.#removed?.left ?? null,
      kept: this.#removed?.kept ?? [],
      deletedMs: this.#removed?.ms ?? null,
    };
  }

  async close(): Promise<void> {
    await this.#stack.close();
  }

  #change(what: 'update' | 'scale', make: (template: unknown) => unknown, desired: number): void {
    const { config, settings, tell } = this.#options;
    this.#enqueue(async () => {
      const change = this.#begin(what, desired);
      try {
        const template = make(this.#template);
        await this.#stack.update({ template, parameters: settings.parameters, assetsDir: settings.assetsDir });
        this.#template = template;
        this.#spec = await readSpec(config, settings.cluster.cluster);
        this.#end(change, null);
        tell(
          `the update of the stack is done: ${this.desired} nodes, launch template ${this.#spec.launch.templateVersion}`,
        );
      } catch (error) {
        this.#end(change, messageOf(error));
        tell(`the update of the stack failed: ${messageOf(error)}`);
      }
    });
  }

  #enqueue(act: () => Promise<void>): void {
    this.#open++;
    this.#work = this.#work.then(act).finally(() => this.#open--);
  }

  #begin(what: ChangeFact['what'], desired: number): number {
    const { templateVersion } = this.#spec.launch;
    this.#changes.push({ what, atMs: Date.now(), endedMs: null, desired, templateVersion, problem: null });
    this.#options.onChange({ what, desired });
    return this.#changes.length - 1;
  }

  #end(index: number, problem: string | null): void {
    const change = this.#changes[index];
    if (change === undefined) return;
    const { templateVersion } = this.#spec.launch;
    this.#changes[index] = { ...change, endedMs: problem === null ? Date.now() : null, templateVersion, problem };
  }

  async #remove(): Promise<void> {
    const { cloud, config, tell } = this.#options;
    const started = Date.now();
    const standing = this.#stack.standing();
    this.#fallback = this.#delays();
    let problem: string | null = null;
    let retained: readonly Standing[] = [];
    try {
      retained = await this.#stack.delete();
    } catch (error) {
      problem = messageOf(error);
    }
    const kept = retained.map(({ logicalId, type, physicalId }) => `${logicalId} (${type} ${physicalId})`);
    const ids = new Set(retained.map(({ physicalId }) => physicalId));
    const there = [
      ...(await inventory(cloud, config)).filter((one) => !this.#before.has(one)),
      ...(await survivors(
        standing.filter(({ physicalId }) => !ids.has(physicalId)),
        config,
      )),
    ].filter((one) => ![...ids].some((id) => one.endsWith(` ${id}`)));
    const left = [...(problem === null ? [] : [problem]), ...there];
    this.#removed = { left, kept, ms: Date.now() - started };
    tell(`the stack is deleted: ${left.length === 0 ? 'nothing is left' : `${left.length} things are left`}`);
    if (problem !== null) throw new Error(problem);
  }

  #fallback: number | null = null;

  #fallbackMs(): number {
    return this.#fallback ?? this.#delays();
  }

  /** The longest way by which a function hears of something. */
  #delays(): number {
    const { cloud, timings, eventsLost } = this.#options;
    const scale = timings.functionScale;
    const delays = cloud.queues.list().map(({ attributes }) => attributes.delaySeconds);
    const rates = cloud.bus.allRules().map(({ schedule }) => secondsOf(schedule ?? ''));
    const seconds = eventsLost ? Math.max(0, ...rates) : Math.max(0, ...delays);
    return seconds * 1_000 * scale + FUNCTION_MS + (eventsLost ? timings.noticeMs : 0);
  }
}

/** `rate(5 minutes)` in seconds; 0 of anything else. */
function secondsOf(schedule: string): number {
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(schedule) ?? [];
  return Number(count ?? 0) * ({ minute: 60, hour: 3_600, day: 86_400 }[unit ?? ''] ?? 0);
}

function tellOf({ what, logicalId, type, ms, reason }: ResourceEvent, tell: (text: string) => void): void {
  if (what === 'failed') tell(`${logicalId} (${type}) failed: ${reason ?? 'no reason given'}`);
  else if (what !== 'created' && what !== 'deleted') tell(`${logicalId} (${type}) was ${what}`);
  else if (type.startsWith('Custom::')) tell(`${logicalId} (${type}) was ${what} in ${(ms / 1_000).toFixed(1)} s`);
}

async function readSpec(config: ClientConfig, cluster: string): Promise<Spec> {
  const client = new SSMClient(clientOptions(config, 3));
  try {
    const { Parameter } = await client.send(new GetParameterCommand({ Name: specParameterName(cluster) }));
    const parsed = parseSpec(Parameter?.Value ?? '');
    if (parsed.ok) return parsed.value;
    throw new Error(`The spec of the cluster ${cluster} is refused: ${parsed.problem}`);
  } finally {
    client.destroy();
  }
}
