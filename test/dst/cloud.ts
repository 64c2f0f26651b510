/**
 * AWS for the fault schedules: the local cloud's own model of EC2, and the least of the other services, under virtual
 * time and made unkind. Calls are carried out when they arrive; their answers may be late or lost.
 */
import { kindOfCode } from '../../aws/errors.js';
import type { CloudCall, CloudError, Outcome } from '../../core/cloud.js';
import { chance } from '../../core/rng.js';
import type { HeldSeat } from '../../core/seats/seat.js';
import { seatFromTags, TAG } from '../../core/seats/tags.js';
import type { Spec } from '../../core/spec/spec.js';
import type { Context } from '../../core/time.js';
import { fleetRequestOf, launchAnswerOf, nodeViewOf } from '../../local/ec2/model/core-view.js';
import { describe, describeStatus } from '../../local/ec2/model/describe.js';
import { createFleet } from '../../local/ec2/model/fleet.js';
import { terminate } from '../../local/ec2/model/life.js';
import { createModel, DEFAULT_EC2 } from '../../local/ec2/model/state.js';
import { createTags } from '../../local/ec2/model/tags.js';
import { createTemplate, createTemplateVersion, DEFAULT_METADATA } from '../../local/ec2/model/templates.js';
import type { Ec2Model, InstanceRecord } from '../../local/ec2/model/types.js';
import { AwsError } from '../../local/wire/error.js';

export interface CloudFaults {
  /** Chance that a call is refused with a throttle. */
  throttle: number;
  /** Chance that an answer never arrives although the call took effect. */
  lostReply: number;
  /** Chance that a call never arrives. */
  lostCall: number;
}

export interface CloudOptions {
  readonly failedAttemptUsesToken: boolean;
  readonly endedToken: 'error' | 'return';
  readonly describeLagMs: number;
  readonly launchDelayMs: number;
}

const ZONES = ['us-east-1a', 'us-east-1b', 'us-east-1c'];
const TYPES = ['m7g.large', 'c7g.large'];
export const BUCKET = 'synkti-dst';
/** The other workloads' groups, by their names; see {@link targetOf}. */
export const groupOf = (workload: string): string => TARGET_GROUP.replace('/web/', `/${workload}/`);

/** How a target is known in `registered`: those of the first group by the instance alone. */
export const targetOf = (instanceId: string, arn: string): string =>
  arn === TARGET_GROUP ? instanceId : `${instanceId} ${arn}`;

export const TARGET_GROUP = 'arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef';

export class ModelCloud {
  readonly ec2: Ec2Model;
  readonly templateId: string;
  readonly faults: CloudFaults = { throttle: 0, lostReply: 0, lostCall: 0 };
  /** Instances that the load balancer sends to. */
  readonly registered = new Set<string>();
  readonly calls = new Map<string, number>();
  /** The parameter's text. */
  spec = '';
  readonly #objects = new Map<string, { readonly body: string; readonly etag: string }>();
  #writes = 0;
  #addresses = 10;

  constructor(options: CloudOptions, ctx: Context) {
    this.ec2 = createModel(
      {
        ...DEFAULT_EC2,
        ...options,
        region: 'us-east-1',
        zones: ZONES.map((name, i) => ({ name, subnetId: `subnet-${i}` })),
        pools: ZONES.flatMap((zone) =>
          TYPES.map((instanceType, i) => ({
            instanceType,
            zone,
            spotPrice: 0.03 + i * 0.01,
            onDemandPrice: 0.1,
            capacity: null,
          })),
        ),
        shutdownMs: 3_000,
        nextAddress: () => {
          this.#addresses++;
          return `10.0.${this.#addresses >> 8}.${this.#addresses & 255}`;
        },
      },
      ctx,
    );
    const data = {
      imageId: 'ami-0123456789abcdef0',
      instanceType: null,
      keyName: null,
      userData: null,
      securityGroupIds: [],
      instanceProfile: null,
      metadata: { ...DEFAULT_METADATA, tags: true },
      tagSpecifications: [],
    };
    const template = createTemplate(this.ec2, { name: 'synkti', description: null, data, echo: {}, tags: {} }, ctx);
    this.templateId = template.templateId;
  }

  pools(): Spec['launch']['pools'] {
    return ZONES.flatMap((zone, i) => TYPES.map((instanceType) => ({ instanceType, zone, subnetId: `subnet-${i}` })));
  }

