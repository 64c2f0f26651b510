import { randomBytes, randomUUID } from 'node:crypto';
import { forkRng, seededRng } from '../core/rng.js';
import type { Context, WallMs } from '../core/time.js';
import { AddressError, allocateAddresses } from './address.js';
import { createBackstage } from './backstage.js';
import { contextOf, SYSTEM_CLOCK } from './clock.js';
import {
  type CloudEvent,
  DEPLOYER_KEY,
  type InstanceView,
  type LocalCloud,
  type LocalCloudOptions,
} from './cloud-types.js';
import { cloudformationService } from './cloudformation/service.js';
import { Stacks } from './cloudformation/stacks.js';
import { cloudwatchService } from './cloudwatch/service.js';
import { interrupt, terminate } from './ec2/model/life.js';
import { setCapacity } from './ec2/model/pools.js';
import { createModel, DEFAULT_EC2 } from './ec2/model/state.js';
import type { Ec2Model, InstanceRecord } from './ec2/model/types.js';
import { VPC_ID } from './ec2/output.js';
import { ec2Service } from './ec2/service.js';
import { ec2Acts } from './ec2-acts.js';
import { Elbv2 } from './elbv2/elbv2.js';
import { Courier } from './events/courier.js';
import { eventsService } from './events/service.js';
import { fisService } from './fis/service.js';
import { iamService } from './iam/service.js';
import { CredentialIssuer } from './imds/credentials.js';
import { instanceView } from './instance-view.js';
import { Machines } from './machines/machines.js';
import { createRunDir } from './machines/run-dir.js';
import { Network } from './network/network.js';
import { checked, portError } from './options.js';
import { Power } from './power.js';
import { Pump } from './pump.js';
import { createS3 } from './s3/service.js';
import { secretsService } from './secretsmanager/service.js';
import { instancesWith, isManaged } from './ssm/managed.js';
import { ssmService } from './ssm/service.js';
import { stsService } from './sts/service.js';
import { Unkind } from './unkind/unkind.js';
import { startEndpoint } from './wire/server.js';
import type { Principal } from './wire/service.js';
import { throttleError } from './wire/throttle.js';

export * from './cloud-types.js';

const GOSSIP_PORT = 7946;

