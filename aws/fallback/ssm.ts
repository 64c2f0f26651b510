import { GetParameterCommand, PutParameterCommand, SendCommandCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { Wish } from '../../core/fallback/port.js';
import { wallMs } from '../../core/time.js';

export interface FallbackSsm {
  readWish(parameter: string, signal: AbortSignal): Promise<Wish>;
  /** Of a parameter that exists. */
  writeWish(parameter: string, text: string, signal: AbortSignal): Promise<null>;
  sendDrain(document: string, instanceId: string, signal: AbortSignal): Promise<null>;
}

/** How long SSM tries to reach a node, in seconds; SSM allows no less than 30. */
const REACH_SECONDS = 60;

export function createFallbackSsm(client: SSMClient): FallbackSsm {
  return {
    async readWish(parameter, signal) {
      const { Parameter } = await client.send(new GetParameterCommand({ Name: parameter, WithDecryption: true }), {
        abortSignal: signal,
      });
      return {
        text: Parameter?.Value ?? '',
        version: Parameter?.Version ?? 0,
        changedMs: wallMs(Parameter?.LastModifiedDate?.getTime() ?? 0),
      };
    },

    async writeWish(parameter, text, signal) {
      // Intelligent tiering takes what a standard parameter can't hold.
      const input = { Name: parameter, Value: text, Overwrite: true, Tier: 'Intelligent-Tiering' as const };
      await client.send(new PutParameterCommand(input), { abortSignal: signal });
      return null;
    },

    async sendDrain(document, instanceId, signal) {
      await client.send(
        new SendCommandCommand({
          DocumentName: document,
          InstanceIds: [instanceId],
          TimeoutSeconds: REACH_SECONDS,
          Comment: 'Synkti: leave in good order',
        }),
        { abortSignal: signal },
      );
      return null;
    },
  };
}
