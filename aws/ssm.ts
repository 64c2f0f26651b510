import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { type ClientConfig, clientOptions } from './client.js';

/** The parameter that holds the spec. */
export interface Ssm {
  /** The parameter's text, unchecked. */
  readParameter(name: string, signal: AbortSignal): Promise<string>;
  close(): void;
}

export function createSsm(config: ClientConfig): Ssm {
  const client = new SSMClient(clientOptions(config, 2));
  return {
    async readParameter(name, signal) {
      const answer = await client.send(new GetParameterCommand({ Name: name, WithDecryption: true }), {
        abortSignal: signal,
      });
      return answer.Parameter?.Value ?? '';
    },
    close: () => client.destroy(),
  };
}
