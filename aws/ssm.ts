import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { type ClientConfig, clientOptions } from './client.js';

/** The parameter that holds the spec. */
export interface Ssm {
  /** The parameter's text, unchecked. */
  readParameter(name: string, signal: AbortSignal): Promise<string>;
  close(): void;
}

export const ssmClient = (config: ClientConfig): SSMClient => new SSMClient(clientOptions(config, 2));

export function createSsm(client: SSMClient): Ssm {
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
