import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { LogFile } from './log-file.js';
import { findProcesses, killAll, type ProcessMark, type ProcessUsage, signal, usageOf } from './processes.js';
import { afterExit, type ProcessEnd, type RestartDecision, type RestartPolicy } from './restart.js';
import { runShell, type ShellResult, type SystemRequest } from './shell.js';

/** What happens to a node's main process. */
export type MachineEvent =
  | { readonly type: 'started'; readonly instanceId: string; readonly pid: number; readonly start: number }
  | {
      readonly type: 'ended';
      readonly instanceId: string;
      readonly end: ProcessEnd;
      /** Why it couldn't be started at all, such as `spawn agent ENOENT`. */
      readonly error: string | null;
      /** Null: the machine is going down and nothing is decided any more. */
      readonly next: RestartDecision | null;
    }
  | { readonly type: 'off'; readonly instanceId: string };

export interface MachineOptions {
  readonly instanceId: string;
  /** Program and arguments; no shell. */
  readonly command: readonly string[];
  /** Whole environment of the process. */
  readonly environment: Readonly<Record<string, string>>;
  /** Working directory, made when it isn't there; holds `agent.log`. */
  readonly directory: string;
  readonly mark: ProcessMark;
  readonly restarts: RestartPolicy;
  readonly maxLogBytes: number;
  readonly onEvent: (event: MachineEvent) => void;
  /** Told of each process group that is started. */
  readonly onGroup: (pid: number) => void;
}

type Power = 'on' | 'going-down' | 'off';

/**
 * One node's processes: a main process that is kept running as systemd would keep a service, and whatever it started.
 * When the main process ends, what it left behind is killed (`KillMode=control-group`).
 */
export class Machine {
  readonly #options: MachineOptions;
  readonly #log: LogFile;
  readonly #startsMs: number[] = [];
  #child: ChildProcess | null = null;
  #exit: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | null = null;
  #power: Power = 'on';
  #stop: { killed: boolean } | null = null;
  #off: Promise<void> | null = null;
  #cpuOfEndedMs = 0;

