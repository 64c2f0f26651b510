import type { Context } from '../../../core/time.js';
import { AwsError } from '../../wire/error.js';
import { instanceTags, launch } from './launch.js';
import { type Candidate, hasRoom, inUse, ranked, shortageMessage } from './pools.js';
import { bound, isEnded, newId, poolKey } from './state.js';
import { checkTags } from './tags.js';
import { type ResolvedTemplate, resolveTemplate } from './templates.js';
import type {
  Ec2Model,
  FleetAnswer,
  FleetError,
  FleetInstance,
  FleetOverride,
  FleetRequest,
  Market,
  Tags,
  TokenRecord,
} from './types.js';

const MAX_TOTAL = 10_000;
const MAX_OVERRIDES = 300;
/** Resources that an instant fleet can tag; only tags of the first two can be seen again here. */
const TAGGABLE = ['instance', 'fleet', 'volume', 'network-interface', 'spot-instances-request'];

/**
 * CreateFleet of type instant: tries once, at once. One token launches once: a repeat with the same parameters gets the
 * same answer, with others `IdempotentParameterMismatch`. Pools that couldn't serve are in `errors`.
 *
 * @throws AwsError
 */
export function createFleet(model: Ec2Model, request: FleetRequest, ctx: Context): FleetAnswer {
  const token = request.clientToken;
  if (token !== null && !/^[\x21-\x7e]{1,64}$/.test(token)) {
    throw new AwsError('InvalidParameterValue', 'ClientToken must be 1 to 64 ASCII characters');
  }
  const fingerprint = JSON.stringify({ ...request, clientToken: null });
  const tokenKey = `fleet:${token}`;
  const earlier = token === null ? undefined : model.tokens.get(tokenKey);
  if (earlier !== undefined) {
    const answer = repeat(model, earlier, fingerprint);
    if (answer !== null) return answer;
  }
  const templates = request.configs.map(({ templateId, version }) => resolveTemplate(model, templateId, version));
  const candidates = checked(model, request, templates);
  const fleetId = newId('fleet', ctx.rng);
  for (const template of templates) {
    instanceTags({ template, tagSpecifications: request.tagSpecifications, fleetId, overrides: {} });
  }
  const instances: FleetInstance[] = [];
  const errors: FleetError[] = [];
  for (const [market, count] of targets(request)) {
    fill(model, request, templates, candidates, fleetId, market, count, instances, errors, ctx);
  }
  const answer: FleetAnswer = { fleetId, instances, errors };
  model.fleets.set(fleetId, {
    fleetId,
    createTimeMs: ctx.wallMs,
    request,
    answer,
    tags: merged(request, 'fleet'),
  });
  if (token !== null && (instances.length > 0 || model.options.failedAttemptUsesToken)) {
    model.tokens.delete(tokenKey);
    model.tokens.set(tokenKey, { fingerprint, instanceIds: instances.flatMap((one) => one.instanceIds), answer });
  }
  bound(model);
  return answer;
}

/** What a repeated token gets: the old answer. @throws AwsError for other parameters, or when the instance ended. */
function repeat(model: Ec2Model, earlier: TokenRecord, fingerprint: string): FleetAnswer | null {
  refuseMismatch(earlier, fingerprint);
  refuseEnded(model, earlier);
  return earlier.answer;
}

export function refuseMismatch(earlier: TokenRecord, fingerprint: string): void {
  if (earlier.fingerprint !== fingerprint) {
    throw new AwsError(
      'IdempotentParameterMismatch',
      'The client token was used before with a request that had other parameters',
    );
  }
}

export function refuseEnded(model: Ec2Model, earlier: TokenRecord): void {
  if (model.options.endedToken === 'return') return;
  for (const id of earlier.instanceIds) {
    const instance = model.instances.get(id);
    if (instance === undefined || isEnded(instance.record.state)) {
      throw new AwsError('IdempotentInstanceTerminated', `The client token belongs to instance ${id}, which has ended`);
    }
  }
}

function targets(request: FleetRequest): [Market, number][] {
  const spot = request.spot ?? (request.defaultMarket === 'spot' ? request.total - (request.onDemand ?? 0) : 0);
  const onDemand = request.onDemand ?? request.total - spot;
  const list: [Market, number][] = [
    ['on-demand', onDemand],
    ['spot', spot],
  ];
  return list.filter(([, count]) => count > 0);
}

