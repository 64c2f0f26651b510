import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { DEPLOYER_KEY, type LocalCloud } from '../cloud-types.js';

/** Resources are made through AWS's own protocols wherever the local cloud speaks them. */
export interface Clients {
  readonly ec2: EC2Client;
  readonly elb: ElasticLoadBalancingV2Client;
  readonly events: EventBridgeClient;
  readonly s3: S3Client;
  readonly secrets: SecretsManagerClient;
  readonly ssm: SSMClient;
  close(): void;
}

export function openClients(cloud: LocalCloud): Clients {
  const options = {
    region: cloud.region,
    endpoint: cloud.endpoint,
    credentials: { accessKeyId: DEPLOYER_KEY, secretAccessKey: DEPLOYER_KEY },
    maxAttempts: 3,
  };
  const clients = {
    ec2: new EC2Client(options),
    elb: new ElasticLoadBalancingV2Client(options),
    events: new EventBridgeClient(options),
    s3: new S3Client({ ...options, forcePathStyle: true }),
    secrets: new SecretsManagerClient(options),
    ssm: new SSMClient(options),
  };
  return {
    ...clients,
    close: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}
