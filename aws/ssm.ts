import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { type ClientConfig, clientOptions } from './client.js';

/** The parameter that holds the spec. */
export interface Ssm {
  /** The parameter's text, unchecked but for its version: see {@link countedSpec}. */
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
      return countedSpec(answer.Parameter?.Value ?? '', answer.Parameter?.Version ?? 0);
    },
    close: () => client.destroy(),
  };
}

/**
 * CloudFormation writes the spec but can't count, and people who edit it forget to. So the parameter's own version, which
 * grows with every change, is the spec's when it is the higher one.
 */
export function countedSpec(text: string, version: number): string {
  try {
    const spec: unknown = JSON.parse(text);
    if (typeof spec !== 'object' || spec === null || !('version' in spec)) return text;
    if (typeof spec.version !== 'number' || spec.version >= version) return text;
    return JSON.stringify({ ...spec, version });
  } catch {
    // Whoever parses it says what is wrong.
    return text;
  }
}
