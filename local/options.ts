import { CloudError, type LocalCloudOptions } from './cloud-types.js';
import { unkindOptions } from './unkind/options.js';

/** @throws CloudError `BAD_OPTIONS` */
export function checked(options: LocalCloudOptions) {
  const bad = (why: string, cause?: unknown): CloudError => new CloudError('BAD_OPTIONS', why, cause);
  const port = options.port ?? 0;
  const noticeMs = options.noticeMs ?? 120_000;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw bad(`Port ${port} is not from 0 to 65535.`);
  if (options.zones.length === 0 || options.zones.length > 16) throw bad('The local cloud needs 1 to 16 zones.');
  const zones = new Set(options.zones.map(({ name }) => name));
  const subnets = new Set(options.zones.map(({ subnetId }) => subnetId));
  if (zones.size < options.zones.length || subnets.size < options.zones.length) {
    throw bad('Two zones of the local cloud have the same name or the same subnet.');
  }
  const stray = options.pools.find(({ zone }) => !zones.has(zone));
  if (stray !== undefined)
    throw bad(`The pool of ${stray.instanceType} is in ${stray.zone}, which is no zone of the local cloud.`);
  const { timeScale = 1 } = options;
  if (!(timeScale > 0 && timeScale <= 100))
    throw bad(`timeScale must be greater than 0 and at most 100, not ${timeScale}.`);
  for (const [name, value] of Object.entries({ ...pickTimes(options), noticeMs })) {
    if (!(value >= 0 && value <= 86_400_000)) throw bad(`${name} must be from 0 to 86,400,000 ms, not ${value}.`);
  }
  if (options.machine !== null && options.machine.plan === undefined && options.machine.command.length === 0)
    throw bad('machine.command is empty.');
  try {
    return { port, noticeMs, region: options.region ?? 'us-east-1', unkind: unkindOptions(options.unkind) };
  } catch (error) {
    throw bad(error instanceof Error ? error.message : String(error), error);
  }
}

const pickTimes = ({ launchDelayMs = 0, shutdownMs = 0 }: LocalCloudOptions) => ({ launchDelayMs, shutdownMs });

/** In the user's words where it is his port. */
export function portError(error: unknown, port: number): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new CloudError(
        'PORT_IN_USE',
        `Port ${port} on 127.0.0.1 is in use: stop what listens there, or choose another.`,
        error,
      );
    case 'EACCES':
      return new CloudError(
        'PORT_FORBIDDEN',
        `This user may not listen on port ${port}: choose one above 1023.`,
        error,
      );
    default:
      return error;
  }
}