  /** Starts the main process. @throws the system's error when the directory or log can't be made. */
  constructor(options: MachineOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true });
    this.#log = new LogFile(join(options.directory, 'agent.log'), options.maxLogBytes);
    this.#start();
  }

  /** Null while it isn't running. */
  get mainPid(): number | null {
    return this.#child?.pid ?? null;
  }

  get isOff(): boolean {
    return this.#power === 'off';
  }

  /** SIGKILL to the main process only, as a crash would; it is restarted by the rules. False when none runs. */
  killMain(): boolean {
    return this.#child?.pid === undefined ? false : signal(this.#child.pid, 'SIGKILL');
  }

  /**
   * `systemctl stop`: SIGTERM, SIGKILL after `timeoutMs`, and no restart. The machine stays on. False when none runs.
   */
  stopMain(timeoutMs: number): boolean {
    const pid = this.#child?.pid;
    if (pid === undefined || this.#stop !== null) return false;
    const stop = { killed: false };
    this.#stop = stop;
    signal(pid, 'SIGTERM');
    const timer = setTimeout(() => {
      stop.killed = true;
      signal(pid, 'SIGKILL');
    }, timeoutMs);
    void this.#exit.then(() => clearTimeout(timer));
    return true;
  }

  /** A signal to the main process, which is restarted by the rules if it ends of it. False when none runs. */
  signalMain(name: NodeJS.Signals): boolean {
    return this.#child?.pid === undefined ? false : signal(this.#child.pid, name);
  }

  /** A shell on this machine, like a second session. Null when the machine is off. */
  async shell(
    script: string,
    timeoutMs: number,
    onRequest: (request: SystemRequest) => void,
  ): Promise<ShellResult | null> {
    if (this.#power !== 'on') return null;
    const { directory, onGroup } = this.#options;
    // A session of its own: it outlives the main process, but not the machine.
    const [name = '', value = ''] = this.#shellMark().environment.split('=');
    const environment = { ...this.#options.environment, [name]: value };
    return runShell({ script, directory, environment, mainPid: this.mainPid, timeoutMs, onRequest, onGroup });
  }

  /** An orderly shutdown: SIGTERM to the main process, then power off when it has ended or after `graceMs`. */
  async shutDown(graceMs: number): Promise<void> {
    if (this.#power !== 'on') return this.#off ?? undefined;
    this.#goDown();
    const pid = this.#child?.pid;
    if (pid !== undefined) {
      signal(pid, 'SIGTERM');
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([this.#exit, new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs)))]);
      clearTimeout(timer);
    }
    await this.powerOff();
  }

  /** SIGKILL to everything of this machine, at once. Resolves when nothing is left. */
  powerOff(): Promise<void> {
    this.#off ??= this.#killEverything();
    return this.#off;
  }

  /** Memory now, and processor time as far as it can be known: that of processes which ended unobserved is missing. */
  async usage(): Promise<ProcessUsage> {
    if (this.#power === 'off') return { processes: 0, rssBytes: 0, pssBytes: 0, cpuMs: this.#cpuOfEndedMs };
    const usage = await usageOf(await findProcesses(this.#options.mark, this.#roots()));
    return { ...usage, cpuMs: usage.cpuMs + this.#cpuOfEndedMs };
  }

  #roots(): number[] {
    return this.#child?.pid === undefined ? [] : [this.#child.pid];
  }

  #goDown(): void {
    if (this.#power === 'on') this.#power = 'going-down';
    if (this.#restart !== null) clearTimeout(this.#restart);
    this.#restart = null;
  }

  #start(): void {
    this.#restart = null;
    const { command, environment, directory, instanceId, onEvent, onGroup } = this.#options;
    const [program = '', ...args] = command;
    this.#startsMs.push(performance.now());
    if (this.#startsMs.length > 100) this.#startsMs.shift();
    const child = spawn(program, args, {
      cwd: directory,
      env: { ...environment },
      // Own process group: a Ctrl-C at the terminal is the rehearsal's business, not the nodes'.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stdout?.on('data', (data: Buffer) => this.#log.write(data));
    child.stderr?.on('data', (data: Buffer) => this.#log.write(data));
    child.once('error', (error) => {
      // A process that runs can report errors too (a failed kill); only a failed start ends here.
      if (child.pid === undefined) this.#ended(child, { exitCode: null, signal: null }, error.message);
    });
    child.once('exit', (exitCode, signalName) => this.#ended(child, { exitCode, signal: signalName }, null));
    if (child.pid === undefined) return;
    this.#exit = new Promise((resolve) => child.once('exit', () => resolve()));
    onGroup(child.pid);
    onEvent({ type: 'started', instanceId, pid: child.pid, start: this.#startsMs.length });
  }

  #ended(child: ChildProcess, end: ProcessEnd, error: string | null): void {
    if (this.#child !== child) return;
    this.#child = null;
    const { instanceId, mark, onEvent } = this.#options;
    const next = this.#power === 'on' ? this.#afterExit(end) : null;
    if (error !== null) this.#log.write(`could not be started: ${error}\n`);
    onEvent({ type: 'ended', instanceId, end, error, next });
    if (this.#power !== 'on') return;
    const leftovers = killAll(mark);
    if (next?.restart !== true) return;
    this.#restart = setTimeout(() => {
      void leftovers.then(() => {
        if (this.#power === 'on') this.#start();
      });
    }, next.afterMs);
  }

  #shellMark(): ProcessMark {
    return { environment: `${this.#options.mark.environment}/shell` };
  }

  #afterExit(end: ProcessEnd): RestartDecision {
    if (this.#stop !== null) return { restart: false, reason: this.#stop.killed ? 'stop-timeout' : 'stopped' };
    return afterExit(this.#options.restarts, this.#startsMs, end, performance.now());
  }

  async #killEverything(): Promise<void> {
    this.#goDown();
    const roots = this.#roots();
    const child = this.#child;
    const before = await this.#measureAndKill(roots);
    this.#cpuOfEndedMs += before;
    const left = [...(await killAll(this.#options.mark, roots)), ...(await killAll(this.#shellMark()))];
    child?.stdout?.destroy();
    child?.stderr?.destroy();
    if (left.length > 0) this.#log.write(`could not be killed: ${left.join(' ')}\n`);
    else await this.#exit;
    this.#log.close();
    this.#power = 'off';
    this.#options.onEvent({ type: 'off', instanceId: this.#options.instanceId });
  }

  /** The main process's group dies within this turn of the event loop; reading its last figures must not delay that. */
  async #measureAndKill(roots: readonly number[]): Promise<number> {
    for (const pid of roots) signal(-pid, 'SIGKILL');
    return (await usageOf(roots)).cpuMs;
  }
}
