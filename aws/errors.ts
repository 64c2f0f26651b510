import type { CloudError, CloudErrorKind } from '../core/cloud.js';

/**
 * What AWS's error codes mean for a caller. Codes as in the EC2, ELBv2, S3, SSM and Secrets Manager API references.
 *
 * The code decides before the HTTP status does: EC2 answers `InsufficientInstanceCapacity` with a 500, and that is a
 * definite "nothing launched", unlike other answers above 499.
 */
const CODES: Readonly<Record<Exclude<CloudErrorKind, 'unknown'>, readonly string[]>> = {
  capacity: [
    'InsufficientInstanceCapacity',
    'InsufficientHostCapacity',
    'InsufficientReservedInstanceCapacity',
    'InsufficientCapacity',
    'InsufficientCapacityOnHost',
    'InsufficientFreeAddressesInSubnet',
    'UnfulfillableCapacity',
    'ReservationCapacityExceeded',
    'SpotMaxPriceTooLow',
    'Unsupported',
  ],
  quota: [
    'MaxSpotInstanceCountExceeded',
    'MaxSpotFleetRequestCountExceeded',
    'MaxFleetCountExceeded',
    'VcpuLimitExceeded',
    'InstanceLimitExceeded',
    'VolumeLimitExceeded',
    'MaxIOPSLimitExceeded',
    'TooManyTargets',
    'TooManyRegistrationsForTargetId',
  ],
  throttle: [
    'RequestLimitExceeded',
    'Throttling',
    'ThrottledException',
    'RequestThrottled',
    'TooManyRequests',
    'TooManyUpdates',
    'SlowDown',
    'BandwidthLimitExceeded',
    'ResourceCountExceeded',
    'PriorRequestNotComplete',
    'EC2ThrottledException',
  ],
  mismatch: ['IdempotentParameterMismatch'],
  ended: ['IdempotentInstanceTerminated'],
  conflict: [
    'PreconditionFailed',
    'ConditionalRequestConflict',
    'OperationAborted',
    'VolumeInUse',
    'InvalidNetworkInterface.InUse',
  ],
  'not-found': [
    'InvalidInstanceID.NotFound',
    'InvalidVolume.NotFound',
    'InvalidNetworkInterfaceID.NotFound',
    // SSM doesn't manage the instance, or not any more.
    'InvalidInstanceId',
    'NoSuchKey',
    'ParameterNotFound',
    'ParameterVersionNotFound',
    'ResourceNotFound',
    'TargetGroupNotFound',
    // The instance isn't running yet, or not visible to the load balancer.
    'InvalidTarget',
  ],
  configuration: [
    'UnauthorizedOperation',
    'AccessDenied',
    'AuthFailure',
    'OptInRequired',
    'MissingAuthenticationToken',
    'InvalidClientTokenId',
    'UnrecognizedClient',
    'SignatureDoesNotMatch',
    'InvalidLaunchTemplateId.NotFound',
    'InvalidLaunchTemplateId.Malformed',
    'InvalidLaunchTemplateId.VersionNotFound',
    'InvalidLaunchTemplateName.NotFoundException',
    'InvalidAMIID.NotFound',
    'InvalidAMIID.Unavailable',
    'InvalidSubnetID.NotFound',
    'InvalidSubnet',
    'InvalidGroup.NotFound',
    'InvalidSecurityGroupID.NotFound',
    'InvalidFleetConfiguration',
    'InvalidInstanceID.Malformed',
    'InvalidParameter',
    'InvalidParameterValue',
    'InvalidParameterCombination',
    'MissingParameter',
    'UnknownParameter',
    'TagLimitExceeded',
    'VPCIdNotSpecified',
    'NoSuchBucket',
    'PermanentRedirect',
    'UnreadableHint',
    'DecryptionFailure',
    'KMSAccessDenied',
  ],
};

const KIND_OF_CODE: ReadonlyMap<string, CloudErrorKind> = new Map(
  (Object.keys(CODES) as Exclude<CloudErrorKind, 'unknown'>[]).flatMap((kind) =>
    CODES[kind].map((code) => [plain(code), kind] as const),
  ),
);

/** Credentials that ran out while a call was on its way: with fresh ones the same call works. */
const STALE_CREDENTIALS = new Set(['ExpiredToken', 'RequestExpired', 'RequestTimeTooSkewed']);

/** JSON and query services name one error with and without `Exception`. */
function plain(code: string): string {
  return code.replace(/(Exception|Error)$/, '');
}

/** The kind of an AWS error code; null when the code is not one of those listed. */
export function kindOfCode(code: string): CloudErrorKind | null {
  return KIND_OF_CODE.get(plain(code)) ?? null;
}

/** Any rejection of an SDK call. Never throws. */
export function classify(error: unknown): CloudError {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : typeof error === 'string' ? error : 'no message';
  return { kind: kindOfCode(code) ?? kindOfAnswer(code, statusOf(error)), code, message: message.slice(0, 500) };
}

/** For codes that no list names: a 4xx is a definite refusal, anything else might have taken effect. */
function kindOfAnswer(code: string, status: number | null): CloudErrorKind {
  if (STALE_CREDENTIALS.has(plain(code))) return 'throttle';
  if (code === 'CredentialsProviderError') return 'throttle';
  if (status === 429) return 'throttle';
  if (status === 404) return 'not-found';
  if (status === 412) return 'conflict';
  if (status !== null && status >= 400 && status < 500 && status !== 408) return 'configuration';
  return 'unknown';
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'Unknown';
  const { Code, code, name } = error as { Code?: unknown; code?: unknown; name?: unknown };
  for (const candidate of [Code, code, name]) {
    if (typeof candidate === 'string' && candidate !== '' && candidate !== 'Error') return candidate;
  }
  return 'Unknown';
}

function statusOf(error: unknown): number | null {
  const status = (error as { $metadata?: { httpStatusCode?: unknown } } | null)?.$metadata?.httpStatusCode;
  return typeof status === 'number' ? status : null;
}

const isKind =
  (kind: CloudErrorKind) =>
  (error: CloudError): boolean =>
    error.kind === kind;

export const isCapacity = isKind('capacity');
export const isQuota = isKind('quota');
export const isThrottle = isKind('throttle');
export const isConfiguration = isKind('configuration');
/** Somebody already acted with this token. */
export const isMismatch = isKind('mismatch');
/** The token's instance has ended. */
export const isEnded = isKind('ended');
/** A conditional write lost. */
export const isConflict = isKind('conflict');
export const isNotFound = isKind('not-found');
/** The call may have taken effect. */
export const isUnknown = isKind('unknown');
