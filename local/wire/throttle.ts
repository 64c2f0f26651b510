import { AwsError } from './error.js';

/** How each service says "slow down". Services that aren't listed answer as the JSON services do. */
export function throttleError(service: string): AwsError {
  switch (service) {
    case 'ec2':
      return new AwsError('RequestLimitExceeded', 'Request limit exceeded.', 503);
    case 's3':
      return new AwsError('SlowDown', 'Please reduce your request rate.', 503);
    case 'cloudformation':
    case 'elasticloadbalancing':
    case 'monitoring':
    case 'sts':
      return new AwsError('Throttling', 'Rate exceeded');
    default:
      return new AwsError('ThrottlingException', 'Rate exceeded');
  }
}
