import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findCluster } from '../../../cli/aws/clusters.js';
import { openSession } from '../../../cli/aws/session.js';

const ADA = 'arn:aws:iam::123456789012:user/ada';
let server: Server;
let endpoint = '';

/** An SSM that lets nobody do anything. */
beforeAll(async () => {
  server = createServer((request, response) => {
    const action = String(request.headers['x-amz-target']).split('.')[1];
    const message = `User: ${ADA} is not authorized to perform: ssm:${action} on resource: arn:aws:ssm:us-east-1:123456789012:*`;
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify({ __type: 'AccessDeniedException', message }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  endpoint = `http://127.0.0.1:${address.port}`;
});

afterAll(() => {
  server.close();
});

it('who may not list clusters is told that a named one needs no list', async () => {
  const session = await openSession({ endpoint }, {});
  try {
    await expect(findCluster(session, {})).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(
        new RegExp(`^${ADA} may not call ssm:GetParametersByPath on .* With --cluster it isn't needed\\.$`),
      ),
    });
    const named = await findCluster(session, { cluster: 'web' }).catch((error: unknown) => session.explain(error));
    expect(named).toMatchObject({ message: expect.stringContaining('may not call ssm:GetParameter on') });
    expect(named).not.toMatchObject({ message: expect.stringContaining('--cluster') });
  } finally {
    session.close();
  }
});
