import { after, type Context } from '../core/time.js';
import type { CloudClock } from './clock.js';
import { CloudError, type InstanceView, type LocalCloud } from './cloud-types.js';
import { leaveBehind } from './ec2/model/leftovers.js';
import { age, fail, interrupt, recommendRebalance, scheduleMaintenance } from './ec2/model/life.js';
import { addPool, setCapacity, setSpotPrice } from './ec2/model/pools.js';
import type { Ec2Model, InstanceRecord } from './ec2/model/types.js';
import type { Unkind } from './unkind/unkind.js';

export interface Ec2ActsOptions {
  readonly model: Ec2Model;
  readonly unkind: Unkind;
  readonly clock: CloudClock;
  readonly context: () => Context;
  readonly zoneNames: readonly string[];
  /** Where none is given. */
  readonly noticeMs: number;
  readonly viewOf: (record: InstanceRecord) => InstanceView;
  /** After every act that has consequences. */
  readonly changed: () => void;
}

/** EC2 notices a machine that died without a word after this long, in ms. */
const SEEN_AFTER_MS = 3_000;

type Act =
  | 'instances'
  | 'interrupt'
  | 'recommendRebalance'
  | 'scheduleMaintenance'
  | 'age'
  | 'fail'
  | 'leaveBehind'
  | 'setCapacity'
  | 'setSpotPrice'
  | 'zones'
  | 'addSubnet'
  | 'removeSubnet'
  | 'addPool';

/** What somebody may do to EC2 from behind the scenes. */
export function ec2Acts(options: Ec2ActsOptions): Pick<LocalCloud, Act> {
  const { model, unkind, clock, context, zoneNames, viewOf, changed } = options;
  return {
    instances: () => [...model.instances.values()].map(({ record }) => viewOf(record)),
    interrupt: (instanceId, how = {}) => {
      const { noticeMs, announce } = unkind.notice(how.noticeMs ?? options.noticeMs, how.announce ?? 'both');
      interrupt(
        model,
        instanceId,
        { noticeMs, announce, ...(how.action === undefined ? {} : { action: how.action }) },
        context(),
      );
      changed();
    },
    recommendRebalance: (instanceId) => {
      recommendRebalance(model, instanceId, context());
      changed();
    },
    scheduleMaintenance: (instanceId, inMs) => {
      const notBeforeMs = after(clock.wall(), inMs);
      const event = scheduleMaintenance(
        model,
        instanceId,
        { code: 'instance-retirement', notBeforeMs, notAfterMs: after(notBeforeMs, 3_600_000) },
        context(),
      );
      changed();
      return event;
    },
    age: (instanceId, byMs) => age(model, instanceId, byMs, context()),
    fail: (instanceId, how = {}) => {
      fail(model, instanceId, how.seenAfterMs === undefined ? SEEN_AFTER_MS : how.seenAfterMs, context());
      changed();
    },
    leaveBehind: (kind, tags) => leaveBehind(model, kind, tags, context()),
    setCapacity: (where, capacity, code) => setCapacity(model, where, capacity, code),
    setSpotPrice: (instanceType, zone, price) => setSpotPrice(model, instanceType, zone, price, context()),
    zones: () => [...zoneNames],
    addSubnet: (subnetId, zone) => {
      if (!zoneNames.includes(zone)) throw new CloudError('BAD_OPTIONS', `The local cloud has no zone ${zone}.`);
      if (model.subnets.some((one) => one.subnetId === subnetId)) return false;
      model.subnets.push({ name: zone, subnetId });
      return true;
    },
    addPool: (pool) => addPool(model, pool, context()),
    removeSubnet: (subnetId) => {
      const at = model.subnets.findIndex((one) => one.subnetId === subnetId);
      if (at >= 0) model.subnets.splice(at, 1);
    },
  };
}
