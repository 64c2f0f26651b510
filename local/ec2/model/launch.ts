import { after, type Context, NEVER } from '../../../core/time.js';
import { AwsError } from '../../wire/error.js';
import { emit, newId, remember } from './state.js';
import { checkTags } from './tags.js';
import { DEFAULT_METADATA, type ResolvedTemplate } from './templates.js';
import type {
  Ec2Model,
  Instance,
  InstanceRecord,
  InterruptionAction,
  Market,
  TagSpecification,
  Tags,
} from './types.js';

export interface Launch {
  readonly instanceType: string;
  readonly zone: string;
  readonly subnetId: string;
  readonly market: Market;
  readonly interruptionBehavior: InterruptionAction;
  readonly clientToken: string;
  readonly fleetId: string | null;
  readonly reservationId: string;
  readonly template: ResolvedTemplate | null;
  readonly tagSpecifications: readonly TagSpecification[];
  /** Over the template's. */
  readonly overrides: Partial<
    Pick<InstanceRecord, 'imageId' | 'keyName' | 'userData' | 'securityGroupIds' | 'instanceProfile' | 'metadata'>
  >;
}

/** Starts one instance; its pool must have room. @throws AwsError `InsufficientFreeAddressesInSubnet`. */
export function launch(model: Ec2Model, what: Launch, ctx: Context): InstanceRecord {
  const data = what.template?.version.data;
  const metadata = what.overrides.metadata ?? data?.metadata ?? DEFAULT_METADATA;
  const tags = instanceTags(what);
  const privateIp = model.options.nextAddress(what.zone);
  if (privateIp === null) {
    throw new AwsError('InsufficientFreeAddressesInSubnet', `There is no free address in subnet ${what.subnetId}`);
  }
  const record: InstanceRecord = {
    instanceId: newId('i', ctx.rng),
    seq: model.nextSeq++,
    reservationId: what.reservationId,
    state: 'pending',
    stateReason: null,
    transitionReason: '',
    instanceType: what.instanceType,
    zone: what.zone,
    subnetId: what.subnetId,
    privateIp,
    lifecycle: what.market,
    interruptionBehavior: what.interruptionBehavior,
    launchTimeMs: ctx.wallMs,
    clientToken: what.clientToken,
    fleetId: what.fleetId,
    imageId: what.overrides.imageId ?? data?.imageId ?? 'ami-00000000000000000',
    keyName: what.overrides.keyName ?? data?.keyName ?? null,
    userData: what.overrides.userData ?? data?.userData ?? null,
    securityGroupIds: what.overrides.securityGroupIds ?? data?.securityGroupIds ?? [],
    instanceProfile: what.overrides.instanceProfile ?? data?.instanceProfile ?? null,
    metadata,
    template: what.template === null ? null : { id: what.template.id, version: what.template.version.version },
    tags,
    statusOk: true,
    runningSinceMs: null,
    interruption: null,
    rebalanceNoticeMs: null,
    maintenance: [],
  };
  const instance: Instance = {
    instanceId: record.instanceId,
    record,
    past: [],
    due: [{ atMs: after(ctx.nowMs, model.options.launchDelayMs), what: 'run' }],
  };
  remember(model, instance, null, ctx.nowMs);
  model.instances.set(record.instanceId, instance);
  emit(model, {
    type: 'state',
    instanceId: record.instanceId,
    from: null,
    to: 'pending',
    cause: 'launch',
    wallMs: ctx.wallMs,
  });
  return record;
}

/** Tags of the template, then of the request, then EC2's own. @throws AwsError when they break EC2's rules. */
export function instanceTags(what: Pick<Launch, 'template' | 'tagSpecifications' | 'fleetId' | 'overrides'>): Tags {
  const metadata = what.overrides.metadata ?? what.template?.version.data.metadata ?? DEFAULT_METADATA;
  const tags: Record<string, string> = {};
  for (const specification of [...(what.template?.version.data.tagSpecifications ?? []), ...what.tagSpecifications]) {
    if (specification.resourceType === 'instance') Object.assign(tags, specification.tags);
  }
  checkTags(tags, metadata.tags);
  if (what.fleetId !== null) tags['aws:ec2:fleet-id'] = what.fleetId;
  if (what.template !== null) {
    tags['aws:ec2launchtemplate:id'] = what.template.id;
    tags['aws:ec2launchtemplate:version'] = String(what.template.version.version);
  }
  return tags;
}

/** When the next thing will happen by itself. */
export function nextDeadlineMs(model: Ec2Model): Context['nowMs'] {
  let next = NEVER;
  for (const { due } of model.instances.values()) for (const { atMs } of due) if (atMs < next) next = atMs;
  return next;
}
