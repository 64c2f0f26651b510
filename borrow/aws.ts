/**
 * The way to AWS, or to a local cloud: who calls, where, and clients with what they share. Credentials as the SDK's own
 * chain finds them. At an endpoint on this machine nobody checks keys, so without a profile or keys some are made up.
 */
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { S3Client } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { loadSharedConfigFiles } from '@smithy/core/config';
import { watchCalls } from '../aws/failed-call.js';
import { LOCAL_KEYS, userClientOptions, userS3Options } from '../aws/user-client.js';
import { BorrowError } from './error.js';
import { explain } from './explain.js';
import { type AwsOptions, checkAws, isLoopback } from './options-aws.js';

export interface Aws {
  readonly region: string;
  /** Null: AWS's own addresses. */
  readonly endpoint: string | null;
  readonly cloudformation: CloudFormationClient;
  readonly ec2: EC2Client;
  readonly elbv2: ElasticLoadBalancingV2Client;
  readonly s3: S3Client;
  readonly ssm: SSMClient;
  readonly sts: STSClient;
  /** Any failure as one sentence. */
  explain(error: unknown): BorrowError;
  close(): void;
}

export interface Caller {
  readonly account: string;
  readonly arn: string;
  /** `aws`, `aws-cn`, `aws-us-gov`. */
  readonly partition: string;
}

/** Makes no call. @throws BorrowError OPTION */
export async function openAws(options: AwsOptions, env: NodeJS.ProcessEnv = process.env): Promise<Aws> {
  const endpoint = options.endpoint ?? (env.AWS_ENDPOINT_URL || null);
  const profile = options.profile ?? (env.AWS_PROFILE || null);
  const local = endpoint !== null && URL.canParse(endpoint) && isLoopback(endpoint);
  const region = options.region ?? (env.AWS_REGION || env.AWS_DEFAULT_REGION || (await regionOf(profile, local)));
  checkAws({ region, ...(endpoint === null ? {} : { endpoint }) });
  const hasKeys = Boolean(env.AWS_ACCESS_KEY_ID && env.AWS_SECRET_ACCESS_KEY);
  const keys = local && profile === null && !hasKeys ? LOCAL_KEYS : null;
  const shared = userClientOptions({ region, endpoint, profile, keys });
  const clients = {
    cloudformation: new CloudFormationClient(shared),
    ec2: new EC2Client(shared),
    elbv2: new ElasticLoadBalancingV2Client(shared),
    s3: new S3Client({ ...shared, ...userS3Options({ endpoint }) }),
    ssm: new SSMClient(shared),
    sts: new STSClient(shared),
  };
  for (const [name, client] of Object.entries(clients))
    watchCalls(client, name === 'elbv2' ? 'elasticloadbalancing' : name);
  return {
    region,
    endpoint,
    ...clients,
    explain: (error) => explain(error, { region, endpoint, profile }),
    close: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}

async function regionOf(profile: string | null, local: boolean): Promise<string> {
  const { configFile, credentialsFile } = await loadSharedConfigFiles();
  const own = profile ?? 'default';
  const region = configFile[own]?.region ?? credentialsFile[own]?.region ?? (local ? 'us-east-1' : null);
  if (region !== null) return region;
  throw new BorrowError('OPTION', 'No Region is set: give the option region, set AWS_REGION, or run aws configure.');
}

/** @throws what the SDK throws */
export async function whoCalls(aws: Aws, signal: AbortSignal): Promise<Caller> {
  const answer = await aws.sts.send(new GetCallerIdentityCommand({}), { abortSignal: signal });
  const arn = answer.Arn ?? '';
  return { account: answer.Account ?? '', arn, partition: arn.split(':')[1] ?? 'aws' };
}
