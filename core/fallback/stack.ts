/** CloudFormation's requests to a custom resource, and what they mean for a cluster. */
import { CLUSTER_NAME } from '../spec/parse.js';
import type { Emptied } from './empty.js';
import type { Filled } from './fill.js';
import type { Resolved } from './instance-types.js';
import type { Removed } from './seed.js';

export interface StackRequest {
  readonly type: 'Create' | 'Update' | 'Delete';
  readonly responseUrl: string;
  readonly stackId: string;
  readonly requestId: string;
  readonly logicalResourceId: string;
  /** Null before the first answer. */
  readonly physicalResourceId: string | null;
  /** The cluster's epoch, as the template knows it. */
  readonly epoch: string | null;
  /** Given where the resource is a bucket's contents, not the cluster's seats. */
  readonly contents: Contents | null;
  /** Given where the resource is a choice of instance types: what they must have, unchecked. */
  readonly requirements: string | null;
}

export interface Contents {
  readonly bucket: string;
  /** Whether they go when the resource does. */
  readonly empty: boolean;
}

/** Null when there isn't even an address to answer to. */
export function readStackRequest(event: unknown): StackRequest | null {
  if (typeof event !== 'object' || event === null) return null;
  const { RequestType, ResponseURL, StackId, RequestId, LogicalResourceId, PhysicalResourceId, ResourceProperties } =
    event as Record<string, unknown>;
  if (RequestType !== 'Create' && RequestType !== 'Update' && RequestType !== 'Delete') return null;
  if (!isText(ResponseURL) || !isText(StackId) || !isText(RequestId) || !isText(LogicalResourceId)) return null;
  const properties = typeof ResourceProperties === 'object' && ResourceProperties !== null ? ResourceProperties : {};
  const { Epoch, Bucket, Empty, Requirements } = properties as Record<string, unknown>;
  return {
    type: RequestType,
    responseUrl: ResponseURL,
    stackId: StackId,
    requestId: RequestId,
    logicalResourceId: LogicalResourceId,
    physicalResourceId: isText(PhysicalResourceId) ? PhysicalResourceId : null,
    epoch: typeof Epoch === 'string' && /^[a-z0-9]{1,12}$/.test(Epoch) ? Epoch : null,
    // CloudFormation hands everything on as text.
    contents: isText(Bucket) ? { bucket: Bucket, empty: Empty === 'true' } : null,
    requirements: isText(Requirements) ? Requirements : null,
  };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= 8_192;

export interface Named {
  readonly cluster: string;
  readonly epoch: string;
}

/** The physical id says whose nodes a deletion is about: after a change of name that isn't the function's own cluster. */
export const physicalId = ({ cluster, epoch }: Named): string => `synkti/${cluster}/${epoch}`;

export function namedBy(id: string | null): Named | null {
  const [, cluster, epoch] = /^synkti\/([^/]+)\/([a-z0-9]{1,12})$/.exec(id ?? '') ?? [];
  return cluster !== undefined && epoch !== undefined && CLUSTER_NAME.test(cluster) ? { cluster, epoch } : null;
}

export interface StackAnswer {
  readonly status: 'SUCCESS' | 'FAILED';
  readonly reason: string;
  /** Attributes of the resource, for the template. */
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * @param held slots that needed no launch
 *
 * A shortage fails no deployment: agents and sweeps go on with it. What somebody must mend does, when it left the
 * cluster without a single node; a cluster that runs is better told of by metrics than rolled back.
 */
export function answerOfSeeding(filled: readonly Filled[], held: number): StackAnswer {
  const empty = filled.filter(({ instanceId }) => instanceId === null);
  const launched = filled.length - empty.length;
  const wrong = empty.find(({ error }) => error?.kind === 'configuration' || error?.kind === 'not-found');
  if (wrong?.error && launched + held === 0) {
    const { code, message } = wrong.error;
    return { status: 'FAILED', reason: `EC2 can't launch the nodes: ${code}: ${message}` };
  }
  if (empty.length === 0) return { status: 'SUCCESS', reason: `${launched} launched, ${held} there before.` };
  const codes = [...new Set(empty.map(({ error }) => error?.code ?? 'OutOfTime'))].sort().join(', ');
  const reason = `${launched} launched, ${held} there before, ${empty.length} still missing (${codes}); the sweep goes on.`;
  return { status: 'SUCCESS', reason };
}

export function answerOfRemoval({ left, error }: Removed): StackAnswer {
  const why = error === null ? '' : ` ${error.code}: ${error.message}`;
  if (left === null) return { status: 'FAILED', reason: `EC2 didn't tell which nodes there are.${why}` };
  if (left.length === 0 && error === null) return { status: 'SUCCESS', reason: 'No node is left.' };
  const some = left.slice(0, 5).join(', ');
  return { status: 'FAILED', reason: `${left.length} nodes are left (${some}); delete the stack again.${why}` };
}

export function answerOfEmptying({ deleted, error }: Emptied): StackAnswer {
  if (error === null) return { status: 'SUCCESS', reason: `${deleted} versions of objects deleted.` };
  return {
    status: 'FAILED',
    reason: `The bucket can't be emptied: ${error.code}: ${error.message} ${deleted} deleted; delete the stack again.`,
  };
}

/** `InstanceTypes` is a list in JSON, as it stands in the spec. */
export function answerOfTypes(resolved: Resolved): StackAnswer {
  if (!resolved.ok) {
    const { code, message } = resolved.error;
    return { status: 'FAILED', reason: `EC2 doesn't tell which instance types fit: ${code}: ${message}` };
  }
  const { types, fitting } = resolved;
  if (types.length === 0) {
    const what = 'what capacity.requirements ask for';
    const why =
      fitting === 0
        ? `No instance type of the Region has ${what}: widen them.`
        : `${fitting} instance types have ${what}, but none is to be had on spot in the cluster's zones: widen them, or choose other subnets.`;
    return { status: 'FAILED', reason: why };
  }
  const reason = `${types.length} of ${fitting} types that fit: ${types.join(', ')}.`;
  return { status: 'SUCCESS', reason, data: { InstanceTypes: JSON.stringify(types) } };
}

/** The body of the answer. CloudFormation takes 4,096 bytes at most. */
export function answerBody(
  request: StackRequest,
  physicalResourceId: string,
  { status, reason, data }: StackAnswer,
): string {
  return JSON.stringify({
    Status: status,
    Reason: reason.slice(0, 1_000),
    PhysicalResourceId: physicalResourceId,
    StackId: request.stackId,
    RequestId: request.requestId,
    LogicalResourceId: request.logicalResourceId,
    ...(data === undefined ? {} : { Data: data }),
  });
}
