import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { WallMs } from '../../core/time.js';
import { unzip } from '../cloudformation/zip.js';
import { LogFile } from '../machines/log-file.js';
import { MACHINE_MARK } from '../machines/machines.js';
import { killAll } from '../machines/processes.js';
import { type Reaper, startReaper } from '../machines/reaper.js';
import type { RunDir } from '../machines/run-dir.js';
import { AwsError } from '../wire/error.js';
import { BOOTSTRAP } from './bootstrap.js';
import { RuntimeApi } from './runtime-api.js';
import { type FunctionError, type Invoked, Sandbox } from './sandbox.js';

export interface FunctionConfig {
  readonly name: string;
  /** A directory or a zip, one of the two. */
  readonly codeDir?: string;
  readonly codeZip?: Buffer;
  /** `index.handler` */
  readonly handler: string;
  /** `nodejs24.x`; run with the Node.js of this process. */
  readonly runtime: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly memoryMiB: number;
  readonly roleArn: string;
  /** Default `/aws/lambda/<name>`. */
  readonly logGroup?: string;
  /** Default 4, which is also the most. */
  readonly reservedConcurrency?: number;
}

export interface FunctionView extends FunctionConfig {
  readonly arn: string;
}

export interface InvocationEvent {
  readonly name: string;
  readonly requestId: string;
  readonly startedMs: WallMs;
  readonly durationMs: number;
  readonly coldStart: boolean;
  readonly error: FunctionError | null;
}

export interface FunctionsOptions {
  readonly region: string;
  readonly accountId: string;
  readonly runDir: RunDir;
  readonly endpoint: () => string;
  readonly now: () => WallMs;
  readonly newId: () => string;
  /** Credentials of a function's role; the same until they are to be rotated. */
  readonly credentials: (of: { readonly name: string; readonly arn: string; readonly roleArn: string }) => {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly token: string;
  };
  /** Before each invocation: whether the function's role may write its log. */
  readonly asksForLogs: (view: FunctionView) => void;
  readonly onInvoked: (event: InvocationEvent) => void;
}

interface Entry {
  readonly view: FunctionView;
  readonly directory: string;
  readonly log: LogFile;
  /** Idle and busy processes with the key that is in their environment. */
  readonly sandboxes: Map<Sandbox, string>;
  readonly waiting: (() => void)[];
  /** Processes that are about to be started. */
  starting: number;
  deleted: boolean;
}

const MAX_FUNCTIONS = 200;
/** Processes a function: a laptop has few cores. */
const MAX_CONCURRENCY = 4;
/** Invocations that wait for a process; Lambda would throttle instead. */
const MAX_WAITING = 1_000;
const INIT_MS = 20_000;
const MAX_LOG_BYTES = 8 * 1024 * 1024;
const MAX_PAYLOAD = 6 * 1024 * 1024;

/** Lambda: functions as Node.js processes that are kept warm. */
export class Functions {
  readonly #options: FunctionsOptions;
  readonly #entries = new Map<string, Entry>();
  #api: Promise<RuntimeApi> | null = null;
  #bootstrap: Promise<string> | null = null;
  #reaper: Reaper | null = null;
  #closed = false;

  constructor(options: FunctionsOptions) {
    this.#options = options;
  }

