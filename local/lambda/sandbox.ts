import { type ChildProcess, spawn } from 'node:child_process';
import type { ServerResponse } from 'node:http';
import type { LogFile } from '../machines/log-file.js';
import { signal } from '../machines/processes.js';
import type { RuntimeApi } from './runtime-api.js';

/** What became of an invocation: JSON of the answer, or the error as Lambda reports it. */
export type Invoked =
  | { readonly ok: true; readonly payload: string }
  | { readonly ok: false; readonly error: FunctionError };

export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

export interface Invocation {
  readonly requestId: string;
  readonly functionArn: string;
  /** JSON. */
  readonly payload: string;
  readonly timeoutMs: number;
}

export interface SandboxOptions {
  readonly api: RuntimeApi;
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly log: LogFile;
  /** Default 10,000, as Lambda gives; a laptop under load is slower, so it is not cut shorter. */
  readonly initMs: number;
  readonly onGroup: (pid: number) => void;
  readonly onEnded: () => void;
}

interface Pending {
  readonly invocation: Invocation;
  readonly resolve: (outcome: Invoked) => void;
}

/** One execution environment: a process that takes one invocation at a time, and stays for the next. */
export class Sandbox {
  readonly #options: SandboxOptions;
  readonly #child: ChildProcess;
  readonly #dismiss: () => void;
  #asking: ServerResponse | null = null;
  #pending: Pending | null = null;
  #reserved = false;
  #delivered = false;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: SandboxOptions) {
    this.#options = options;
    const { address, dismiss } = options.api.admit({
      next: (answer) => this.#next(answer),
      response: (requestId, payload) => this.#answered(requestId, { ok: true, payload }),
      failure: (requestId, error) => this.#answered(requestId, { ok: false, error: errorOf(error) }),
      initFailure: (error) => this.#settle({ ok: false, error: errorOf(error) }),
    });
    this.#dismiss = dismiss;
    const [program = '', ...args] = options.command;
    this.#child = spawn(program, args, {
      cwd: options.directory,
      env: { ...options.environment, AWS_LAMBDA_RUNTIME_API: address },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (data: Buffer) => options.log.write(data));
    this.#child.stderr?.on('data', (data: Buffer) => options.log.write(data));
    this.#child.once('error', (error) => this.#exited(error.message));
    this.#child.once('exit', (code, name) =>
      this.#exited(name === null ? `exit status ${code}` : `signal: ${name.toLowerCase()}`),
    );
    if (this.#child.pid !== undefined) options.onGroup(this.#child.pid);
    this.#timer = setTimeout(() => this.#late('Sandbox.InitTimedout', options.initMs), options.initMs);
  }

  get isAlive(): boolean {
    return !this.#ended;
  }

  get isBusy(): boolean {
    return this.#reserved;
  }

  /** It is somebody's from now until its next `run` ends. */
  reserve(): this {
    this.#reserved = true;
    return this;
  }

  /** One at a time. */
  run(invocation: Invocation): Promise<Invoked> {
    return new Promise((resolve) => {
      this.#pending = { invocation, resolve };
      this.#delivered = false;
      if (this.#ended) this.#settle({ ok: false, error: exitError(invocation, 'exit status 1') });
      else this.#deliver();
    });
  }

  kill(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#dismiss();
    if (this.#child.pid !== undefined) signal(-this.#child.pid, 'SIGKILL');
  }

  #next(answer: ServerResponse): void {
    if (this.#asking === null) clearTimeout(this.#timer);
    this.#asking = answer;
    this.#deliver();
  }

  #deliver(): void {
    if (this.#asking === null || this.#pending === null || this.#delivered) return;
    const { requestId, functionArn, payload, timeoutMs } = this.#pending.invocation;
    const answer = this.#asking;
    this.#asking = null;
    this.#delivered = true;
    answer.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': requestId,
      'lambda-runtime-deadline-ms': String(Math.round(Date.now() + timeoutMs)),
      'lambda-runtime-invoked-function-arn': functionArn,
      'lambda-runtime-trace-id': `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${requestId.replaceAll('-', '').slice(0, 24)}`,
    });
    answer.end(payload);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#late('Sandbox.Timedout', timeoutMs), timeoutMs);
  }

  #answered(requestId: string, outcome: Invoked): void {
    if (this.#pending?.invocation.requestId === requestId) this.#settle(outcome);
  }

  /** Lambda kills what doesn't answer in time. */
  #late(errorType: string, afterMs: number): void {
    const id = this.#pending?.invocation.requestId ?? 'init';
    const errorMessage = `${new Date().toISOString()} ${id} Task timed out after ${(afterMs / 1000).toFixed(2)} seconds`;
    this.#options.log.write(`${errorMessage}\n`);
    this.kill();
    this.#settle({ ok: false, error: { errorType, errorMessage } });
    this.#options.onEnded();
  }

  #exited(how: string): void {
    if (this.#ended) {
      this.#settle({ ok: false, error: { errorType: 'Runtime.ExitError', errorMessage: `Runtime was ended: ${how}` } });
      return;
    }
    this.kill();
    const pending = this.#pending;
    if (pending !== null) this.#settle({ ok: false, error: exitError(pending.invocation, how) });
    this.#options.onEnded();
  }

  #settle(outcome: Invoked): void {
    const pending = this.#pending;
    if (pending === null) return;
    clearTimeout(this.#timer);
    this.#pending = null;
    this.#reserved = false;
    pending.resolve(outcome);
  }
}

const exitError = ({ requestId }: Invocation, how: string): FunctionError => ({
  errorType: 'Runtime.ExitError',
  errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: ${how}`,
});

/** What a process tells of its error; it is the user's own code, so anything may come. */
function errorOf(text: string): FunctionError {
  try {
    const { errorType, errorMessage, trace } = JSON.parse(text) as Record<string, unknown>;
    return {
      errorType: String(errorType ?? 'Error').slice(0, 200),
      errorMessage: String(errorMessage ?? '').slice(0, 10_000),
      ...(Array.isArray(trace) ? { trace: trace.slice(0, 50).map(String) } : {}),
    };
  } catch {
    return { errorType: 'Runtime.Unknown', errorMessage: text.slice(0, 1_000) };
  }
}
