import { seededRng } from '../../../core/rng.js';
import { type Context, monoMs, wallMs } from '../../../core/time.js';
import { createModel, DEFAULT_EC2 } from '../../../local/ec2/model/state.js';
import { createTemplate, DEFAULT_METADATA } from '../../../local/ec2/model/templates.js';
import type { Ec2Model, Ec2Options, FleetRequest } from '../../../local/ec2/model/types.js';

/** A model with three zones of two pools, a template, and a clock that tests move. */
export interface World {
  readonly model: Ec2Model;
  readonly templateId: string;
  now: number;
  ctx(): Context;
}

const EPOCH = Date.parse('2026-01-17T10:00:00Z');

export function world(options: Partial<Ec2Options> = {}, seed: number | string = 1): World {
  const rng = seededRng(seed);
  let address = 0;
  const zones = ['a', 'b', 'c'].map((letter) => ({ name: `us-east-1${letter}`, subnetId: `subnet-${letter}` }));
  const self: World = {
    now: 0,
    ctx: () => ({ nowMs: monoMs(self.now), wallMs: wallMs(EPOCH + self.now), rng }),
    templateId: '',
    model: undefined as never,
  };
  const model = createModel(
    {
      ...DEFAULT_EC2,
      region: 'us-east-1',
      zones,
      pools: zones.flatMap(({ name }, i) => [
        { instanceType: 'm5.large', zone: name, spotPrice: 0.03 + i / 1000, onDemandPrice: 0.096, capacity: null },
        { instanceType: 'c5.large', zone: name, spotPrice: 0.04 + i / 1000, onDemandPrice: 0.085, capacity: null },
      ]),
      nextAddress: () => `127.64.1.${++address}`,
      ...options,
    },
    self.ctx(),
  );
  const template = createTemplate(
    model,
    {
      name: 'nodes',
      description: null,
      data: {
        imageId: 'ami-1',
        instanceType: null,
        keyName: null,
        userData: null,
        securityGroupIds: [],
        instanceProfile: 'node',
        metadata: { ...DEFAULT_METADATA, tags: true },
        tagSpecifications: [],
      },
      echo: {},
      tags: {},
    },
    self.ctx(),
  );
  return Object.assign(self, { model, templateId: template.templateId });
}

export function fleetRequest(at: World, token: string | null, more: Partial<FleetRequest> = {}): FleetRequest {
  return {
    clientToken: token,
    configs: [
      {
        templateId: at.templateId,
        version: '1',
        overrides: at.model.options.zones.map(({ subnetId }) => ({
          instanceType: 'm5.large',
          subnetId,
          zone: null,
          priority: null,
        })),
      },
    ],
    total: 1,
    spot: null,
    onDemand: null,
    defaultMarket: 'spot',
    spotAllocation: 'price-capacity-optimized',
    onDemandAllocation: null,
    interruptionBehavior: null,
    minSpot: null,
    minOnDemand: null,
    tagSpecifications: [{ resourceType: 'instance', tags: { slot: '3' } }],
    ...more,
  };
}
