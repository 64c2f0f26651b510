/**
 * AWS Fault Injection Service: a template with one action, an experiment from it, and how that stands. Its calls are few and
 * plain, so they are signed here, with the session's own credentials.
 *
 * @see https://docs.aws.amazon.com/fis/latest/APIReference/
 */
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { rememberCall } from '../../../../aws/failed-call.js';
import type { Session } from '../../../aws/session.js';

/** FIS interrupts so many named spot instances in a target at most. */
export const MAX_TARGETS = 5;

export interface Experiment {
  readonly id: string;
  /** pending, initiating, running, completed, stopping, stopped, failed, cancelled. */
  readonly status: string;
  readonly reason: string | null;
}

export interface Interruptions {
  readonly cluster: string;
  readonly instanceArns: readonly string[];
  readonly roleArn: string;
  /** CloudWatch alarms that stop it; none: nothing does. */
  readonly alarmArns: readonly string[];
}

/** @returns the template's id */
export async function createTemplate(session: Session, wish: Interruptions): Promise<string> {
  const { alarmArns } = wish;
  const body = {
    clientToken: randomUUID(),
    description: `synkti drill of ${wish.cluster}`,
    roleArn: wish.roleArn,
    stopConditions:
      alarmArns.length === 0
        ? [{ source: 'none' }]
        : alarmArns.map((value) => ({ source: 'aws:cloudwatch:alarm', value })),
    targets: {
      nodes: { resourceType: 'aws:ec2:spot-instance', resourceArns: wish.instanceArns, selectionMode: 'ALL' },
    },
    actions: {
      interrupt: {
        actionId: 'aws:ec2:send-spot-instance-interruptions',
        // The shortest: the notice comes at once.
        parameters: { durationBeforeInterruption: 'PT2M' },
        targets: { SpotInstances: 'nodes' },
      },
    },
    tags: { 'synkti:cluster': wish.cluster },
  };
  const answer = await call(session, 'CreateExperimentTemplate', 'POST', '/experimentTemplates', body);
  return String(at(answer, 'experimentTemplate').id);
}

export async function startExperiment(session: Session, templateId: string, cluster: string): Promise<Experiment> {
  const body = { clientToken: randomUUID(), experimentTemplateId: templateId, tags: { 'synkti:cluster': cluster } };
  return experimentIn(await call(session, 'StartExperiment', 'POST', '/experiments', body));
}

export const getExperiment = async (session: Session, id: string): Promise<Experiment> =>
  experimentIn(await call(session, 'GetExperiment', 'GET', `/experiments/${id}`));

export const stopExperiment = async (session: Session, id: string): Promise<Experiment> =>
  experimentIn(await call(session, 'StopExperiment', 'DELETE', `/experiments/${id}`));

export const deleteTemplate = async (session: Session, id: string): Promise<void> =>
  void (await call(session, 'DeleteExperimentTemplate', 'DELETE', `/experimentTemplates/${id}`));

type Json = Readonly<Record<string, unknown>>;

const at = (json: Json, key: string): Json => (json[key] ?? {}) as Json;

function experimentIn(answer: Json): Experiment {
  const one = at(answer, 'experiment');
  const { status, reason } = at(one, 'state');
  return { id: String(one.id), status: String(status), reason: typeof reason === 'string' ? reason : null };
}

const TIMEOUT_MS = 20_000;

async function call(session: Session, action: string, method: string, path: string, body?: object): Promise<Json> {
  const input = body ?? {};
  try {
    return await send(session, method, path, body === undefined ? '' : JSON.stringify(body));
  } catch (error) {
    rememberCall(error, { service: 'fis', action, input });
    throw error;
  }
}

async function send(session: Session, method: string, path: string, body: string): Promise<Json> {
  const { region, endpoint } = session;
  const url = new URL(endpoint ?? `https://fis.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`);
  const { credentials } = (await session.client('sts')).config;
  const signer = new SignatureV4({ service: 'fis', region, credentials, sha256: Sha256 });
  const signed = await signer.sign({
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    path,
    headers: { host: url.host, ...(body === '' ? {} : { 'content-type': 'application/json' }) },
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    ...(body === '' ? {} : { body }),
  });
  const { host: _host, ...headers } = signed.headers;
  const response = await fetch(new URL(path, url), {
    method,
    headers,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === '' ? {} : { body }),
  }).catch((error: unknown) => {
    // As the SDK's errors: the cause has the code.
    throw error instanceof Error && error.cause instanceof Error ? error.cause : error;
  });
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as Json;
  const code = response.headers.get('x-amzn-errortype')?.split(':')[0] ?? `Http${response.status}`;
  throw Object.assign(new Error(messageIn(text)), { name: code, $metadata: { httpStatusCode: response.status } });
}

function messageIn(text: string): string {
  try {
    const { message, Message } = JSON.parse(text) as { message?: string; Message?: string };
    return message ?? Message ?? '';
  } catch {
    return text.slice(0, 300);
  }
}

/** What the signer asks for, from Node's own. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.#hash.digest());
  }

  reset(): void {}
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data, 'utf8');
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
