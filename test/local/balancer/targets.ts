import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Candidate, CandidateSource } from '../../../local/balancer/source.js';

/** A target server within the test's process. */
export interface TestTarget {
  readonly candidate: Candidate;
  readonly server: Server;
  /** Connections that were ever opened. */
  connections: number;
  requests: number;
  /** Requests that wait for {@link release}. */
  readonly held: ServerResponse[];
  release(): void;
  close(): Promise<void>;
}

type Handler = (request: IncomingMessage, response: ServerResponse, target: TestTarget) => void;

/** Answers `/hold` when it is released, everything else at once with its name. */
export async function startTarget(name: string, handler: Handler = answer, port = 0): Promise<TestTarget> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    target.requests++;
    handler(request, response, target);
  });
  server.on('connection', () => target.connections++);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const target: TestTarget = {
    candidate: {
      key: name,
      instanceId: name,
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
    },
    server,
    connections: 0,
    requests: 0,
    held: [],
    release: () => {
      for (const response of target.held.splice(0)) response.end(name);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return target;
}

export const answer: Handler = (request, response, target) => {
  if (request.url === '/hold') target.held.push(response);
  else response.end(target.candidate.key);
};

/** A source that tests change by hand. */
export class TestSource implements CandidateSource {
  list: readonly Candidate[] = [];
  algorithmName: 'round_robin' | 'least_outstanding_requests' = 'round_robin';
  readonly cut = new Set<string>();
  candidates(): readonly Candidate[] {
    return this.list;
  }
  readonly algorithm = () => this.algorithmName;
}