  /** Creates, or replaces code and configuration. @throws AwsError for what can't run here. */
  async create(config: FunctionConfig): Promise<FunctionView> {
    const { region, accountId, runDir } = this.#options;
    const { name } = config;
    if (!/^[\w-]{1,140}$/.test(name)) throw invalid(`'${name.slice(0, 150)}' is no function name`);
    if (!/^nodejs\d+\.x$/.test(config.runtime)) {
      throw invalid(`The local cloud runs functions of Node.js only; ${name} has the runtime ${config.runtime}`);
    }
    if (!/^[\w./-]+\.\w+$/.test(config.handler)) throw invalid(`'${config.handler}' is no handler of ${name}`);
    if (!(config.timeoutMs > 0 && config.timeoutMs <= 900_000)) throw invalid(`The time-out of ${name} is not valid`);
    const known = this.#entries.get(name);
    if (known === undefined && this.#entries.size >= MAX_FUNCTIONS)
      throw invalid(`More than ${MAX_FUNCTIONS} functions`);
    const home = join(runDir.path, 'lambda', name);
    await mkdir(home, { recursive: true });
    const directory = await codeDirectory(config, join(home, `code-${this.#options.newId()}`));
    if (known !== undefined) this.delete(name);
    const view: FunctionView = { ...config, arn: `arn:aws:lambda:${region}:${accountId}:function:${name}` };
    this.#entries.set(name, {
      view,
      directory,
      log: new LogFile(join(runDir.path, 'lambda', `${name}.log`), MAX_LOG_BYTES),
      sandboxes: new Map(),
      waiting: [],
      starting: 0,
      deleted: false,
    });
    return view;
  }

  /** One that isn't there is fine. Invocations under way are cut off. */
  delete(nameOrArn: string): void {
    const name = nameOf(nameOrArn);
    const entry = this.#entries.get(name);
    this.#entries.delete(name);
    if (entry !== undefined) retire(entry);
  }

  /** By name, ARN or ARN with a version; null when there is none. */
  find(nameOrArn: string): FunctionView | null {
    return this.#entries.get(nameOf(nameOrArn))?.view ?? null;
  }

  list(): FunctionView[] {
    return [...this.#entries.values()].map(({ view }) => view);
  }

  /** Waits for the answer. `payload`: JSON. @throws AwsError `ResourceNotFoundException`, `TooManyRequestsException` */
  async invoke(nameOrArn: string, payload: string, requestId = this.#options.newId()): Promise<Invoked> {
    const entry = this.#entries.get(nameOf(nameOrArn));
    if (entry === undefined || this.#closed) {
      throw new AwsError('ResourceNotFoundException', `Function not found: ${nameOrArn.slice(0, 200)}`, 404);
    }
    if (Buffer.byteLength(payload) > MAX_PAYLOAD) {
      throw new AwsError('RequestTooLargeException', `An invocation has at most ${MAX_PAYLOAD} bytes`, 413);
    }
    const { view, log } = entry;
    const { sandbox, coldStart } = await this.#acquire(entry);
    this.#options.asksForLogs(view);
    const startedMs = this.#options.now();
    const start = performance.now();
    log.write(`START RequestId: ${requestId} Version: $LATEST\n`);
    const outcome = await sandbox.run({ requestId, functionArn: view.arn, payload, timeoutMs: view.timeoutMs });
    const durationMs = performance.now() - start;
    log.write(`END RequestId: ${requestId}\nREPORT RequestId: ${requestId}\tDuration: ${durationMs.toFixed(2)} ms\n`);
    if (!sandbox.isAlive) entry.sandboxes.delete(sandbox);
    entry.waiting.shift()?.();
    this.#options.onInvoked({
      name: view.name,
      requestId,
      startedMs,
      durationMs,
      coldStart,
      error: outcome.ok ? null : outcome.error,
    });
    return outcome;
  }

  /** Ends every process. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.#entries.values()) retire(entry);
    this.#entries.clear();
    if (this.#reaper === null) return;
    await killAll({ environment: `${MACHINE_MARK}=${this.#mark()}` });
    await this.#reaper.dismiss();
    await (await this.#api)?.close();
  }

  /** A warm process, a new one, or one that becomes free. */
  async #acquire(entry: Entry): Promise<{ sandbox: Sandbox; coldStart: boolean }> {
    const { view, sandboxes, waiting } = entry;
    const limit = Math.min(Math.max(view.reservedConcurrency ?? MAX_CONCURRENCY, 0), MAX_CONCURRENCY);
    if (limit === 0 || waiting.length >= MAX_WAITING) throw throttled();
    for (;;) {
      if (entry.deleted) throw new AwsError('ResourceNotFoundException', `Function not found: ${view.arn}`, 404);
      const credentials = this.#options.credentials(view);
      for (const [sandbox, key] of sandboxes) {
        if (sandbox.isBusy) continue;
        if (sandbox.isAlive && key === credentials.accessKeyId) {
          return { sandbox: sandbox.reserve(), coldStart: false };
        }
        // Its credentials are about to expire.
        sandbox.kill();
        sandboxes.delete(sandbox);
      }
      if (sandboxes.size + entry.starting < limit) {
        entry.starting++;
        try {
          return { sandbox: await this.#start(entry, credentials), coldStart: true };
        } finally {
          entry.starting--;
        }
      }
      await new Promise<void>((free) => waiting.push(free));
    }
  }

  async #start(entry: Entry, credentials: ReturnType<FunctionsOptions['credentials']>): Promise<Sandbox> {
    const { view, directory, log, sandboxes } = entry;
    const { runDir, region, endpoint, newId } = this.#options;
    this.#api ??= RuntimeApi.start();
    this.#bootstrap ??= writeBootstrap(join(runDir.path, 'lambda'));
    const [api, bootstrap] = [await this.#api, await this.#bootstrap];
    if (this.#closed || entry.deleted) throw new AwsError('ResourceNotFoundException', 'Function not found', 404);
    this.#reaper ??= startReaper({ markName: MACHINE_MARK, runId: runDir.runId, runDir: runDir.path });
    const logGroup = view.logGroup ?? `/aws/lambda/${view.name}`;
    const home = join(runDir.path, 'lambda', view.name);
    const sandbox = new Sandbox({
      api,
      command: [process.execPath, `--max-old-space-size=${Math.max(Math.floor(view.memoryMiB * 0.9), 64)}`, bootstrap],
      directory: home,
      log,
      initMs: INIT_MS,
      environment: {
        PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
        HOME: home,
        TMPDIR: home,
        TZ: ':UTC',
        LANG: 'en_US.UTF-8',
        ...view.environment,
        _HANDLER: view.handler,
        LAMBDA_TASK_ROOT: directory,
        AWS_EXECUTION_ENV: `AWS_Lambda_${view.runtime}`,
        AWS_LAMBDA_FUNCTION_NAME: view.name,
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(view.memoryMiB),
        AWS_LAMBDA_LOG_GROUP_NAME: logGroup,
        AWS_LAMBDA_LOG_STREAM_NAME: `[$LATEST]${newId().replaceAll('-', '')}`,
        AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
        AWS_REGION: region,
        AWS_DEFAULT_REGION: region,
        AWS_ENDPOINT_URL: endpoint(),
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_SESSION_TOKEN: credentials.token,
        AWS_EC2_METADATA_DISABLED: 'true',
        [MACHINE_MARK]: this.#mark(),
      },
      onGroup: (pid) => this.#reaper?.watchGroup(pid),
      onEnded: () => {
        sandboxes.delete(sandbox);
        entry.waiting.shift()?.();
      },
    });
    // Before anybody else can see it.
    sandboxes.set(sandbox.reserve(), credentials.accessKeyId);
    return sandbox;
  }

  #mark(): string {
    return `${this.#options.runDir.runId}/lambda`;
  }
}

/** Name of `arn:aws:lambda:region:account:function:name[:version]`, or the name itself. */
export const nameOf = (nameOrArn: string): string =>
  /^arn:aws:lambda:[^:]*:[^:]*:function:([^:]+)/.exec(nameOrArn)?.[1] ?? nameOrArn.split(':')[0] ?? nameOrArn;

const invalid = (why: string): AwsError => new AwsError('InvalidParameterValueException', why);

const throttled = (): AwsError => new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429);

function retire(entry: Entry): void {
  entry.deleted = true;
  for (const sandbox of entry.sandboxes.keys()) sandbox.kill();
  for (const free of entry.waiting.splice(0)) free();
  entry.log.close();
}

async function codeDirectory(config: FunctionConfig, unpackTo: string): Promise<string> {
  if (config.codeDir !== undefined) return resolve(config.codeDir);
  if (config.codeZip === undefined) throw invalid(`The function ${config.name} has no code`);
  for (const { path: name, bytes } of unzip(config.codeZip)) {
    const path = join(unpackTo, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
  return unpackTo;
}

async function writeBootstrap(directory: string): Promise<string> {
  const path = join(directory, 'bootstrap.mjs');
  await writeFile(path, BOOTSTRAP);
  return path;
}
