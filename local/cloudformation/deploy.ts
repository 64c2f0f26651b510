import { randomUUID } from 'node:crypto';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import type { LocalCloud } from '../cloud-types.js';
import { DEFAULT_EC2 } from '../ec2/model/state.js';
import { assetsOf, publishAssets, readAssets } from './assets.js';
import { type Clients, openClients } from './clients.js';
import type { DynamicReference } from './dynamic.js';
import { Engine, type ResourceEvent, type Wish } from './engine.js';
import { DeployError } from './errors.js';
import type { Host, StackFacts, Standing } from './handler.js';
import { HANDLERS } from './handlers.js';
import { isObject } from './json.js';
import { hereOf, nodeFilesDir } from './node-files.js';
import { type Note, parameterValues } from './parameters.js';
import { placesOf, specIn } from './places.js';
import { adaptSpec, type RehearsalOptions } from './rehearsal-spec.js';
import { openResponseDesk } from './responses.js';
import { StandIns } from './stand-ins.js';
import { parseTemplate } from './template.js';
import { type NodePlan, readUserData } from './user-data.js';

export interface StackInput {
  /** The synthesized template, as parsed JSON. */
  readonly template: unknown;
  /** Default: those of the last deployment. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Folder that `cdk synth` wrote; absent or null: the template has no assets. */
  readonly assetsDir?: string | null;
}

export interface DeployInput extends StackInput {
  readonly stackName: string;
  /** Its ARN. Default: one that nobody had. */
  readonly stackId?: string;
  /** Default: the cloud's. Another one is refused. */
  readonly region?: string;
  /** What a laptop does otherwise. */
  readonly rehearsal?: RehearsalOptions;
  readonly onEvent?: (event: ResourceEvent) => void;
  /** The creation is given up before its next resource, and taken back. */
  readonly signal?: AbortSignal;
}

export interface Stack {
  readonly name: string;
  /** Its ARN. */
  readonly id: string;
  outputs(): Readonly<Record<string, string>>;
  /** Physical ids, by logical id. */
  resources(): Readonly<Record<string, string>>;
  standing(): readonly Standing[];
  /** Everything that is done otherwise than AWS would, or not at all. */
  notes(): readonly Note[];
  /** Changes what differs. @throws DeployError after the former template was applied again */
  update(input: StackInput): Promise<void>;
  /** Deletes everything; what stays by its policy is in the answer. @throws DeployError for what couldn't be deleted */
  delete(): Promise<readonly Standing[]>;
  /** Lets go of sockets, whatever stands. Idempotent. */
  close(): Promise<void>;
}

const LOW_PORTS = 1024;
/** Low ports need root on most systems; the local cloud's listeners are moved by as much. */
const PORT_SHIFT = 8000;
const MAX_NOTES = 500;

/**
 * Deploys a template on the local cloud, as CloudFormation would. On failure everything is taken back.
 *
 * @throws DeployError
 */
