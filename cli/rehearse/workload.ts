import { accessSync, constants, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { messageOf, UserError } from '../user-error.js';
import { splitCommand } from '../words.js';

/** What the nodes run. */
export interface WorkloadSettings {
  readonly name: string;
  readonly command: readonly string[];
  readonly workingDirectory: string | null;
  readonly port: number;
  readonly healthPath: string;
  readonly inFlightPath: string | null;
  /** What the traffic asks for. */
  readonly requestPath: string;
}

export interface WorkloadFlags {
  readonly workload: string | undefined;
  readonly port: number;
  readonly health: string;
  readonly path: string;
}

/** The user's own service, or the example. @throws UserError when the program can't be started. */
export function readWorkload(flags: WorkloadFlags, exampleService: string): WorkloadSettings {
  for (const [option, path] of [
    ['--health', flags.health],
    ['--path', flags.path],
  ] as const) {
    if (!/^\/[\w\-./?=&%~+,:;@!*'()]{0,200}$/.test(path)) {
      throw new UserError(`${option} must be a path such as /health, not "${path}".`);
    }
  }
  const common = { port: flags.port, healthPath: flags.health, requestPath: flags.path };
  if (flags.workload === undefined) {
    const command = [process.execPath, exampleService];
    return { ...common, name: 'example', command, workingDirectory: null, inFlightPath: '/in-flight' };
  }
  const [program = '', ...rest] = splitCommand(flags.workload, '--workload');
  const command = [findProgram(program, '--workload'), ...rest];
  return { ...common, name: 'service', command, workingDirectory: process.cwd(), inFlightPath: null };
}

/** Absolute path of a program: nodes run elsewhere. */
export function findProgram(program: string, option: string): string {
  const candidates =
    program.includes('/') || isAbsolute(program)
      ? [resolve(program)]
      : (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program));
  let present: string | null = null;
  for (const path of candidates) {
    try {
      if (!statSync(path).isFile()) continue;
      present ??= path;
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next folder.
    }
  }
  if (present !== null) {
    throw new UserError(`${option} can't run ${present}: it isn't executable; chmod +x it, or name its interpreter.`);
  }
  throw new UserError(`${option} names "${program}", which isn't there; check the path, or that it is on PATH.`);
}

/** No node owns this address: what is in use there is in use on every address. */
const ANY_LOOPBACK = '127.255.254.253';

/** Whether something listens on a port of every address, where the nodes' workloads must. @throws UserError */
export async function checkPortFree(port: number): Promise<void> {
  try {
    await new Promise<void>((done, failed) => {
      const server = createServer();
      server.once('error', failed);
      server.listen({ host: ANY_LOOPBACK, port, exclusive: true }, () => server.close(() => done()));
    });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE') {
      throw new UserError(`--port ${port} is busy: another program listens on it; stop that, or choose another port.`);
    }
    if (code === 'EACCES') throw new UserError(`--port ${port} needs privileges; choose one from 1024 up.`);
    // Systems without the whole loopback block are told so when the local cloud starts.
    if (code !== 'EADDRNOTAVAIL') throw new UserError(`--port ${port} can't be used: ${messageOf(error)}`);
  }
}
