import { join } from 'node:path';
import { Machine, type MachineEvent } from './machine.js';
import type { ProcessUsage } from './processes.js';
import { type Reaper, startReaper } from './reaper.js';
import { DEFAULT_RESTARTS, type RestartPolicy } from './restart.js';
import type { RunDir } from './run-dir.js';
import type { ShellResult, SystemRequest } from './shell.js';

/**
 * In the environment of every process of a node: `<runId>/<instance id>`. Programs that build their children's
 * environment anew should hand it on; it is how nothing is left behind.
 */
export const MACHINE_MARK = 'SYNKTI_MACHINE';

/** What a unit that is stopped has before it is killed: systemd's own default. */
const STOP_MS = 90_000;

export interface MachinesOptions {
  readonly runDir: RunDir;
  /** Main process of every node: program and arguments; no shell. */
  readonly command: readonly string[];
  readonly restarts?: Partial<RestartPolicy>;
  /** Size at which a node's log is turned over; default 8 MiB. */
  readonly maxLogBytes?: number;
  readonly onEvent?: (event: MachineEvent) => void;
}

/** The hardware: boots nodes as processes of this system, and switches them off. */
export class Machines {
  readonly #options: MachinesOptions;
  readonly #restarts: RestartPolicy;
  readonly #machines = new Map<string, Machine>();
  readonly #reaper: Reaper;
  #stopped = false;

  constructor(options: MachinesOptions) {
    this.#options = options;
    this.#restarts = { ...DEFAULT_RESTARTS, ...options.restarts };
    this.#reaper = startReaper({
      markName: MACHINE_MARK,
      runId: options.runDir.runId,
      runDir: options.runDir.path,
    });
  }

  /** `<runDir>/<instance id>`: the node's working directory, with `agent.log`. */
  directoryOf(instanceId: string): string {
    return join(this.#options.runDir.path, instanceId);
  }

  /**
   * Starts a node's main process. `environment` is all it gets besides PATH, HOME and the mark: nothing of the user's
   * own (credentials, profiles, NODE_OPTIONS) reaches a node. `command`: default that of every node.
   */
  boot(
    instanceId: string,
    environment: Readonly<Record<string, string>>,
    command: readonly string[] = this.#options.command,
  ): void {
    if (!/^[\w.-]{1,64}$/.test(instanceId) || instanceId.startsWith('.')) {
      throw new RangeError(`'${instanceId}' can't be an instance id`);
    }
    if (this.#machines.has(instanceId)) throw new RangeError(`${instanceId} was booted before`);
    // A boot that was on its way when everything was switched off.
    if (this.#stopped) return;
    const value = `${this.#options.runDir.runId}/${instanceId}`;
    const directory = this.directoryOf(instanceId);
    const machine = new Machine({
      instanceId,
      command,
      environment: {
        PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
        HOME: directory,
        ...environment,
        [MACHINE_MARK]: value,
      },
      directory,
      mark: { environment: `${MACHINE_MARK}=${value}` },
      restarts: this.#restarts,
      maxLogBytes: this.#options.maxLogBytes ?? 8 * 1024 * 1024,
      onEvent: this.#options.onEvent ?? (() => {}),
      onGroup: (pid) => this.#reaper.watchGroup(pid),
    });
    this.#machines.set(instanceId, machine);
  }

  /** SIGTERM to the main process, then power off when it ended or after `graceMs`. No-op of an unknown id. */
  async terminate(instanceId: string, graceMs: number): Promise<void> {
    await this.#machines.get(instanceId)?.shutDown(graceMs);
  }

  /** SIGKILL to everything of a node at once. No-op of an unknown id. */
  async powerOff(instanceId: string): Promise<void> {
    await this.#machines.get(instanceId)?.powerOff();
  }

  /** SIGKILL to the main process only. False when it doesn't run. */
  killAgent(instanceId: string): boolean {
    return this.#machines.get(instanceId)?.killMain() ?? false;
  }

  /**
   * Runs a script on a node. Null: the node is off. `onPowerOff`: the script, or a stop that took too long, asked for the
   * machine's end.
   */
  async shell(
    instanceId: string,
    script: string,
    timeoutMs: number,
    onPowerOff: () => void,
  ): Promise<ShellResult | null> {
    const machine = this.#machines.get(instanceId);
    const act = (request: SystemRequest): void => {
      switch (request.verb) {
        case 'stop':
          machine?.stopMain(STOP_MS);
          return;
        case 'restart':
          // The unit's rules start it again.
          machine?.signalMain('SIGKILL');
          return;
        case 'kill':
          machine?.signalMain(request.signal);
          return;
        case 'poweroff':
          onPowerOff();
      }
    };
    return (await machine?.shell(script, timeoutMs, act)) ?? null;
  }

  /** Null while the main process doesn't run. */
  mainPid(instanceId: string): number | null {
    return this.#machines.get(instanceId)?.mainPid ?? null;
  }

  isOff(instanceId: string): boolean {
    return this.#machines.get(instanceId)?.isOff ?? true;
  }

  /** Memory and processor time of a node's processes; all 0 of an unknown id. */
  async usage(instanceId: string): Promise<ProcessUsage> {
    return (await this.#machines.get(instanceId)?.usage()) ?? { processes: 0, rssBytes: 0, pssBytes: 0, cpuMs: 0 };
  }

  /** Switches all machines off. Nothing of them runs afterwards; their files stay. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#machines.values()].map((machine) => machine.powerOff()));
    await this.#reaper.dismiss();
  }
}