export async function deploy(input: DeployInput, cloud: LocalCloud): Promise<Stack> {
  const { stackName, rehearsal = {} } = input;
  if (!/^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(stackName)) {
    throw new DeployError('TEMPLATE', `${stackName} can't be a stack's name: letters, digits and hyphens.`);
  }
  if (input.region !== undefined && input.region !== cloud.region) {
    throw new DeployError('TEMPLATE', `The stack is for ${input.region}, but the local cloud is ${cloud.region}.`);
  }
  const facts: StackFacts = {
    name: stackName,
    id: input.stackId ?? stackArn(cloud.region, DEFAULT_EC2.accountId, stackName, randomUUID()),
    region: cloud.region,
    accountId: DEFAULT_EC2.accountId,
  };
  const clients = openClients(cloud);
  const responses = await openResponseDesk();
  const notes = new Map<string, Note>();
  const note = (logicalId: string | null, text: string): void => {
    if (notes.size < MAX_NOTES) notes.set(`${logicalId}\n${text}`, { logicalId, text });
  };
  let assets = assetsOf([]);
  const portOf = (port: number): number => (rehearsal.docker !== true && port < LOW_PORTS ? port + PORT_SHIFT : port);
  const host: Host = {
    cloud,
    clients,
    stack: facts,
    assets: { find: (bucket, key) => assets.find(bucket, key) },
    responses,
    functionPolicies: new Map(),
    importedListeners: new Map(),
    portOf,
    note,
    adaptParameter: async (name, value) => {
      const plan = planOf(engine.resources(), value);
      for (const { bucket } of plan?.fetches ?? []) await standIns.bucket(bucket);
      const here = (path: string): string | null =>
        plan === null ? null : hereOf(plan, path, nodeFilesDir(cloud.runDir));
      const adapted = adaptSpec(value, rehearsal, { portOf, hereOf: here });
      for (const change of adapted.changes) note(name, change);
      return adapted.value;
    },
  };
  const engine: Engine = new Engine({
    host,
    handlers: HANDLERS,
    zones: cloud.zones(),
    look: (reference) => lookUp(clients, reference),
    onEvent: (event) => input.onEvent?.(event),
  });
  const unpublish: (() => Promise<void>)[] = [];
  /** Subnets of other stacks that stand here for this one. */
  const lent = new Set<string>();
  const standIns = new StandIns(host);

  let given = input.parameters ?? {};

  const prepare = async ({ template: json, parameters = given, assetsDir }: StackInput): Promise<Wish> => {
    const template = parseTemplate(json);
    if (template.hasRules) note(null, "The template's rules are not looked at.");
    if (assetsDir !== undefined && assetsDir !== null) {
      const found = readAssets(assetsDir, facts);
      assets = assetsOf(found.files);
      if (found.images > 0) note(null, `${found.images} container images are not built.`);
      unpublish.push((await publishAssets(clients, found.files)).remove);
    }
    const { values, notes: made } = await parameterValues(template, parameters, (name) => ssmValue(clients, name));
    for (const one of made) note(one.logicalId, one.text);
    const { subnets, targetGroups } = placesOf(json, { region: cloud.region, parameters });
    for (const { arn, healthPath } of targetGroups) await standIns.targetGroup(arn, healthPath);
    for (const { subnetId, zone } of subnets) {
      if (!cloud.addSubnet(subnetId, zone)) continue;
      lent.add(subnetId);
      note(null, `The subnet ${subnetId} is of another stack; here it is one of ${zone}.`);
    }
    given = parameters;
    return { template, parameters: values };
  };
  const close = async (): Promise<void> => {
    await responses.close();
    clients.close();
  };
  const unpublishAll = async (): Promise<void> => {
    for (const subnetId of lent) cloud.removeSubnet(subnetId);
    await standIns.remove();
    for (const remove of unpublish.splice(0).reverse()) await remove();
  };
  try {
    await engine.apply(await prepare(input), input.signal);
  } catch (error) {
    await unpublishAll().catch(() => {});
    await close();
    throw error;
  }
  return {
    name: stackName,
    id: facts.id,
    outputs: () => Object.fromEntries(engine.outputs),
    resources: () => Object.fromEntries(engine.resources().map(({ logicalId, physicalId }) => [logicalId, physicalId])),
    standing: () => engine.resources(),
    notes: () => [...notes.values()],
    update: async (next) => engine.apply(await prepare(next)),
    delete: async () => {
      const retained = await engine.remove();
      await unpublishAll();
      return retained;
    },
    close,
  };
}

export const stackArn = (region: string, accountId: string, name: string, id: string): string =>
  `arn:aws:cloudformation:${region}:${accountId}:stack/${name}/${id}`;

/** The user data that nodes of a spec boot with. */
function planOf(resources: readonly Standing[], text: string): NodePlan | null {
  const launch = specIn(text)?.launch;
  const id = isObject(launch) ? launch.templateId : undefined;
  const data = resources.find(({ physicalId }) => physicalId === id)?.properties.LaunchTemplateData;
  const userData = isObject(data) ? data.UserData : undefined;
  if (typeof id !== 'string' || typeof userData !== 'string') return null;
  return readUserData(Buffer.from(userData, 'base64').toString('utf8'), id);
}

async function ssmValue(clients: Clients, name: string): Promise<string | null> {
  try {
    const { Parameter } = await clients.ssm.send(new GetParameterCommand({ Name: name, WithDecryption: true }));
    return Parameter?.Value ?? null;
  } catch (error) {
    if (error instanceof Error && error.name === 'ParameterNotFound') return null;
    throw error;
  }
}

async function lookUp(clients: Clients, reference: DynamicReference): Promise<string> {
  if (reference.service === 'ssm') {
    const { name, version } = reference;
    const value = await ssmValue(clients, version === null ? name : `${name}:${version}`);
    if (value !== null) return value;
    throw new DeployError('TEMPLATE', `There is no SSM parameter ${name}, which a dynamic reference names.`);
  }
  const { secretId, key, stage, versionId } = reference;
  const { SecretString } = await clients.secrets.send(
    new GetSecretValueCommand({
      SecretId: secretId,
      ...(stage === null ? {} : { VersionStage: stage }),
      ...(versionId === null ? {} : { VersionId: versionId }),
    }),
  );
  if (key === null) return SecretString ?? '';
  const members: unknown = JSON.parse(SecretString ?? 'null');
  const value = typeof members === 'object' && members !== null ? (members as Record<string, unknown>)[key] : undefined;
  if (value === undefined) throw new DeployError('TEMPLATE', `The secret ${secretId} has no member ${key}.`);
  return String(value);
}