/** Checks the whole request before anything is launched. */
function checked(model: Ec2Model, request: FleetRequest, templates: readonly ResolvedTemplate[]): Candidate[] {
  const invalid = (why: string): AwsError => new AwsError('InvalidFleetConfig', why);
  if (request.configs.length === 0) throw invalid('A fleet needs at least one launch template');
  if (!Number.isInteger(request.total) || request.total < 1 || request.total > MAX_TOTAL) {
    throw invalid(`TotalTargetCapacity must be from 1 to ${MAX_TOTAL}`);
  }
  if ((request.spot ?? 0) + (request.onDemand ?? 0) > request.total) {
    throw invalid('SpotTargetCapacity and OnDemandTargetCapacity are more than TotalTargetCapacity');
  }
  for (const { resourceType, tags } of request.tagSpecifications) {
    if (!TAGGABLE.includes(resourceType)) {
      throw new AwsError('InvalidParameterValue', `'${resourceType}' is not a valid taggable resource type of a fleet`);
    }
    checkTags(tags, false);
  }
  const candidates: Candidate[] = [];
  const subnetOfZone = new Map<string, string>();
  const seen = new Set<string>();
  for (const [configIndex, config] of request.configs.entries()) {
    const overrides: readonly FleetOverride[] =
      config.overrides.length > 0
        ? config.overrides
        : [{ instanceType: null, subnetId: null, zone: null, priority: null }];
    if (overrides.length > MAX_OVERRIDES) throw invalid(`A fleet has at most ${MAX_OVERRIDES} overrides`);
    for (const override of overrides) {
      const instanceType = override.instanceType ?? templates[configIndex]?.version.data.instanceType ?? null;
      if (instanceType === null) throw invalid('An override has no instance type, and neither has its launch template');
      const zone = zoneOf(model, override);
      const subnetId = override.subnetId ?? zone.subnetId;
      if ((subnetOfZone.get(zone.name) ?? subnetId) !== subnetId) {
        throw invalid(`A fleet cannot have two subnets of one Availability Zone (${zone.name})`);
      }
      subnetOfZone.set(zone.name, subnetId);
      const key = poolKey(instanceType, zone.name);
      if (seen.has(key)) throw invalid(`Two overrides have instance type ${instanceType} in ${zone.name}`);
      seen.add(key);
      candidates.push({
        configIndex,
        override,
        instanceType,
        zone: zone.name,
        subnetId,
        pool: model.pools.get(key) ?? null,
      });
    }
  }
  return candidates;
}

/** Where an override launches; without subnet and zone: the first zone. @throws AwsError */
export function zoneOf(
  model: Ec2Model,
  where: { readonly subnetId: string | null; readonly zone: string | null },
): { readonly name: string; readonly subnetId: string } {
  const { subnets } = model;
  const found = subnets.find(
    ({ name, subnetId }) => (where.subnetId ?? subnetId) === subnetId && (where.zone ?? name) === name,
  );
  if (found !== undefined) return found;
  if (where.subnetId !== null && !subnets.some(({ subnetId }) => subnetId === where.subnetId)) {
    throw new AwsError('InvalidSubnetID.NotFound', `The subnet ID '${where.subnetId}' does not exist`);
  }
  throw new AwsError('InvalidParameterValue', `Invalid availability zone: [${where.zone ?? ''}]`);
}

function fill(
  model: Ec2Model,
  request: FleetRequest,
  templates: readonly ResolvedTemplate[],
  candidates: readonly Candidate[],
  fleetId: string,
  market: Market,
  count: number,
  instances: FleetInstance[],
  errors: FleetError[],
  ctx: Context,
): void {
  const strategy =
    market === 'spot' ? (request.spotAllocation ?? 'lowest-price') : (request.onDemandAllocation ?? 'lowest-price');
  const failed = new Set<Candidate>();
  const planned = new Map<Candidate, string[]>();
  const fail = (candidate: Candidate, code: string, message: string): void => {
    failed.add(candidate);
    const config = request.configs[candidate.configIndex];
    errors.push({
      code,
      message,
      templateId: config?.templateId ?? '',
      version: config?.version ?? '',
      override: candidate.override,
      market,
    });
  };
  const minimum = market === 'spot' ? request.minSpot : request.minOnDemand;
  if (minimum !== null && room(model, candidates, market) < minimum) {
    for (const candidate of candidates) {
      fail(candidate, 'UnfulfillableCapacity', `There is no capacity for the minimum of ${minimum}`);
    }
    return;
  }
  for (let launched = 0; launched < count; ) {
    const best = ranked(model, candidates, market, strategy).find((candidate) => !failed.has(candidate));
    if (best === undefined) break;
    const { pool, instanceType, zone } = best;
    if (pool === null) {
      fail(best, 'Unsupported', shortageMessage('Unsupported', instanceType, zone, market));
      continue;
    }
    if (!hasRoom(model, pool, market)) {
      fail(best, pool.shortage[market], shortageMessage(pool.shortage[market], instanceType, zone, market));
      continue;
    }
    try {
      const record = launch(
        model,
        {
          instanceType,
          zone,
          subnetId: best.subnetId,
          market,
          interruptionBehavior: request.interruptionBehavior ?? 'terminate',
          clientToken: request.clientToken ?? '',
          fleetId,
          reservationId: newId('r', ctx.rng),
          template: templates[best.configIndex] ?? null,
          tagSpecifications: request.tagSpecifications,
          overrides: {},
        },
        ctx,
      );
      planned.set(best, [...(planned.get(best) ?? []), record.instanceId]);
      launched++;
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      fail(best, error.code, error.message);
    }
  }
  for (const [candidate, instanceIds] of planned) {
    const config = request.configs[candidate.configIndex];
    instances.push({
      instanceIds,
      templateId: config?.templateId ?? '',
      version: config?.version ?? '',
      override: candidate.override,
      instanceType: candidate.instanceType,
      market,
    });
  }
}

function room(model: Ec2Model, candidates: readonly Candidate[], market: Market): number {
  let sum = 0;
  for (const { pool } of candidates) {
    if (pool === null) continue;
    const capacity = pool.capacity[market];
    if (capacity === null) return Number.POSITIVE_INFINITY;
    sum += Math.max(0, capacity - inUse(model, pool, market));
  }
  return sum;
}

function merged(request: FleetRequest, resourceType: string): Tags {
  const tags: Record<string, string> = {};
  for (const one of request.tagSpecifications) if (one.resourceType === resourceType) Object.assign(tags, one.tags);
  return tags;
}
