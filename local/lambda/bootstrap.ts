/**
 * What a function's process runs: Lambda's runtime interface for Node.js, as far as handlers see it. It imports the
 * handler, then takes one invocation after the other over the Runtime API. Written to a file when a function starts.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
export const BOOTSTRAP = `
import { request } from 'node:http';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const env = process.env;
const [host, ...prefix] = env.AWS_LAMBDA_RUNTIME_API.split('/');
const [hostname, port] = host.split(':');
const base = ['', ...prefix, '2018-06-01', 'runtime'].join('/');

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path: base + path, agent: false }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => resolve({ headers: answer.headers, body: Buffer.concat(parts).toString('utf8') }));
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : body);
  });
}

function described(error) {
  const real = error instanceof Error;
  return JSON.stringify({
    errorType: real ? error.name || 'Error' : 'string',
    errorMessage: real ? String(error.message) : String(error),
    trace: real && typeof error.stack === 'string' ? error.stack.split('\\n') : [],
  });
}

async function load() {
  const dot = env._HANDLER.lastIndexOf('.');
  const file = env._HANDLER.slice(0, dot);
  const name = env._HANDLER.slice(dot + 1);
  const root = join(env.LAMBDA_TASK_ROOT, file);
  const path = ['.js', '.mjs', '.cjs'].map((end) => root + end).find((one) => existsSync(one));
  if (path === undefined) throw Object.assign(new Error("Cannot find module '" + file + "'"), { name: 'Runtime.ImportModuleError' });
  const loaded = await import(pathToFileURL(path).href);
  const handler = loaded[name] ?? loaded.default?.[name];
  if (typeof handler !== 'function') {
    throw Object.assign(new Error(env._HANDLER + ' is undefined or not exported'), { name: 'Runtime.HandlerNotFound' });
  }
  return handler;
}

function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    const callback = (error, value) => (error === null || error === undefined ? resolve(value) : reject(error));
    Object.assign(context, { done: callback, succeed: (value) => callback(null, value), fail: (error) => callback(error ?? new Error('failed')) });
    const result = handler(event, context, callback);
    if (result !== null && typeof result === 'object' && typeof result.then === 'function') result.then(resolve, reject);
    // A handler without a callback that isn't async has given its answer.
    else if (handler.length < 3) resolve(result);
  });
}

let current = null;
const fatal = (error) => {
  process.stderr.write('Uncaught: ' + (error?.stack ?? String(error)) + '\\n');
  const path = current === null ? '/init/error' : '/invocation/' + current + '/error';
  call('POST', path, described(error)).finally(() => process.exit(128));
};
process.on('uncaughtException', fatal);
process.on('unhandledRejection', fatal);

const handler = await load();
for (;;) {
  const { headers, body } = await call('GET', '/invocation/next');
  const id = headers['lambda-runtime-aws-request-id'];
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  current = id;
  env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'] ?? '';
  const context = {
    awsRequestId: id,
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
  let answer;
  let failure = null;
  try {
    answer = JSON.stringify(await run(handler, JSON.parse(body), context)) ?? 'null';
  } catch (error) {
    process.stderr.write('Invoke Error ' + (error?.stack ?? String(error)) + '\\n');
    failure = described(error);
  }
  if (failure === null) await call('POST', '/invocation/' + id + '/response', answer);
  else await call('POST', '/invocation/' + id + '/error', failure);
  current = null;
}
`;
