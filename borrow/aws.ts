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
import { BorrowError } from './error.js';
import { type Call, explain, rememberCall } from './explain.js';
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

/** A request that doesn't connect, or isn't answered, within these many ms is tried again. */
const CONNECT_MS = 5_000;
const ANSWER_MS = 30_000;
const ATTEMPTS = 5;
const MAX_SOCKETS = 16;
const LOCAL_KEYS = { accessKeyId: 'rehearsal', secretAccessKey: 'rehearsal' };

/** Makes no call. @throws BorrowError OPTION */
export async function openAws(options: AwsOptions, env: NodeJS.ProcessEnv = process.env): Promise<Aws> {
  const endpoint = options.endpoint ?? (env.AWS_ENDPOINT_URL || null);
  const profile = options.profile ?? (env.AWS_PROFILE || null);
  const local = endpoint !== null && URL.canParse(endpoint) && isLoopback(endpoint);
  const region = options.region ?? (env.AWS_REGION || env.AWS_DEFAULT_REGION || (await regionOf(profile, local)));
  checkAws({ region, ...(endpoint === null ? {} : { endpoint }) });
  const hasKeys = Boolean(env.AWS_ACCESS_KEY_ID && env.AWS_SECRET_ACCESS_KEY);
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const shared = {
    region,
    maxAttempts: ATTEMPTS,
    defaultsMode: 'standard' as const,
    customUserAgent: [['synkti', '0']] as [string, string][],
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: ANSWER_MS,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
    ...(profile === null ? {} : { profile }),
    ...(local && profile === null && !hasKeys ? { credentials: LOCAL_KEYS } : {}),
    ...(endpoint === null ? {} : { endpoint }),
  };
  const clients = {
    cloudformation: new CloudFormationClient(shared),
    ec2: new EC2Client(shared),
    elbv2: new ElasticLoadBalancingV2Client(shared),
    s3: new S3Client({
      ...shared,
      // Buckets of a local cloud have no names in DNS.
      forcePathStyle: endpoint !== null,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    }),
    ssm: new SSMClient(shared),
    sts: new STSClient(shared),
  };
  for (const [name, client] of Object.entries(clients)) watch(client, name === 'elbv2' ? 'elasticloadbalancing' : name);
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

/** What the SDK's middleware stack takes, as far as it is used here. */
interface Stacked {
  readonly middlewareStack: {
    add(
      middleware: (
        next: (args: { input: object }) => Promise<unknown>,
        context: { readonly commandName?: string },
      ) => (args: { input: object }) => Promise<unknown>,
      options: { readonly step: 'initialize'; readonly name: string },
    ): void;
  };
}

/** Remembers of each error which call it was: the SDK's own errors don't tell. */
function watch(client: object, service: string): void {
  (client as Stacked).middlewareStack.add(
    (next, context) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        const call: Call = {
          service,
          action: (context.commandName ?? 'Unknown').replace(/Command$/, ''),
          input: args.input,
        };
        rememberCall(error, call);
        throw error;
      }
    },
    { step: 'initialize', name: 'synktiCalls' },
  );
}
