import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type ClientConfig, clientOptions } from './client.js';

/** The secret that holds the gossip keyring. */
export interface Secrets {
  /** The secret's text; empty when it holds none. */
  readSecret(id: string, signal: AbortSignal): Promise<string>;
  close(): void;
}

export function createSecrets(config: ClientConfig): Secrets {
  const client = new SecretsManagerClient(clientOptions(config, 2));
  return {
    async readSecret(id, signal) {
      const answer = await client.send(new GetSecretValueCommand({ SecretId: id }), { abortSignal: signal });
      return answer.SecretString ?? '';
    },
    close: () => client.destroy(),
  };
}
