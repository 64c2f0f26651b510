/**
 * AWS Fault Injection Service (REST, JSON), as far as a drill of spot interruptions needs it: templates with that one action
 * on named instances, and experiments. The two minutes that FIS gives are as long here as any notice of this cloud.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AwsError } from '../wire/error.js';
import type { Service, WireRequest, WireResponse } from '../wire/service.js';

export interface FisHost {
  readonly now: () => number;
  /** Of a notice, in ms. */
  readonly noticeMs: number;
  /** Running spot instances. */
  isSpot(instanceId: string): boolean;
  interrupt(instanceId: string): void;
}

const ACTION = 'aws:ec2:send-spot-instance-interruptions';
const RESOURCE = 'aws:ec2:spot-instance';
/** FIS's own limit of named resources in a target. */
const MAX_TARGETS = 5;
const MAX_KEPT = 500;

const tags = z.record(z.string(), z.string()).optional();
const template = z.strictObject({
  clientToken: z.string().min(1),
  description: z.string().min(1).max(512),
  roleArn: z.string().regex(/^arn:[^:]+:iam::\d{12}:role\/.+$/),
  stopConditions: z.array(z.strictObject({ source: z.string(), value: z.string().optional() })).min(1),
  targets: z.record(
    z.string(),
    z.strictObject({
      resourceType: z.literal(RESOURCE),
      resourceArns: z
        .array(z.string().regex(/:instance\/i-[0-9a-f]{8,17}$/))
        .min(1)
        .max(MAX_TARGETS),
      selectionMode: z.literal('ALL'),
    }),
  ),
  actions: z.record(
    z.string(),
    z.strictObject({
      actionId: z.literal(ACTION),
      parameters: z.strictObject({ durationBeforeInterruption: z.literal('PT2M') }),
      targets: z.strictObject({ SpotInstances: z.string() }),
    }),
  ),
  tags,
});
const start = z.strictObject({ clientToken: z.string().min(1), experimentTemplateId: z.string(), tags });

interface Experiment {
  readonly id: string;
  readonly templateId: string;
  readonly startedMs: number;
  readonly failure: string | null;
}

type Call =
  | { readonly action: 'CreateExperimentTemplate' | 'StartExperiment' }
  | { readonly action: 'DeleteExperimentTemplate' | 'GetExperiment' | 'StopExperiment'; readonly id: string };

export function fisService(host: FisHost): Service {
  const templates = new Map<string, z.output<typeof template>>();
  const experiments = new Map<string, Experiment>();
  const found = <T>(map: ReadonlyMap<string, T>, id: string): T => {
    const one = map.get(id);
    if (one === undefined) throw new AwsError('ResourceNotFoundException', `${id.slice(0, 60)} does not exist`, 404);
    return one;
  };
  const shown = ({ id, templateId, startedMs, failure }: Experiment): object => {
    const over = host.now() - startedMs >= host.noticeMs;
    const state = failure !== null ? { status: 'failed', reason: failure } : { status: over ? 'completed' : 'running' };
    return { experiment: { id, experimentTemplateId: templateId, state, startTime: startedMs / 1_000 } };
  };
  const begin = (templateId: string): Experiment => {
    const { targets } = found(templates, templateId);
    const ids = Object.values(targets).flatMap(({ resourceArns }) =>
      resourceArns.map((arn) => arn.split('/').at(-1) ?? ''),
    );
    const stray = ids.find((id) => !host.isSpot(id));
    const failure = stray === undefined ? null : `Target resolution returned empty set: ${stray}`;
    const one = { id: `EXP${randomUUID().slice(0, 13)}`, templateId, startedMs: host.now(), failure };
    if (failure === null) for (const id of ids) host.interrupt(id);
    experiments.set(one.id, one);
    return one;
  };
  return {
    name: 'fis',
    error: fisError,
    actionOf: (request) => callOf(request)?.action ?? null,
    handle: (request) => {
      const call = callOf(request);
      switch (call?.action) {
        case undefined:
          throw new AwsError(
            'UnknownOperationException',
            `There is no ${request.method} ${request.path.slice(0, 100)}`,
            404,
          );
        case 'CreateExperimentTemplate': {
          if (templates.size >= MAX_KEPT)
            throw new AwsError('ServiceQuotaExceededException', 'Too many templates', 402);
          const id = `EXT${randomUUID().slice(0, 13)}`;
          templates.set(id, bodyOf(request, template));
          return answer({ experimentTemplate: { id } });
        }
        case 'DeleteExperimentTemplate':
          found(templates, call.id);
          templates.delete(call.id);
          return answer({ experimentTemplate: { id: call.id } });
        case 'StartExperiment':
          if (experiments.size >= MAX_KEPT)
            throw new AwsError('ServiceQuotaExceededException', 'Too many experiments', 402);
          return answer(shown(begin(bodyOf(request, start).experimentTemplateId)));
        case 'GetExperiment':
          return answer(shown(found(experiments, call.id)));
        case 'StopExperiment':
          // A notice that was given can't be taken back.
          return answer(shown(found(experiments, call.id)));
      }
    },
  };
}

function callOf({ method, path }: WireRequest): Call | null {
  const [, kind, id, ...rest] = path.split('/');
  if (rest.length > 0) return null;
  if (id === undefined) {
    if (method !== 'POST') return null;
    return kind === 'experimentTemplates'
      ? { action: 'CreateExperimentTemplate' }
      : kind === 'experiments'
        ? { action: 'StartExperiment' }
        : null;
  }
  if (kind === 'experimentTemplates') return method === 'DELETE' ? { action: 'DeleteExperimentTemplate', id } : null;
  if (kind !== 'experiments') return null;
  if (method === 'GET') return { action: 'GetExperiment', id };
  return method === 'DELETE' ? { action: 'StopExperiment', id } : null;
}

function bodyOf<S extends z.ZodType>({ body }: WireRequest, schema: S): z.output<S> {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    throw new AwsError('ValidationException', 'The body is not JSON');
  }
  const checked = schema.safeParse(json);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  throw new AwsError('ValidationException', `${issue?.path.join('.')}: ${issue?.message}`);
}

const answer = (value: object): WireResponse => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

const fisError = (status: number, code: string, message: string): WireResponse => ({
  status,
  headers: { 'content-type': 'application/json', 'x-amzn-errortype': code },
  body: JSON.stringify({ message }),
});
