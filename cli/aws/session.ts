/**
 * The way to AWS, or to a rehearsal: who calls, where, and clients that are made when they are first needed.
 *
 * Credentials as the AWS CLI finds them: `--profile`; else keys in the environment; else AWS_PROFILE or the default
 * profile (keys, SSO, assumed roles, a program); else a web identity token, the container's or the instance's role. At an
 * endpoint on this machine nobody checks keys, so without a profile or keys a rehearsal's own are taken.
 */
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { STSClient } from '@aws-sdk/client-sts';
import { loadSharedConfigFiles } from '@smithy/core/config';
import { type CallMade, watchCalls } from '../../aws/failed-call.js';
import { LOCAL_KEYS, type UserAccess, userClientOptions, userS3Options } from '../../aws/user-client.js';
import { suggestion } from '../nearest.js';
import { UserError } from '../user-error.js';
import { explain } from './explain.js';
import { type Colors, colorsOf, isLoopback, readEndpoint, readRegion, type SessionFlags } from './flags.js';

export interface Clients {
  readonly cloudwatch: CloudWatchClient;
  readonly ec2: EC2Client;
  readonly elbv2: ElasticLoadBalancingV2Client;
  readonly iam: IAMClient;
  readonly logs: CloudWatchLogsClient;
  readonly quotas: ServiceQuotasClient;
  readonly s3: S3Client;
  readonly secrets: SecretsManagerClient;
  readonly ssm: SSMClient;
  readonly sts: STSClient;
}

export interface Session {
  readonly region: string;
  /** Null: AWS's own addresses. */
  readonly endpoint: string | null;
  /** Null: none was named. */
  readonly profile: string | null;
  readonly json: boolean;
  readonly colors: Colors;
  /** The same client at every call. */
  client<K extends keyof Clients>(name: K): Promise<Clients[K]>;
  /** The calls so far, at most {@link MAX_CALLS}. */
  readonly calls: readonly CallMade[];
  /** How far this machine's clock is ahead of AWS's, by the newest answer's date, to a second; null: no answer yet. */
  clockAheadMs(): number | null;
  /** Any error of the SDK as one sentence to the user. */
  explain(error: unknown): Error;
  close(): void;
}

const MAX_CALLS = 10_000;

/** Each service's SDK part is loaded when it is first asked for: a help text needs none. */
const MAKERS: { readonly [K in keyof Clients]: (options: ClientOptions) => Promise<Clients[K]> } = {
  cloudwatch: async (o) => new (await import('@aws-sdk/client-cloudwatch')).CloudWatchClient(o),
  ec2: async (o) => new (await import('@aws-sdk/client-ec2')).EC2Client(o),
  elbv2: async (o) => new (await import('@aws-sdk/client-elastic-load-balancing-v2')).ElasticLoadBalancingV2Client(o),
  iam: async (o) => new (await import('@aws-sdk/client-iam')).IAMClient(o),
  logs: async (o) => new (await import('@aws-sdk/client-cloudwatch-logs')).CloudWatchLogsClient(o),
  quotas: async (o) => new (await import('@aws-sdk/client-service-quotas')).ServiceQuotasClient(o),
  s3: async (o) =>
    new (await import('@aws-sdk/client-s3')).S3Client({ ...o, ...userS3Options({ endpoint: o.endpoint ?? null }) }),
  secrets: async (o) => new (await import('@aws-sdk/client-secrets-manager')).SecretsManagerClient(o),
  ssm: async (o) => new (await import('@aws-sdk/client-ssm')).SSMClient(o),
  sts: async (o) => new (await import('@aws-sdk/client-sts')).STSClient(o),
};

/** Names of the services in IAM's actions. */
export const IAM_PREFIX: Readonly<Record<keyof Clients, string>> = {
  cloudwatch: 'cloudwatch',
  ec2: 'ec2',
  elbv2: 'elasticloadbalancing',
  iam: 'iam',
  logs: 'logs',
  quotas: 'servicequotas',
  s3: 's3',
  secrets: 'secretsmanager',
  ssm: 'ssm',
  sts: 'sts',
};

type ClientOptions = ReturnType<typeof userClientOptions>;

