/**
 * CloudFormation's custom resources: the first nodes at a deployment, the last at a deletion; the contents of the
 * bucket, which go before it does; and the instance types that have what the cluster asks for. It always answers, since
 * a stack that gets no answer hangs.
 */
import { emptyBucket } from '../core/fallback/empty.js';
import { resolveTypes } from '../core/fallback/instance-types.js';
import { readInstanceWish } from '../core/fallback/instance-wish.js';
import { lookAround, lookPatiently } from '../core/fallback/look.js';
import { assess } from '../core/fallback/outcome.js';
import { removeAll, seed } from '../core/fallback/seed.js';
import {
  answerBody,
  answerOfEmptying,
  answerOfRemoval,
  answerOfSeeding,
  answerOfTypes,
  type Contents,
  namedBy,
  physicalId,
  readStackRequest,
  type StackAnswer,
  type StackRequest,
} from '../core/fallback/stack.js';
import { specParameterName } from '../core/spec/spec.js';
import { after, type Context, earliest } from '../core/time.js';
import { putAnswer } from './answer.js';
import { host } from './host.js';
import { budgetEnd, type LambdaContext, type Parts, play } from './parts.js';
import { countErrand } from './telemetry.js';

/** How long a deployment waits for its first nodes to be launched; agents and sweeps go on. */
const SEED_MS = 300_000;
/** Rights, roles and instance profiles that were just made are seen everywhere within this. */
const MEND_MS = 90_000;
/** Kept back for the answer. */
const ANSWER_MS = 45_000;

export type PutAnswer = (url: string, body: string) => Promise<void>;

export const createSeederHandler =
  (parts: Parts, put: PutAnswer = putAnswer) =>
  async (event: unknown, context: LambdaContext): Promise<void> => {
    const { telemetry } = parts;
    const request = readStackRequest(event);
    if (request === null) {
      telemetry.log('error', 'poison-message', { why: 'It is no request of CloudFormation.' });
      throw new Error('The event is no request of CloudFormation: it has no RequestType or no ResponseURL.');
    }
    let answer: StackAnswer;
    try {
      answer = await answerTo(parts, request, context);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      telemetry.log('error', 'seeder-failed', { stack: error instanceof Error ? (error.stack ?? reason) : reason });
      answer = { status: 'FAILED', reason };
    }
    const id = idOf(parts, request);
    telemetry.log(answer.status === 'SUCCESS' ? 'info' : 'error', 'answered', { type: request.type, id, ...answer });
    await put(request.responseUrl, answerBody(request, id, answer));
  };

function answerTo(parts: Parts, request: StackRequest, context: LambdaContext): Promise<StackAnswer> {
  if (request.contents !== null) return tendContents(parts, request, request.contents, context);
  if (request.requirements !== null) return chooseTypes(parts, request, request.requirements, context);
  if (request.type === 'Delete') return remove(parts, request, context);
  const former = formerName(parts, request);
  if (former === null) return launch(parts, request, context);
  const reason = `A cluster can't be renamed: deploy ${parts.settings.cluster} beside ${former}, then remove ${former}.`;
  return Promise.resolve({ status: 'FAILED', reason });
}

/**
 * The cluster's name before an update that changes it, which nobody here has the rights to follow: the nodes of the old
 * name would be left. Null: it is the same.
 */
function formerName({ settings }: Parts, { type, physicalResourceId }: StackRequest): string | null {
  const named = type === 'Update' ? namedBy(physicalResourceId) : null;
  return named === null || named.cluster === settings.cluster ? null : named.cluster;
}

