import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ResponseDesk } from './handler.js';

/** CloudFormation takes 4 kB; more is no answer. */
const MAX_ANSWER = 64 * 1024;

/** Where functions of custom resources PUT their answers: a server on loopback in the place of presigned URLs of S3. */
export async function openResponseDesk(): Promise<ResponseDesk & { close(): Promise<void> }> {
  const waiting = new Map<string, (body: string) => void>();
  const server: Server = createServer((request, response) => {
    const take = waiting.get(request.url ?? '');
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_ANSWER) request.destroy();
      else chunks.push(chunk);
    });
    request.on('error', () => {});
    request.on('end', () => {
      const status = request.method === 'PUT' && take !== undefined ? 200 : 403;
      response.writeHead(status).end();
      if (status === 200) take?.(Buffer.concat(chunks).toString('utf8'));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    expect: async (withinMs) => {
      const path = `/${randomUUID()}`;
      let timer: NodeJS.Timeout | undefined;
      const done = (): void => {
        clearTimeout(timer);
        waiting.delete(path);
      };
      const answer = new Promise<unknown>((resolve, reject) => {
        timer = setTimeout(() => {
          done();
          reject(new Error(`there was no answer within ${Math.round(withinMs / 1000)} s`));
        }, withinMs);
        waiting.set(path, (body) => {
          done();
          try {
            resolve(JSON.parse(body));
          } catch {
            reject(new Error('its answer is not JSON'));
          }
        });
      });
      // Whoever waits hears of it; nobody else has to.
      answer.catch(() => {});
      return { url: `http://127.0.0.1:${port}${path}`, answer, cancel: done };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
