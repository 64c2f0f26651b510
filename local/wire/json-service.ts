import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { AwsError } from './error.js';
import type { Service, WireRequest, WireResponse } from './service.js';

/** One action of a JSON service: checks its input, then acts. */
export interface JsonAction {
  run(input: unknown, request: WireRequest): object | Promise<object>;
}

/** Binds an action to the schema of its input; make the schema strict, so that unknown members are refused. */
export function jsonAction<S extends z.ZodType>(
  schema: S,
  act: (input: z.output<S>, request: WireRequest) => object | Promise<object>,
): JsonAction {
  return {
    run: (input, request) => {
      const checked = schema.safeParse(input);
      if (!checked.success) {
        const issue = checked.error.issues[0];
        const where = issue?.path.join('.') ?? '';
        throw new AwsError(
          'ValidationException',
          `${where === '' ? 'The input' : `Parameter ${where}`} is not valid or not supported by the local cloud: ${issue?.message ?? 'unknown'}`,
        );
      }
      return act(checked.data, request);
    },
  };
}

/**
 * A service of awsJson1_1, or awsJson1_0, which differ by name alone: the action is in `X-Amz-Target: <prefix>.<Action>`,
 * input and output are JSON.
 */
export function jsonService(options: {
  readonly name: string;
  readonly targetPrefix: string;
  readonly actions: ReadonlyMap<string, JsonAction>;
}): Service {
  const targetOf = (request: WireRequest): string | null => {
    const [prefix, action, ...rest] = (request.headers['x-amz-target'] ?? '').split('.');
    return prefix === options.targetPrefix && action !== undefined && rest.length === 0 ? action : null;
  };
  return {
    name: options.name,
    error: jsonError,
    actionOf: (request) => {
      const action = targetOf(request);
      return action !== null && options.actions.has(action) ? action : null;
    },
    handle: async (request) => {
      const run = options.actions.get(targetOf(request) ?? '');
      if (run === undefined) {
        throw new AwsError(
          'UnknownOperationException',
          `The local cloud has no operation '${(request.headers['x-amz-target'] ?? '').slice(0, 100)}'`,
        );
      }
      let input: unknown;
      try {
        input = request.body.length === 0 ? {} : JSON.parse(request.body.toString('utf8'));
      } catch {
        throw new AwsError('SerializationException', 'The body is not JSON');
      }
      return jsonResponse(200, await run.run(input, request));
    },
  };
}

/** Also serves where no service is known yet. */
export function jsonError(status: number, code: string, message: string): WireResponse {
  return jsonResponse(status, { __type: code, message, Message: message });
}

function jsonResponse(status: number, value: object): WireResponse {
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() },
    body: JSON.stringify(value),
  };
}
