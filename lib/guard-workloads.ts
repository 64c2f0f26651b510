/** What an agent would refuse in the spec, said where it was written. */
import { Annotations, type Duration, Token } from 'aws-cdk-lib';
import type { SynktiCluster } from './cluster.js';
import type { HealthCheck, Workload } from './workload.js';

export function guardWorkloads(cluster: SynktiCluster, workloads: readonly Workload[], desired: number): void {
  const say = Annotations.of(cluster);
  const seen = new Set<string>();
  const ports = new Map<number, string>();
  for (const workload of workloads) {
    const { name, port } = workload;
    for (const problem of problems(workload)) say.addError(`Workload ${name}: ${problem}`);
    for (const problem of copiesProblems(workload, workloads, desired)) say.addError(`Workload ${name}: ${problem}`);
    if (seen.has(name)) say.addError(`Two workloads are named ${name}: give each a name of its own.`);
    seen.add(name);
    const other = port === undefined ? undefined : ports.get(port);
    if (other !== undefined) say.addError(`Workloads ${other} and ${name} both listen on port ${port}: change one.`);
    if (port !== undefined) ports.set(port, name);
    const image = workload._image;
    if (image !== undefined && /^\d{12}\.dkr\.ecr\./.test(image) && workload._repository === undefined) {
      say.addWarningV2(
        'synkti:repository',
        `Workload ${name}: the image ${image} is in a private repository. Give the container's \`repository\`, so that nodes may pull from it.`,
      );
    }
  }
}

function* copiesProblems(workload: Workload, workloads: readonly Workload[], desired: number): Generator<string> {
  const { copies } = workload._options;
  if (copies === undefined) return;
  if (!Number.isInteger(copies) || copies < 1) {
    yield `copies must be a whole number from 1, not ${copies}; without it, one runs on every node.`;
  } else if (copies > desired) {
    yield `it wants ${copies} copies, one a node, but capacity.desired is ${desired}: give more nodes or fewer copies.`;
  }
  const tasks = workloads.find((one) => one._tasks !== undefined);
  if (tasks !== undefined && tasks._tasks?.memory === undefined) {
    yield `beside copies, the workload of tasks must say how much of a node it takes: give ${tasks.name} its memory.`;
  }
}

function* problems(workload: Workload): Generator<string> {
  const { name, port, healthCheck } = workload;
  const options = workload._options;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9-]{0,62}$/.test(name)) yield 'a name is letters, digits and hyphens, at most 63.';
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    yield `port must be a whole number from 1 to 65535, not ${port}.`;
  }
  if (port === undefined && healthCheck !== undefined) yield 'a health check needs a port.';
  if (healthCheck !== undefined) yield* healthProblems(healthCheck);
  const inFlight = options.inFlightPath;
  if (inFlight !== undefined && !isPath(inFlight)) yield `inFlightPath must start with /, not ${inFlight}.`;
  if (workload._command?.length === 0) yield 'command must name a program.';
  const image = workload._image;
  if (image !== undefined && !/^\S+$/.test(image)) yield 'image must be the name of an image, without spaces.';
  for (const { path } of workload._files) {
    if (!/^\/[^:]+$/.test(path)) yield `the path of its files must be absolute and without a colon, not ${path}.`;
  }
  for (const key of Object.keys(options.environment ?? {})) {
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(key)) yield `${key} can't be the name of an environment variable.`;
  }
}

/** Slower than this the agents notice a broken workload later than AWS interrupts a node. */
const SLOWEST_S = 60;

function* healthProblems(check: HealthCheck): Generator<string> {
  if (!isPath(check.path)) yield `the path of the health check must start with /, not ${check.path}.`;
  const seconds = (duration: Duration | undefined, otherwise: number): number =>
    duration?.toSeconds({ integral: false }) ?? otherwise;
  const slow = seconds(check.interval, 5) * (check.unhealthyAfter ?? 3);
  if (slow > SLOWEST_S) {
    yield `its health check takes ${slow} s to see that it is broken, slower than an interruption: make interval times unhealthyAfter ${SLOWEST_S} s at most.`;
  }
  if (seconds(check.timeout, 2) > seconds(check.interval, 5)) {
    yield 'the timeout of the health check is longer than its interval.';
  }
}

const isPath = (text: string): boolean => Token.isUnresolved(text) || /^\/\S*$/.test(text);