/** One that changes would make CloudFormation delete the old one, and its nodes. */
function idOf(parts: Parts, request: StackRequest): string {
  const { type, physicalResourceId, epoch, contents, requirements } = request;
  const { settings } = parts;
  if (requirements !== null) return physicalResourceId ?? `instance types of ${settings.cluster}`;
  // Of a bucket: a new one's name makes CloudFormation delete the contents of the old one.
  if (contents !== null) return type === 'Delete' ? (physicalResourceId ?? contents.bucket) : contents.bucket;
  const id = epoch === null ? null : physicalId({ cluster: settings.cluster, epoch });
  const stays = type === 'Delete' || formerName(parts, request) !== null;
  return (stays ? physicalResourceId : (id ?? physicalResourceId)) ?? id ?? `synkti/${settings.cluster}`;
}

async function launch(parts: Parts, { epoch }: StackRequest, context: LambdaContext): Promise<StackAnswer> {
  const start = parts.clock();
  const options = {
    untilMs: earliest(after(start.nowMs, SEED_MS), endOf(context, start)),
    mendMs: MEND_MS,
    launcher: 'seeder',
  } as const;
  const seen = await play(parts, lookPatiently(clusterOf(parts), options, start));
  if (!seen.ok) {
    return { status: 'FAILED', reason: `The spec can't be read: ${seen.error.code}: ${seen.error.message}` };
  }
  const { spec } = seen;
  if (spec.epoch !== epoch) {
    return {
      status: 'FAILED',
      reason: `The property Epoch must be the spec's, ${spec.epoch}, not ${epoch ?? 'missing'}.`,
    };
  }
  const { filled } = await play(parts, seed(seen, options, parts.clock()));
  countErrand(parts.telemetry, assess({ carriedOut: 0, failures: [], filled }));
  parts.telemetry.log('info', 'seeded', { desired: spec.desired, filled });
  return answerOfSeeding(filled, spec.desired - filled.length);
}

async function remove(parts: Parts, request: StackRequest, context: LambdaContext): Promise<StackAnswer> {
  const start = parts.clock();
  const named = namedBy(request.physicalResourceId);
  const own = clusterOf(parts);
  // The id names another cluster when this one was renamed in place.
  const cluster = named === null || named.cluster === own.name ? own : otherCluster(named.cluster);
  const seen = await play(parts, lookAround(cluster));
  const spec = seen.ok ? seen.spec : null;
  const epoch = spec?.epoch ?? named?.epoch ?? request.epoch;
  if (epoch === null) return { status: 'FAILED', reason: "The spec is gone, and the request doesn't tell the epoch." };
  const removed = await play(parts, removeAll({ ...cluster, epoch }, spec, endOf(context, start), start));
  return answerOfRemoval(removed);
}

/** Contents come by themselves. */
async function tendContents(
  parts: Parts,
  { type }: StackRequest,
  { bucket, empty }: Contents,
  context: LambdaContext,
): Promise<StackAnswer> {
  if (type !== 'Delete') return { status: 'SUCCESS', reason: 'There is nothing to do.' };
  if (!empty) return { status: 'SUCCESS', reason: 'The bucket stays as it is.' };
  const start = parts.clock();
  return answerOfEmptying(await play(parts, emptyBucket(bucket, endOf(context, start), start)));
}

async function chooseTypes(
  parts: Parts,
  { type }: StackRequest,
  requirements: string,
  context: LambdaContext,
): Promise<StackAnswer> {
  if (type === 'Delete') return { status: 'SUCCESS', reason: 'There is nothing to do.' };
  const wish = readInstanceWish(requirements);
  if (!wish.ok) return { status: 'FAILED', reason: wish.problem };
  const start = parts.clock();
  const options = { untilMs: earliest(after(start.nowMs, SEED_MS), endOf(context, start)), mendMs: MEND_MS };
  return answerOfTypes(await play(parts, resolveTypes(wish.value, options, start)));
}

const clusterOf = ({ settings }: Parts) => ({ name: settings.cluster, parameter: settings.specParameter });
const otherCluster = (name: string) => ({ name, parameter: specParameterName(name) });
const endOf = (context: LambdaContext, ctx: Context) => budgetEnd(context, ctx, ANSWER_MS);

export const handler = host('seeder', createSeederHandler);
