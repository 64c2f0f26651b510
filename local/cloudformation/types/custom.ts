/**
 * Custom resources: their function is called as CloudFormation calls it, and its answer awaited at a loopback URL. A
 * function that fails without an answer fails the resource at once; AWS would wait for the time-out.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { DeployError } from '../errors.js';
import { type Call, type Handler, type Host, type Made, nameFor, type Standing } from '../handler.js';
import { isList, isObject, type Json, type JsonObject } from '../json.js';

const answer = z.looseObject({
  Status: z.enum(['SUCCESS', 'FAILED']),
  Reason: z.string().optional(),
  PhysicalResourceId: z.string().min(1).max(1024).optional(),
  Data: z.record(z.string(), z.json()).optional(),
});

/** CloudFormation's own default and limit. */
const TIMEOUT_S = 3600;
/** An answer is sent before the function returns; this is for the network between. */
const AFTER_RETURN_MS = 5_000;
/** What a function still does after its answer. */
const AFTER_ANSWER_MS = 3_000;

interface Request {
  readonly type: 'Create' | 'Update' | 'Delete';
  readonly logicalId: string;
  readonly resourceType: string;
  readonly properties: JsonObject;
  readonly former?: JsonObject;
  readonly physicalId?: string;
}

/** CloudFormation hands everything on as text. */
function asTexts(value: Json): Json {
  if (isList(value)) return value.map(asTexts);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, asTexts(one)]));
  return String(value);
}

function propertiesOf(all: JsonObject): JsonObject {
  const { ServiceTimeout, ...rest } = all;
  return asTexts(rest) as JsonObject;
}

async function ask(host: Host, request: Request): Promise<z.output<typeof answer>> {
  const { logicalId, properties, former, physicalId, resourceType, type } = request;
  const token = String(properties.ServiceToken ?? '');
  const fail = (why: string, cause?: unknown): DeployError =>
    new DeployError('RESOURCE', `${logicalId} (${resourceType}): ${type} by its function ${why}`, logicalId, cause);
  if (!/^arn:aws:lambda:/.test(token)) {
    throw new DeployError('UNSUPPORTED', `${logicalId}: its ServiceToken ${token} is no Lambda function.`, logicalId);
  }
  const seconds = Math.min(Number(properties.ServiceTimeout ?? TIMEOUT_S), TIMEOUT_S);
  const expected = await host.responses.expect(seconds * 1000);
  const payload = {
    RequestType: type,
    ServiceToken: token,
    ResponseURL: expected.url,
    StackId: host.stack.id,
    RequestId: randomUUID(),
    ResourceType: resourceType,
    LogicalResourceId: logicalId,
    ...(physicalId === undefined ? {} : { PhysicalResourceId: physicalId }),
    ResourceProperties: propertiesOf(properties),
    ...(former === undefined ? {} : { OldResourceProperties: propertiesOf(former) }),
  };
  let timer: NodeJS.Timeout | undefined;
  const invoked = host.cloud.functions.invoke(token, JSON.stringify(payload));
  const failed = invoked.then(async (outcome): Promise<never> => {
    if (!outcome.ok) throw fail(`failed without an answer: ${outcome.error.errorType}: ${outcome.error.errorMessage}`);
    await new Promise((resolve) => {
      timer = setTimeout(resolve, AFTER_RETURN_MS);
    });
    throw fail('returned without an answer.');
  });
  failed.catch(() => {});
  try {
    const checked = answer.safeParse(await Promise.race([expected.answer, failed]));
    if (!checked.success) throw fail(`gave an answer that isn't right: ${checked.error.issues[0]?.message}.`);
    // It may be deleted next, and shouldn't be cut off on its last step.
    await settledWithin(invoked, AFTER_ANSWER_MS);
    return checked.data;
  } catch (error) {
    throw error instanceof DeployError
      ? error
      : fail(error instanceof Error ? `failed: ${error.message}.` : 'failed.', error);
  } finally {
    clearTimeout(timer);
    expected.cancel();
  }
}

async function settledWithin(promise: Promise<unknown>, withinMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, withinMs);
  });
  await Promise.race([promise.then(() => {}).catch(() => {}), late]);
  clearTimeout(timer);
}

function succeeded(request: Request, given: z.output<typeof answer>): void {
  if (given.Status === 'SUCCESS') return;
  throw new DeployError(
    'RESOURCE',
    `${request.logicalId} (${request.resourceType}): ${request.type} by its function failed: ${given.Reason ?? 'it gave no reason'}`,
    request.logicalId,
  );
}

const madeOf = (given: z.output<typeof answer>, physicalId: string): Made => ({
  physicalId: given.PhysicalResourceId ?? physicalId,
  attributes: given.Data ?? {},
});

const requestOf = (
  type: Request['type'],
  { logicalId, type: resourceType, props }: Call,
  before?: Standing,
): Request => ({
  type,
  logicalId,
  resourceType,
  properties: props.all,
  ...(before === undefined ? {} : { former: before.properties, physicalId: before.physicalId }),
});

export const customResource: Handler = {
  immutable: ['ServiceToken'],

  create: async (call) => {
    const request = requestOf('Create', call);
    const given = await ask(call.host, request);
    const made = madeOf(given, nameFor(call, { maxLength: 128 }));
    try {
      succeeded(request, given);
    } catch (error) {
      // A creation that failed may have made something; CloudFormation has it deleted, too.
      await ask(call.host, { ...request, type: 'Delete', physicalId: made.physicalId }).catch(() => {});
      throw error;
    }
    return made;
  },

  update: async (call, before) => {
    const request = requestOf('Update', call, before);
    const given = await ask(call.host, request);
    succeeded(request, given);
    return madeOf(given, before.physicalId);
  },

  remove: async ({ logicalId, type: resourceType, properties, physicalId }, host) => {
    const request: Request = { type: 'Delete', logicalId, resourceType, properties, physicalId };
    succeeded(request, await ask(host, request));
  },
};
