import { type Endpoint, startEndpoint } from '../../local/wire/server.js';
import type { Service } from '../../local/wire/service.js';

/** An endpoint with some services, for tests with real SDK clients. */
export const startTestEndpoint = (services: readonly Service[]): Promise<Endpoint> =>
  startEndpoint({
    host: '127.0.0.1',
    port: 0,
    services,
    principalOf: (accessKeyId) => ({ kind: 'user', accessKeyId }),
  });

/** What every SDK client of a test is made with. */
export const clientConfig = (url: string) => ({
  endpoint: url,
  region: 'us-east-1',
  credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' },
  maxAttempts: 1,
});
