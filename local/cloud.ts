import { randomBytes, randomUUID } from 'node:crypto';
import { forkRng, seededRng } from '../core/rng.js';
import { after, type Context, type WallMs } from '../core/time.js';
import { AddressError, allocateAddresses } from './address.js';
import { contextOf, SYSTEM_CLOCK } from './clock.js';
import {
  CloudError,
  type CloudEvent,
  type InstanceView,
  type LocalCloud,
  type LocalCloudOptions,
} from './cloud-types.js';
import { fail, interrupt, recommendRebalance, scheduleMaintenance } from './ec2/model/life.js';
import { setCapacity, setSpotPrice } from './ec2/model/pools.js';
import { createModel, DEFAULT_EC2 } from './ec2/model/state.js';
import type { Ec2Model, InstanceRecord } from './ec2/model/types.js';
import { VPC_ID } from './ec2/output.js';
import { ec2Service } from './ec2/service.js';
import { Elbv2 } from './elbv2/elbv2.js';
import { EventBus } from './events/bus.js';
import { Courier } from './events/courier.js';
import { eventsService } from './events/service.js';
import { CredentialIssuer } from './imds/credentials.js';
import { Machines } from './machines/machines.js';
import { createRunDir } from './machines/run-dir.js';
import { Network } from './network/network.js';
import { Power } from './power.js';
import { Pump } from './pump.js';
import { createS3 } from './s3/service.js';
import { secretsService } from './secretsmanager/service.js';
import { ssmService } from './ssm/service.js';
import { stsService } from './sts/service.js';
import { unkindOptions } from './unkind/options.js';
import { Unkind } from './unkind/unkind.js';
import { startEndpoint } from './wire/server.js';
import { throttleError } from './wire/throttle.js';

export * from './cloud-types.js';

/** EC2 notices a machine that died without a word after this long, in ms. */
const SEEN_AFTER_MS = 3_000;
const GOSSIP_PORT = 7946;

/**
 * Starts a cloud on loopback that speaks AWS's own protocols: EC2, ELBv2, S3, SSM, Secrets Manager, STS and EventBridge
 * at one endpoint, an IMDS for each instance, and a process for each.
 *
 * @throws CloudError, AddressError
 */
