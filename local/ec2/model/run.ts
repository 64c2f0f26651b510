import type { Context } from '../../../core/time.js';
import { AwsError } from '../../wire/error.js';
import { refuseEnded, refuseMismatch, zoneOf } from './fleet.js';
import { instanceTags, type Launch, launch } from './launch.js';
import { inUse, shortageMessage } from './pools.js';
import { bound, newId, poolKey } from './state.js';
import { resolveTemplate, templateOf } from './templates.js';
import type { Ec2Model, InstanceRecord, InterruptionAction, Market, TagSpecification } from './types.js';

export interface RunRequest {
  readonly clientToken: string | null;
  readonly minCount: number;
  readonly maxCount: number;
  readonly template: { readonly id: string | null; readonly name: string | null; readonly version: string } | null;
  readonly instanceType: string | null;
  readonly subnetId: string | null;
  readonly zone: string | null;
  readonly market: Market;
  readonly interruptionBehavior: InterruptionAction;
  readonly tagSpecifications: readonly TagSpecification[];
  readonly overrides: Launch['overrides'];
}

/**
 * RunInstances. Its token is unique per zone, unlike that of a fleet: the same token in two zones launches twice.
 *
 * @throws AwsError, also for want of capacity.
 */
export function runInstances(model: Ec2Model, request: RunRequest, ctx: Context): InstanceRecord[] {
  const zone = zoneOf(model, request);
  const fingerprint = JSON.stringify({ ...request, clientToken: null });
  const tokenKey = `run:${zone.name}:${request.clientToken}`;
  const earlier = request.clientToken === null ? undefined : model.tokens.get(tokenKey);
  if (earlier !== undefined) {
    refuseMismatch(earlier, fingerprint);
    refuseEnded(model, earlier);
    return earlier.instanceIds.flatMap((id) => model.instances.get(id)?.record ?? []);
  }
  if (request.minCount < 1 || request.maxCount < request.minCount) {
    throw new AwsError('InvalidParameterValue', 'MinCount must be at least 1 and at most MaxCount');
  }
  const template =
    request.template === null
      ? null
      : resolveTemplate(
          model,
          templateOf(model, request.template.id ?? undefined, request.template.name ?? undefined).templateId,
          request.template.version,
        );
  const instanceType = request.instanceType ?? template?.version.data.instanceType ?? null;
  if (instanceType === null)
    throw new AwsError('MissingParameter', 'The request must contain the parameter InstanceType');
  const pool = model.pools.get(poolKey(instanceType, zone.name));
  const { market } = request;
  if (pool === undefined) {
    throw new AwsError('Unsupported', shortageMessage('Unsupported', instanceType, zone.name, market));
  }
  const capacity = pool.capacity[market];
  const room = capacity === null ? request.maxCount : capacity - inUse(model, pool, market);
  if (room < request.minCount) {
    const code = pool.shortage[market];
    throw new AwsError(
      code,
      shortageMessage(code, instanceType, zone.name, market),
      code === 'InsufficientInstanceCapacity' ? 500 : 400,
    );
  }
  const what: Launch = {
    instanceType,
    zone: zone.name,
    subnetId: request.subnetId ?? zone.subnetId,
    market,
    interruptionBehavior: request.interruptionBehavior,
    clientToken: request.clientToken ?? '',
    fleetId: null,
    reservationId: newId('r', ctx.rng),
    template,
    tagSpecifications: request.tagSpecifications,
    overrides: request.overrides,
  };
  instanceTags(what);
  const records: InstanceRecord[] = [];
  for (let i = 0; i < Math.min(room, request.maxCount); i++) {
    try {
      records.push(launch(model, what, ctx));
    } catch (error) {
      if (records.length >= request.minCount && error instanceof AwsError) break;
      throw error;
    }
  }
  if (request.clientToken !== null) {
    const instanceIds = records.map(({ instanceId }) => instanceId);
    model.tokens.set(tokenKey, { fingerprint, instanceIds, answer: null });
    bound(model);
  }
  return records;
}