  newTemplateVersion(ctx: Context): number {
    const template = this.ec2.templates.get(this.templateId);
    const data = template?.versions[0]?.data;
    if (template === undefined || data === undefined) throw new Error('The template is gone.');
    return createTemplateVersion(template, { description: null, data, echo: {} }, ctx).version;
  }

  /** What happens to a call on its way; `carryOut` false: it never arrives. */
  fateOf(ctx: Context): { readonly arrives: boolean; readonly answers: boolean } {
    const arrives = !chance(ctx.rng, this.faults.lostCall);
    return { arrives, answers: arrives && !chance(ctx.rng, this.faults.lostReply) };
  }

  carryOut(call: CloudCall, ctx: Context): Outcome {
    this.calls.set(call.op, (this.calls.get(call.op) ?? 0) + 1);
    if (chance(ctx.rng, this.faults.throttle)) return failure('throttle', 'RequestLimitExceeded', 'Slow down');
    try {
      return this.#act(call, ctx);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return failure(kindOfCode(error.code) ?? 'configuration', error.code, error.message);
    }
  }

  #act(call: CloudCall, ctx: Context): Outcome {
    switch (call.op) {
      case 'launch': {
        const answer = createFleet(this.ec2, fleetRequestOf(call.request), ctx);
        return { ok: true, value: launchAnswerOf(call.request, answer, (code) => kindOfCode(code) ?? 'configuration') };
      }
      case 'findNodes': {
        const filters = [{ name: `tag:${TAG.cluster}`, values: [call.cluster] }];
        if (call.slot !== null) filters.push({ name: `tag:${TAG.slot}`, values: [String(call.slot)] });
        const found = describe(this.ec2, { instanceIds: [], filters, maxResults: null, nextToken: null }, ctx);
        return { ok: true, value: found.items.map((item) => nodeViewOf(item)) };
      }
      case 'describeNode': {
        const query = { instanceIds: [call.instanceId], filters: [], maxResults: null, nextToken: null };
        const [item] = describe(this.ec2, query, ctx).items;
        const [status] = describeStatus(this.ec2, { ...query, all: true }, ctx).items;
        return { ok: true, value: item === undefined ? null : nodeViewOf(item, status?.status !== 'impaired') };
      }
      case 'registerTarget':
        this.registered.add(targetOf(call.instanceId, call.targetGroupArn));
        return { ok: true, value: null };
      case 'deregisterTarget':
        this.registered.delete(targetOf(call.instanceId, call.targetGroupArn));
        return { ok: true, value: null };
      case 'readHint': {
        const object = this.#objects.get(`seats/${call.slot}.json`);
        if (object === undefined) return { ok: true, value: null };
        return { ok: true, value: { position: JSON.parse(object.body) as HeldSeat, etag: object.etag } };
      }
      case 'writeHint': {
        const key = `seats/${call.slot}.json`;
        if ((this.#objects.get(key)?.etag ?? null) !== call.etag) {
          return failure('conflict', 'PreconditionFailed', 'At least one of the conditions did not hold');
        }
        return { ok: true, value: { etag: this.#put(key, JSON.stringify(call.position)) } };
      }
      case 'putObject':
        this.#put(call.key, call.body);
        return { ok: true, value: null };
      case 'readSpec':
        return { ok: true, value: this.spec };
      case 'terminate':
        terminate(this.ec2, [call.instanceId], ctx);
        return { ok: true, value: null };
      case 'tagNode':
        createTags(this.ec2, [call.instanceId], call.tags, ctx);
        return { ok: true, value: null };
    }
  }

  #put(key: string, body: string): string {
    const etag = `"${++this.#writes}"`;
    this.#objects.set(key, { body, etag });
    return etag;
  }

  /** Instances that EC2 runs or starts, in order of launch. */
  live(): InstanceRecord[] {
    return [...this.ec2.instances.values()]
      .map((i) => i.record)
      .filter((r) => r.state === 'pending' || r.state === 'running');
  }
}

export const seatOf = (record: InstanceRecord): HeldSeat | null => seatFromTags(record.tags);

function failure(kind: CloudError['kind'], code: string, message: string): Outcome {
  return { ok: false, error: { kind, code, message } };
}
