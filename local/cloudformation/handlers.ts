import type { Handlers } from './handler.js';
import { BALANCER } from './types/balancer.js';
import { customResource } from './types/custom.js';
import { FUNCTION } from './types/function.js';
import { HARMLESS } from './types/harmless.js';
import { IAM } from './types/iam.js';
import { launchTemplate } from './types/launch-template.js';
import { MESSAGING } from './types/messaging.js';
import { NETWORK } from './types/network.js';
import { STORAGE } from './types/storage.js';

/** Every resource type that the local cloud can deploy. */
export const HANDLERS: Handlers = {
  ...NETWORK,
  ...IAM,
  ...STORAGE,
  ...BALANCER,
  ...FUNCTION,
  ...MESSAGING,
  ...HARMLESS,
  'AWS::EC2::LaunchTemplate': launchTemplate,
  // And every `Custom::` type.
  'AWS::CloudFormation::CustomResource': customResource,
};
