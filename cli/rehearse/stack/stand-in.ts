import type { StandIn } from '../../../local/cloudformation/rehearsal-spec.js';

const IDLE = 'setInterval(() => {}, 60_000)';

/** What runs in a container's place: the example service, or a program that does nothing where there is no port. */
export const standInOf = (exampleService: string, port: number | null, healthPath: string | null): StandIn =>
  port === null
    ? { command: [process.execPath, '-e', IDLE], inFlightPath: null }
    : {
        command: [process.execPath, exampleService, ...(healthPath === null ? [] : [healthPath])],
        inFlightPath: '/in-flight',
      };