export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const cleanups: (() => void | Promise<void>)[] = [];
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      for (const cleanUp of cleanups.reverse()) {
        // One part that can't be ended must not keep the others.
        await Promise.resolve()
          .then(cleanUp)
          .catch(() => {});
      }
    })();
    return stopped;
  };
  try {
    return await compose(options, cleanups, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function compose(
  options: LocalCloudOptions,
  cleanups: (() => void | Promise<void>)[],
  stop: () => Promise<void>,
): Promise<LocalCloud> {
  const settings = checked(options);
  const { region, unkind: unkindSettings } = settings;
  const clock = options.clock ?? SYSTEM_CLOCK;
  const rng = seededRng(options.seed);
  const rngs = { ec2: forkRng(rng, 'ec2'), unkind: forkRng(rng, 'unkind'), network: forkRng(rng, 'network') };
  const context = (): Context => contextOf(clock, rngs.ec2);
  const { accountId } = DEFAULT_EC2;
  const tell = (event: CloudEvent): void => options.onEvent?.(event);
  const trouble = (instanceId: string | null, message: string): void =>
    tell({ type: 'trouble', atMs: clock.wall(), instanceId, message });

  const addresses = await allocateAddresses();
  cleanups.push(() => addresses.release());
  const runDir = await createRunDir(options.runDir);
  cleanups.push(() => (options.keepFiles === true ? undefined : runDir.remove()));

  const insides = new Map<string, string>();
  const zoneNames = options.zones.map(({ name }) => name);
  const model: Ec2Model = createModel(
    {
      ...DEFAULT_EC2,
      region,
      zones: options.zones,
      pools: options.pools,
      launchDelayMs: options.launchDelayMs ?? DEFAULT_EC2.launchDelayMs,
      shutdownMs: options.shutdownMs ?? DEFAULT_EC2.shutdownMs,
      describeLagMs: unkindSettings.describeLagMs,
      failedAttemptUsesToken: options.failedAttemptUsesToken ?? DEFAULT_EC2.failedAttemptUsesToken,
      endedToken: options.endedToken ?? DEFAULT_EC2.endedToken,
      nextAddress: (zone) => {
        try {
          const { eni, inside } = addresses.nextNode(zoneNames.indexOf(zone));
          insides.set(eni, inside);
          return eni;
        } catch (error) {
          if (error instanceof AddressError) return null;
          throw error;
        }
      },
    },
    context(),
  );
  for (const { capacity, code, ...where } of unkindSettings.shortages) setCapacity(model, where, capacity ?? 0, code);

  const unkind = new Unkind(unkindSettings, rngs.unkind);
  const network = new Network({ rng: rngs.network, faults: unkindSettings.network });
  cleanups.push(() => network.close());
  const credentials = new CredentialIssuer({
    random: randomBytes,
    ...(options.credentialsMs === undefined ? {} : { lifetimeMs: options.credentialsMs }),
  });

  const recordOf = (instanceId: string): InstanceRecord | null => model.instances.get(instanceId)?.record ?? null;
  const hostOf = (record: InstanceRecord | null | undefined) =>
    record === null || record === undefined
      ? null
      : {
          instanceId: record.instanceId,
          host: insides.get(record.privateIp) ?? record.privateIp,
          running: record.state === 'running',
        };
  const elb = new Elbv2({
    region,
    accountId,
    ...options.balancer,
    nextAddress: () => addresses.nextBalancer(),
    directory: {
      byInstanceId: (instanceId) => hostOf(recordOf(instanceId)),
      byAddress: (address) =>
        hostOf([...model.instances.values()].find(({ record }) => record.privateIp === address)?.record),
      subnet: (subnetId) => {
        const zone = options.zones.find((one) => one.subnetId === subnetId);
        return zone === undefined ? null : { zone: zone.name, vpcId: VPC_ID };
      },
      isCut: (instanceId) => network.isCut(instanceId),
    },
    ...(options.onRequest === undefined ? {} : { onRequest: options.onRequest }),
    onTargetHealth: (change) => tell({ type: 'target-health', atMs: change.atMs as WallMs, change }),
  });
  cleanups.push(() => elb.close());

  const bus = new EventBus();
  const courier = new Courier({
    bus,
    unkind,
    deliver: options.deliver ?? (() => {}),
    onEvent: (event, copies) => tell({ type: 'bus', atMs: clock.wall(), event, copies }),
    onTrouble: (message) => trouble(null, message),
  });
  cleanups.push(() => courier.close());

  const s3 = createS3({
    directory: `${runDir.path}/objects`,
    wallClock: clock.wall,
    onChange: (change) => tell({ type: 'object', atMs: change.atMs as WallMs, change }),
  });

  const machines =
    options.machine === null
      ? null
      : new Machines({
          runDir,
          command: options.machine.command,
          onEvent: (event) => tell({ type: 'machine', atMs: clock.wall(), instanceId: event.instanceId, event }),
        });

  // The endpoint must be known to the machines, and its services need the pump: so the pump comes first.
  let endpointUrl = '';
  const power = new Power({
    model,
    network,
    machines,
    credentials,
    unkind,
    clock,
    gossipPort: options.gossipPort ?? GOSSIP_PORT,
    insideOf: (privateIp) => insides.get(privateIp) ?? privateIp,
    environment: (record, imdsUrl) => ({
      ...options.machine?.environment,
      AWS_ENDPOINT_URL: endpointUrl,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: imdsUrl,
      AWS_REGION: region,
      SYNKTI_BIND_ADDRESS: insides.get(record.privateIp) ?? record.privateIp,
      SYNKTI_STATE_DIR: `${machines?.directoryOf(record.instanceId) ?? runDir.path}/state`,
    }),
    onTrouble: trouble,
  });
  cleanups.push(() => power.close());
  if (machines !== null) cleanups.push(() => machines.stop());

  const viewOf = (record: InstanceRecord): InstanceView => ({
    instanceId: record.instanceId,
    state: record.state,
    zone: record.zone,
    instanceType: record.instanceType,
    lifecycle: record.lifecycle,
    privateIp: record.privateIp,
    insideIp: insides.get(record.privateIp) ?? record.privateIp,
    launchTimeMs: record.launchTimeMs,
    tags: record.tags,
    interruption: record.interruption,
    cut: network.isCut(record.instanceId),
    pid: machines?.mainPid(record.instanceId) ?? null,
  });
  const pump = new Pump({ model, power, elb, courier, context, accountId, viewOf, tell, newId: randomUUID });
  cleanups.push(() => pump.close());

  const endpoint = await startEndpoint({
    host: '127.0.0.1',
    port: settings.port,
    services: [
      ec2Service({ model, context, changed: () => pump.run() }),
      elb.service,
      s3.service,
      ssmService({ region, accountId, now: clock.wall }),
      secretsService({ region, accountId, now: clock.wall }),
      stsService({ accountId }),
      eventsService({
        bus,
        region,
        accountId,
        now: clock.wall,
        newId: randomUUID,
        emit: (event) => courier.emit(event),
      }),
    ],
    principalOf: (accessKeyId, sessionToken) =>
      credentials.principalOf(accessKeyId, sessionToken, clock.wall()) ?? { kind: 'user', accessKeyId },
    faults: {
      refuse: (service, action) => (unkind.throttles(service, action, clock.now()) ? throttleError(service) : null),
      loseReply: (service, action) => unkind.losesReply(service, action),
    },
    onCall: (call) => tell({ type: 'call', atMs: call.atMs, call }),
    wallClock: clock.wall,
  }).catch((error) => {
    throw portError(error, settings.port);
  });
  cleanups.push(() => endpoint.close());
  endpointUrl = endpoint.url;

  return {
    endpoint: endpoint.url,
    region,
    runDir: runDir.path,
    clock,
    environment: {
      AWS_ENDPOINT_URL: endpoint.url,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: 'rehearsal',
      AWS_SECRET_ACCESS_KEY: 'rehearsal',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    network,
    instances: () => [...model.instances.values()].map(({ record }) => viewOf(record)),
    interrupt: (instanceId, how = {}) => {
      const { noticeMs, announce } = unkind.notice(how.noticeMs ?? settings.noticeMs, how.announce ?? 'both');
      interrupt(
        model,
        instanceId,
        { noticeMs, announce, ...(how.action === undefined ? {} : { action: how.action }) },
        context(),
      );
      pump.run();
    },
    recommendRebalance: (instanceId) => {
      recommendRebalance(model, instanceId, context());
      pump.run();
    },
    scheduleMaintenance: (instanceId, inMs) => {
      const notBeforeMs = after(clock.wall(), inMs);
      const event = scheduleMaintenance(
        model,
        instanceId,
        { code: 'instance-retirement', notBeforeMs, notAfterMs: after(notBeforeMs, 3_600_000) },
        context(),
      );
      pump.run();
      return event;
    },
    fail: (instanceId, how = {}) => {
      fail(model, instanceId, how.seenAfterMs === undefined ? SEEN_AFTER_MS : how.seenAfterMs, context());
      pump.run();
    },
    failAgent: (instanceId) => machines?.killAgent(instanceId) ?? false,
    setCapacity: (where, capacity, code) => setCapacity(model, where, capacity, code),
    setSpotPrice: (instanceType, zone, price) => setSpotPrice(model, instanceType, zone, price, context()),
    partition: (groups) => network.partition(groups),
    heal: () => network.heal(),
    balancers: () => elb.balancers(),
    targetGroups: () => elb.targetGroups(),
    objects: () => s3.objects(),
    createBucket: (name) => s3.createBucket(name),
    calls: () => endpoint.history.counts(),
    usage: async (instanceId) =>
      (await machines?.usage(instanceId)) ?? { processes: 0, rssBytes: 0, pssBytes: 0, cpuMs: 0 },
    stop,
  };
}

/** @throws CloudError `BAD_OPTIONS` */
function checked(options: LocalCloudOptions) {
  const bad = (why: string, cause?: unknown): CloudError => new CloudError('BAD_OPTIONS', why, cause);
  const port = options.port ?? 0;
  const noticeMs = options.noticeMs ?? 120_000;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw bad(`Port ${port} is not from 0 to 65535.`);
  if (options.zones.length === 0 || options.zones.length > 16) throw bad('The local cloud needs 1 to 16 zones.');
  const zones = new Set(options.zones.map(({ name }) => name));
  const subnets = new Set(options.zones.map(({ subnetId }) => subnetId));
  if (zones.size < options.zones.length || subnets.size < options.zones.length) {
    throw bad('Two zones of the local cloud have the same name or the same subnet.');
  }
  const stray = options.pools.find(({ zone }) => !zones.has(zone));
  if (stray !== undefined)
    throw bad(`The pool of ${stray.instanceType} is in ${stray.zone}, which is no zone of the local cloud.`);
  for (const [name, value] of Object.entries({ ...pickTimes(options), noticeMs })) {
    if (!(value >= 0 && value <= 86_400_000)) throw bad(`${name} must be from 0 to 86,400,000 ms, not ${value}.`);
  }
  if (options.machine !== null && options.machine.command.length === 0) throw bad('machine.command is empty.');
  try {
    return { port, noticeMs, region: options.region ?? 'us-east-1', unkind: unkindOptions(options.unkind) };
  } catch (error) {
    throw bad(error instanceof Error ? error.message : String(error), error);
  }
}

const pickTimes = ({ launchDelayMs = 0, shutdownMs = 0 }: LocalCloudOptions) => ({ launchDelayMs, shutdownMs });

function portError(error: unknown, port: number): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new CloudError(
        'PORT_IN_USE',
        `Port ${port} on 127.0.0.1 is in use: stop what listens there, or choose another.`,
        error,
      );
    case 'EACCES':
      return new CloudError(
        'PORT_FORBIDDEN',
        `This user may not listen on port ${port}: choose one above 1023.`,
        error,
      );
    default:
      return error;
  }
}