/** Makes no call. @throws UserError */
export async function openSession(flags: SessionFlags, env: NodeJS.ProcessEnv = process.env): Promise<Session> {
  const resolved = await resolve(flags, env);
  const options = userClientOptions(resolved);
  const calls: CallMade[] = [];
  const clock: Clock = { aheadMs: null };
  const clients = new Map<keyof Clients, Promise<Clients[keyof Clients]>>();
  const made: Clients[keyof Clients][] = [];
  return {
    region: resolved.region,
    endpoint: resolved.endpoint,
    profile: resolved.profile,
    json: flags.json === true,
    colors: colorsOf(flags, env),
    client<K extends keyof Clients>(name: K): Promise<Clients[K]> {
      let client = clients.get(name) as Promise<Clients[K]> | undefined;
      if (client === undefined) {
        client = MAKERS[name](options).then((one) => {
          watchCalls(one, IAM_PREFIX[name], (call) => {
            if (calls.length < MAX_CALLS) calls.push(call);
          });
          watchClock(one, clock);
          made.push(one);
          return one;
        });
        clients.set(name, client);
      }
      return client;
    },
    calls,
    clockAheadMs: () => clock.aheadMs,
    explain: (error) => explain(error, resolved),
    close: () => {
      for (const client of made) client.destroy();
    },
  };
}

/** A command's whole life with a session: SDK errors come out as one sentence. */
export async function withSession<T>(flags: SessionFlags, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await openSession(flags);
  try {
    return await work(session);
  } catch (error) {
    throw session.explain(error);
  } finally {
    if (process.env.SYNKTI_DEBUG !== undefined) {
      for (const { name, tookMs, ok } of session.calls) {
        process.stderr.write(`${name} ${Math.round(tookMs)} ms${ok ? '' : ' failed'}\n`);
      }
    }
    session.close();
  }
}

async function resolve(flags: SessionFlags, env: NodeJS.ProcessEnv): Promise<UserAccess> {
  const address = flags.endpoint ?? (env.AWS_ENDPOINT_URL || undefined);
  const endpoint =
    address === undefined
      ? null
      : readEndpoint(address, flags.endpoint === undefined ? 'AWS_ENDPOINT_URL' : '--endpoint');
  const local = endpoint !== null && isLoopback(endpoint);
  const profile = flags.profile ?? (env.AWS_PROFILE || undefined) ?? null;
  const keys = flags.profile === undefined ? keysIn(env) : null;
  // Read anew: who logs in while a command runs has changed them.
  const files = await loadSharedConfigFiles({ ignoreCache: true });
  const { configFile, credentialsFile } = files;
  const known = { ...configFile, ...credentialsFile };
  if (profile !== null && keys === null && known[profile] === undefined) {
    const source = flags.profile === undefined ? ' (from AWS_PROFILE)' : '';
    const names = Object.keys(known).filter((name) => !name.includes('.'));
    throw new UserError(
      `There is no profile "${profile}"${source} in ~/.aws/config or ~/.aws/credentials.${suggestion(profile, names)}`,
    );
  }
  const inEnv = env.AWS_REGION ? 'AWS_REGION' : 'AWS_DEFAULT_REGION';
  const own = profile ?? 'default';
  const region =
    flags.region !== undefined
      ? readRegion(flags.region, '--region')
      : env[inEnv]
        ? readRegion(env[inEnv] ?? '', inEnv)
        : (configFile[own]?.region ?? credentialsFile[own]?.region ?? (local ? 'us-east-1' : null));
  if (region === null) {
    throw new UserError('No region is set; give --region eu-central-1, set AWS_REGION, or run: aws configure.');
  }
  return { region, endpoint, profile, keys: keys ?? (local && profile === null ? LOCAL_KEYS : null) };
}

function keysIn(env: NodeJS.ProcessEnv): UserAccess['keys'] {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: token } = env;
  if (!accessKeyId || !secretAccessKey) return null;
  return { accessKeyId, secretAccessKey, ...(token ? { sessionToken: token } : {}) };
}

interface Clock {
  aheadMs: number | null;
}

interface Answered {
  readonly response?: { readonly headers?: Readonly<Record<string, string>> };
}

interface Heard {
  readonly middlewareStack: {
    add(
      middleware: (next: (args: object) => Promise<Answered>) => (args: object) => Promise<Answered>,
      options: { readonly step: 'deserialize'; readonly name: string; readonly priority: 'low' },
    ): void;
  };
}

/** Every answer carries AWS's date. */
function watchClock(client: Clients[keyof Clients], clock: Clock): void {
  (client as unknown as Heard).middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args);
      const ms = Date.parse(answer.response?.headers?.date ?? '');
      if (Number.isFinite(ms)) clock.aheadMs = Date.now() - ms;
      return answer;
    },
    { step: 'deserialize', name: 'synktiClock', priority: 'low' },
  );
}
