import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An AWS endpoint that answers as a test says: real HTTP to real SDK clients. */
export interface ScriptedAws {
  readonly endpoint: string;
  readonly calls: Call[];
  close(): Promise<void>;
}

export interface Call {
  readonly service: string;
  /** Of query and JSON services; for S3 the method. */
  readonly action: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly params: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Reply =
  | { readonly status?: number; readonly body?: string; readonly headers?: Record<string, string> }
  | 'cut'
  | 'silence';

export async function startScriptedAws(script: (call: Call, index: number) => Reply): Promise<ScriptedAws> {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const call = callOf(request, Buffer.concat(chunks).toString());
      calls.push(call);
      play(script(call, calls.length - 1), response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function callOf(request: IncomingMessage, body: string): Call {
  const service = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const isQuery = ['ec2', 'elasticloadbalancing', 'cloudformation'].includes(service);
  const params = isQuery ? Object.fromEntries(new URLSearchParams(body)) : {};
  const target = String(request.headers['x-amz-target'] ?? '').split('.')[1];
  return {
    service,
    action: params.Action ?? target ?? request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    params,
    body,
  };
}

function play(reply: Reply, response: ServerResponse): void {
  if (reply === 'silence') return;
  if (reply === 'cut') response.destroy();
  else response.writeHead(reply.status ?? 200, reply.headers ?? {}).end(reply.body ?? '');
}

export const ec2Error = (status: number, code: string): Reply => ({
  status,
  body: `<Response><Errors><Error><Code>${code}</Code><Message>as scripted</Message></Error></Errors><RequestID>r</RequestID></Response>`,
});

export const queryError = (status: number, code: string): Reply => ({
  status,
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>as scripted</Message></Error><RequestId>r</RequestId></ErrorResponse>`,
});

export const jsonError = (status: number, code: string): Reply => ({
  status,
  body: JSON.stringify({ __type: code, message: 'as scripted' }),
  headers: { 'content-type': 'application/x-amz-json-1.1' },
});

export const s3Error = (status: number, code: string): Reply => ({
  status,
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>as scripted</Message></Error>`,
});
