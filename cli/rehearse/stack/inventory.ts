/** What the local cloud holds, by name, so that a deletion can be shown to have left nothing. */
import { DescribeLaunchTemplatesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { DescribeSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { type ClientConfig, clientOptions } from '../../../aws/client.js';
import type { LocalCloud } from '../../../local/cloud-types.js';
import type { Standing } from '../../../local/cloudformation/handler.js';

/** `queue web-events`, `role ...`: everything that stands, sorted. */
export async function inventory(cloud: LocalCloud, config: ClientConfig): Promise<string[]> {
  const options = clientOptions(config, 3);
  const ec2 = new EC2Client(options);
  const s3 = new S3Client({ ...options, forcePathStyle: true });
  try {
    const [templates, buckets] = await Promise.all([
      ec2.send(new DescribeLaunchTemplatesCommand({})),
      s3.send(new ListBucketsCommand({})),
    ]);
    return [
      ...cloud
        .instances()
        .filter(({ state }) => state !== 'terminated')
        .map(({ instanceId, state }) => `instance ${instanceId} (${state})`),
      ...cloud.balancers().map(({ name }) => `load balancer ${name}`),
      ...cloud.targetGroups().map(({ arn }) => `target group ${arn.split('/')[1] ?? arn}`),
      ...cloud.queues.list().map(({ name }) => `queue ${name}`),
      ...cloud.functions.list().map(({ name }) => `function ${name}`),
      ...cloud.bus.allRules().map(({ name }) => `rule ${name}`),
      ...cloud.iam.roles().map(({ name }) => `role ${name}`),
      ...(templates.LaunchTemplates ?? []).map(({ LaunchTemplateName }) => `launch template ${LaunchTemplateName}`),
      ...(buckets.Buckets ?? []).map(({ Name }) => `bucket ${Name}`),
    ].sort();
  } finally {
    ec2.destroy();
    s3.destroy();
  }
}

/** Of a stack's parameters and secrets, those that are still there: they can't be listed. */
export async function survivors(standing: readonly Standing[], config: ClientConfig): Promise<string[]> {
  const options = clientOptions(config, 3);
  const ssm = new SSMClient(options);
  const secrets = new SecretsManagerClient(options);
  const isThere = async ({ type, physicalId }: Standing): Promise<boolean> => {
    try {
      if (type === 'AWS::SSM::Parameter') await ssm.send(new GetParameterCommand({ Name: physicalId }));
      else await secrets.send(new DescribeSecretCommand({ SecretId: physicalId }));
      return true;
    } catch {
      return false;
    }
  };
  try {
    const found: string[] = [];
    for (const one of standing) {
      if (one.type !== 'AWS::SSM::Parameter' && one.type !== 'AWS::SecretsManager::Secret') continue;
      const what = one.type === 'AWS::SSM::Parameter' ? 'parameter' : 'secret';
      if (await isThere(one)) found.push(`${what} ${one.physicalId}`);
    }
    return found;
  } finally {
    ssm.destroy();
    secrets.destroy();
  }
}
