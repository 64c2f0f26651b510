import { queryService } from '../wire/query-service.js';
import type { Service } from '../wire/service.js';
import { fleetActions } from './fleet-actions.js';
import type { Ec2Host } from './host.js';
import { instanceActions } from './instance-actions.js';
import { leftoverActions } from './leftover-actions.js';
import { placeActions } from './place-actions.js';
import { tagActions } from './tag-actions.js';
import { templateActions } from './template-actions.js';
import { typeActions } from './type-actions.js';
import { vpcActions } from './vpc-actions.js';

/** EC2's part of the local cloud: thin handlers over the pure model in model/. */
export function ec2Service(host: Ec2Host): Service {
  return queryService({
    name: 'ec2',
    protocol: 'ec2',
    namespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
    actions: new Map([
      ...fleetActions(host),
      ...instanceActions(host),
      ...leftoverActions(host),
      ...placeActions(host),
      ...tagActions(host),
      ...templateActions(host),
      ...typeActions(host),
      ...vpcActions(host),
    ]),
  });
}
