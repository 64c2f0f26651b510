import { randomUUID } from 'node:crypto';
import { AwsError } from '../wire/error.js';
import type { Service, WireRequest, WireResponse } from '../wire/service.js';
import type { AsyncInvoker } from './async.js';
import { type Functions, type FunctionView, nameOf } from './functions.js';

export interface LambdaHost {
  readonly functions: Functions;
  readonly async: AsyncInvoker;
}

interface Call {
  readonly action: 'Invoke' | 'GetFunction' | 'GetFunctionConfiguration' | 'ListFunctions';
  readonly name: string;
}

/** Lambda's REST API: invocations, and looks at functions. They are created by a deployment, not over the wire. */
export function lambdaService({ functions, async }: LambdaHost): Service {
  const find = (name: string): FunctionView => {
    const view = functions.find(name);
    if (view === null) {
      throw new AwsError('ResourceNotFoundException', `Function not found: ${name.slice(0, 200)}`, 404);
    }
    return view;
  };
  return {
    name: 'lambda',
    error: lambdaError,
    actionOf: (request) => callOf(request)?.action ?? null,
    handle: async (request) => {
      const call = callOf(request);
      switch (call?.action) {
        case undefined:
          throw new AwsError(
            'UnknownOperationException',
            `The local cloud's Lambda has no ${request.method} ${request.path.slice(0, 100)}`,
            404,
          );
        case 'Invoke':
          return invoke(find(call.name), request);
        case 'GetFunction':
          return answer(200, { Configuration: configuration(find(call.name)), Tags: {} });
        case 'GetFunctionConfiguration':
          return answer(200, configuration(find(call.name)));
        case 'ListFunctions':
          return answer(200, { Functions: functions.list().map(configuration) });
      }
    },
  };

  async function invoke(view: FunctionView, request: WireRequest): Promise<WireResponse> {
    const payload = request.body.length === 0 ? 'null' : request.body.toString('utf8');
    try {
      JSON.parse(payload);
    } catch {
      throw new AwsError('InvalidRequestContentException', 'Could not parse request body into json');
    }
    switch (request.headers['x-amz-invocation-type'] ?? 'RequestResponse') {
      case 'DryRun':
        return { status: 204 };
      case 'Event':
        async.invoke(view.name, payload);
        return { status: 202, headers: { 'x-amzn-requestid': randomUUID() } };
      case 'RequestResponse': {
        const outcome = await functions.invoke(view.name, payload);
        return {
          status: 200,
          headers: {
            'content-type': 'application/json',
            'x-amzn-requestid': randomUUID(),
            'x-amz-executed-version': '$LATEST',
            ...(outcome.ok ? {} : { 'x-amz-function-error': 'Unhandled' }),
          },
          body: outcome.ok ? outcome.payload : JSON.stringify(outcome.error),
        };
      }
      default:
        throw new AwsError('InvalidParameterValueException', 'The invocation type is not valid');
    }
  }
}

function callOf({ method, path }: WireRequest): Call | null {
  const match = /^\/\d{4}-\d{2}-\d{2}\/functions(?:\/([^/]+)(?:\/(invocations|configuration))?)?\/?$/.exec(path);
  if (match === null) return null;
  let name: string;
  try {
    name = nameOf(decodeURIComponent(match[1] ?? ''));
  } catch {
    return null;
  }
  if (match[2] === 'invocations') return method === 'POST' ? { action: 'Invoke', name } : null;
  if (method !== 'GET') return null;
  if (name === '') return { action: 'ListFunctions', name };
  return { action: match[2] === 'configuration' ? 'GetFunctionConfiguration' : 'GetFunction', name };
}

const configuration = (view: FunctionView): object => ({
  FunctionName: view.name,
  FunctionArn: view.arn,
  Runtime: view.runtime,
  Role: view.roleArn,
  Handler: view.handler,
  Timeout: Math.ceil(view.timeoutMs / 1000),
  MemorySize: view.memoryMiB,
  Version: '$LATEST',
  PackageType: 'Zip',
  State: 'Active',
  LastUpdateStatus: 'Successful',
  Environment: { Variables: view.environment },
});

function lambdaError(status: number, code: string, message: string): WireResponse {
  const { status: _, ...rest } = answer(status, {
    Type: status >= 500 ? 'Service' : 'User',
    message,
    Message: message,
  });
  return { status, ...rest, headers: { ...rest.headers, 'x-amzn-errortype': code } };
}

const answer = (status: number, value: object): WireResponse => ({
  status,
  headers: { 'content-type': 'application/json', 'x-amzn-requestid': randomUUID() },
  body: JSON.stringify(value),
});