/**
 * Starts a cloud on loopback that speaks AWS's own protocols: EC2, ELBv2, S3, SSM, Secrets Manager, STS, EventBridge,
 * CloudFormation and more at one endpoint, an IMDS for each instance, and a process for each.
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
        const zone = model.subnets.find((one) => one.subnetId === subnetId);
        return zone === undefined ? null : { zone: zone.name, vpcId: VPC_ID };
      },
      isCut: (instanceId) => network.isCut(instanceId),
    },
    ...(options.onRequest === undefined ? {} : { onRequest: options.onRequest }),
    onTargetHealth: (change) => tell({ type: 'target-health', atMs: change.atMs as WallMs, change }),
  });
  cleanups.push(() => elb.close());

  const s3 = createS3({
    directory: `${runDir.path}/objects`,
    wallClock: clock.wall,
    uploadBytesPerSecond: unkindSettings.uploads.bytesPerSecond,
    onChange: (change) => tell({ type: 'object', atMs: change.atMs as WallMs, change }),
  });

  const stacks: Stacks = new Stacks({
    region,
    accountId,
    now: clock.wall,
    newId: randomUUID,
    cloud: () => local,
    rehearsal: options.stacks ?? {},
  });

  // The endpoint must be known to the machines, and its services need the pump: so the pump comes first.
  let endpointUrl = '';
  const secretArns = new Map<string, string>();
  const backstage = createBackstage({
    region,
    accountId,
    clock,
    runDir,
    timeScale: options.timeScale ?? 1,
    endpoint: () => endpointUrl,
    credentials,
    model,
    elb: elb.model,
    hasObject: (bucket, key) => s3.hasObject(bucket, key),
    stackArn: (nameOrId) => stacks.find(nameOrId)?.id ?? null,
    secrets: secretArns,
    tell,
    deliver: options.deliver ?? null,
  });
  cleanups.push(() => backstage.close());
  const { bus, iam } = backstage;
  const courier = new Courier({
    bus,
    unkind,
    deliver: (delivery) => backstage.deliverer.deliver(delivery),
    onEvent: (event, copies) => tell({ type: 'bus', atMs: clock.wall(), event, copies }),
    onTrouble: (message) => trouble(null, message),
  });
  cleanups.push(() => courier.close());

  const machines =
    options.machine === null
      ? null
      : new Machines({
          runDir,
          command: options.machine.command,
          onEvent: (event) => {
            tell({ type: 'machine', atMs: clock.wall(), instanceId: event.instanceId, event });
            // A unit that had to be killed has failed, and then the machine powers off.
            if (event.type !== 'ended' || event.next === null || event.next.restart) return;
            if (event.next.reason === 'stop-timeout') giveBack(event.instanceId);
          },
        });

  const giveBack = (instanceId: string): void => {
    terminate(model, [instanceId], context());
    pump.run();
  };
  const power = new Power({
    model,
    network,
    machines,
    credentials,
    unkind,
    clock,
    gossipPort: options.gossipPort ?? GOSSIP_PORT,
    runDir: runDir.path,
    endpoint: () => endpointUrl,
    insideOf: (privateIp) => insides.get(privateIp) ?? privateIp,
    roleOfProfile: (profile) => iam.roleOfProfile(profile),
    plan: options.machine?.plan ?? null,
    giveBack,
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

  const viewOf = (record: InstanceRecord): InstanceView =>
    instanceView(record, {
      insideIp: insides.get(record.privateIp) ?? record.privateIp,
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
      cloudwatchService({ now: clock.wall, traffic: () => elb.traffic.all() }),
      s3.service,
      ssmService({
        region,
        accountId,
        now: clock.wall,
        commands: {
          now: clock.wall,
          newId: randomUUID,
          isManaged: (instanceId) => isManaged({ model, iam }, instanceId),
          instancesWith: (tags) => instancesWith(model, tags),
          run: async (instanceId, script, timeoutMs) =>
            network.isCut(instanceId)
              ? null
              : ((await machines?.shell(instanceId, script, timeoutMs, () => giveBack(instanceId))) ?? null),
        },
      }),
      secretsService({ region, accountId, now: clock.wall, arns: secretArns }),
      stsService({ accountId }),
      fisService({
        now: clock.wall,
        noticeMs: settings.noticeMs,
        isSpot: (instanceId) => {
          const record = model.instances.get(instanceId)?.record;
          return record?.state === 'running' && record.lifecycle === 'spot';
        },
        interrupt: (instanceId) => {
          const how = unkind.notice(settings.noticeMs, 'both');
          interrupt(model, instanceId, how, context());
          pump.run();
        },
      }),
      iamService(iam),
      cloudformationService({ stacks, cloud: () => local }),
      eventsService({
        bus,
        region,
        accountId,
        now: clock.wall,
        newId: randomUUID,
        emit: (event) => courier.emit(event),
      }),
      ...backstage.services,
    ],
    authorize: backstage.authorize,
    principalOf: (accessKeyId, sessionToken) =>
      credentials.principalOf(accessKeyId, sessionToken, clock.wall()) ?? { kind: 'user', accessKeyId },
    faults: {
      refuse: (service, action, by) =>
        !isDeployer(by) && unkind.throttles(service, action, clock.now()) ? throttleError(service) : null,
      loseReply: (service, action, by) => !isDeployer(by) && unkind.losesReply(service, action),
    },
    onCall: (call) => tell({ type: 'call', atMs: call.atMs, call }),
    wallClock: clock.wall,
  }).catch((error) => {
    throw portError(error, settings.port);
  });
  cleanups.push(() => endpoint.close());
  endpointUrl = endpoint.url;

  const local: LocalCloud = {
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
    iam,
    functions: backstage.functions,
    queues: backstage.queues,
    bus,
    configureAsync: (functionName, config) => backstage.async.configure(functionName, config),
    mapQueue: (mapping) => backstage.mapQueue(mapping),
    unmapQueue: (mappingId) => backstage.unmapQueue(mappingId),
    ...ec2Acts({
      model,
      unkind,
      clock,
      context,
      zoneNames,
      noticeMs: settings.noticeMs,
      viewOf,
      changed: () => pump.run(),
    }),
    failAgent: (instanceId) => machines?.killAgent(instanceId) ?? false,
    partition: (groups) => network.partition(groups),
    heal: () => network.heal(),
    balancers: () => elb.balancers(),
    targetGroups: () => elb.targetGroups(),
    objects: () => s3.objects(),
    createBucket: (name) => s3.createBucket(name),
    adoptTargetGroup: (arn, healthPath) => elb.adoptGroup(arn, healthPath),
    calls: () => endpoint.history.counts(),
    usage: async (instanceId) =>
      (await machines?.usage(instanceId)) ?? { processes: 0, rssBytes: 0, pssBytes: 0, cpuMs: 0 },
    stop,
  };
  // What is being deployed is let go of while everything else still answers.
  cleanups.push(() => stacks.close());
  return local;
}

const isDeployer = (by: Principal): boolean => by.kind === 'user' && by.accessKeyId === DEPLOYER_KEY;
