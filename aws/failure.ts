/**
 * A failed call of somebody who has an AWS account - the command line, a program that borrows - in one sentence: what, where,
 * what to do.
 */
import { classify } from './errors.js';
import { callOf, type FailedCall } from './failed-call.js';

export interface Where {
  readonly region: string;
  readonly endpoint: string | null;
  readonly profile: string | null;
  /** How options are named: as flags, `--profile`, unless a program calls. */
  readonly byProgram?: boolean;
}

export interface Failure {
  readonly kind: 'credentials' | 'denied' | 'network' | 'throttle' | 'other';
  readonly text: string;
  /** Whether the user can mend it. */
  readonly mine: boolean;
}

/** Null: it is no error of an SDK call. */
export function failureOf(error: unknown, where: Where): Failure | null {
  const call = callOf(error);
  if (call === null) return null;
  const { code, message, kind } = classify(error);
  const credentials = credentialProblem(plainName(code), message, where);
  if (credentials !== null) return { kind: 'credentials', text: credentials, mine: true };
  const denied = deniedSentence(error, call);
  if (denied !== null) return { kind: 'denied', text: denied, mine: true };
  const network = networkProblem(error, code, where);
  if (network !== null) return { kind: 'network', ...network };
  if (kind === 'throttle') {
    const text = `AWS throttles ${actionOf(call)} (${code}), also after ${attemptsOf(error)} attempts; wait a minute and try again.`;
    return { kind: 'throttle', text, mine: false };
  }
  const text = `${actionOf(call)} failed in ${where.region}: ${firstSentence(message)} (${code}).`;
  return { kind: 'other', text, mine: false };
}

/** The missing right in words; null when the error is no denial. */
export function deniedSentence(error: unknown, call: FailedCall | null = callOf(error)): string | null {
  const denied = deniedAction(error, call);
  if (denied === null) return null;
  const on = denied.resource === null ? '' : ` on ${denied.resource}`;
  const who = denied.who === null ? 'These credentials' : denied.who;
  const why = denied.explicit ? 'A policy denies it explicitly' : 'No policy allows it';
  return `${who} may not call ${denied.action}${on}. ${why}; ask whoever manages the account for this right.`;
}

export interface Denied {
  /** `ec2:DescribeInstances`. */
  readonly action: string;
  /** ARN; null: not told. */
  readonly resource: string | null;
  readonly who: string | null;
  readonly explicit: boolean;
}

const DENIED = new Set(['UnauthorizedOperation', 'AccessDenied', 'NotAuthorized', 'Forbidden', 'UnauthorizedAccess']);

/** Null: the error is no denial. */
export function deniedAction(error: unknown, call: FailedCall | null = callOf(error)): Denied | null {
  const { code, message } = classify(error);
  if (!DENIED.has(plainName(code)) && statusOf(error) !== 403) return null;
  const told =
    /(?:User: (\S+) )?is not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9*]+)(?: on resource: (\S+?))?[.,]?(?: |$)/.exec(
      message,
    );
  if (told === null && call === null) return null;
  return {
    action: told?.[2] ?? (call === null ? '' : actionOf(call)),
    resource: told?.[3] ?? (call === null ? null : resourceOf(call)),
    who: told?.[1] ?? null,
    explicit: /explicit deny/.test(message),
  };
}

/** S3's calls have other names than the rights that they need. */
const S3_RIGHTS: Readonly<Record<string, string>> = {
  ListObjectsV2: 'ListBucket',
  HeadObject: 'GetObject',
  HeadBucket: 'ListBucket',
  ListObjectVersions: 'ListBucketVersions',
  DeleteObjects: 'DeleteObject',
};

const actionOf = ({ service, action }: FailedCall): string =>
  `${service}:${service === 's3' ? (S3_RIGHTS[action] ?? action) : action}`;

/** The one thing that a call's input names. */
function resourceOf({ service, input }: FailedCall): string | null {
  const { Bucket, Key, Name, TargetGroupArn, RoleName, StackName } = input as Record<string, unknown>;
  if (service === 's3' && typeof Bucket === 'string') {
    return `arn:aws:s3:::${Bucket}${typeof Key === 'string' ? `/${Key}` : ''}`;
  }
  for (const named of [TargetGroupArn, RoleName, StackName, Name]) if (typeof named === 'string') return named;
  return null;
}

const option = (name: string, { byProgram = false }: Where): string => (byProgram ? `the option ${name}` : `--${name}`);

function credentialProblem(name: string, message: string, where: Where): string | null {
  const { profile, region } = where;
  const login = `aws sso login${profile === null ? '' : ` --profile ${profile}`}`;
  if (/sso/i.test(message) && /expired|invalid|refresh|login/i.test(message)) {
    return `The SSO session${profile === null ? '' : ` of profile "${profile}"`} has ended; run: ${login}`;
  }
  switch (name) {
    case 'CredentialsProvider':
    case 'Credentials': {
      const found = profile === null ? 'No AWS credentials were found' : `Profile "${profile}" gives no credentials`;
      return `${found}; run aws configure or aws sso login, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give ${option('profile', where)}.`;
    }
    case 'ExpiredToken':
    case 'RequestExpired':
      return `The AWS credentials${profile === null ? '' : ` of profile "${profile}"`} have expired; get new ones, such as with: ${login}`;
    case 'RequestTimeTooSkewed':
      return "This machine's clock is off by more than AWS allows; set it, then try again.";
    case 'InvalidClientTokenId':
    case 'UnrecognizedClient':
    case 'InvalidAccessKeyId':
    case 'AuthFailure':
    case 'InvalidClientToken':
      return `AWS doesn't know these credentials in ${region}: the access key is wrong or gone, or the region isn't enabled for the account.`;
    case 'SignatureDoesNotMatch':
    case 'IncompleteSignature':
    case 'MissingAuthenticationToken':
      if (/expired|not yet current/i.test(message)) {
        return "This machine's clock is off by more than AWS allows; set it, then try again.";
      }
      return 'AWS refuses the signature of these credentials: the secret access key is wrong.';
    case 'OptInRequired':
      return `The account isn't signed up for this in ${region}; enable the region in the account, or give another Region by ${option('region', where)}.`;
    default:
      return null;
  }
}

function networkProblem(
  error: unknown,
  code: string,
  { endpoint, region }: Where,
): { text: string; mine: boolean } | null {
  const place = endpoint ?? `AWS in ${region}`;
  const hint =
    endpoint === null ? 'check the network' : 'is the rehearsal still running? Start one with: synkti rehearse --keep';
  switch (code) {
    case 'ECONNREFUSED':
      return { text: `Nothing answers at ${place}; ${hint}.`, mine: endpoint !== null };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return endpoint === null
        ? {
            text: `AWS has no address in "${region}": the region's name is wrong, or this machine has no network.`,
            mine: true,
          }
        : { text: `The name in ${endpoint} isn't known; give the address that the rehearsal prints.`, mine: true };
    case 'ETIMEDOUT':
    case 'ECONNRESET':
    case 'EPIPE':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'TimeoutError':
      return { text: `No answer from ${place} in time (${code}); ${hint}.`, mine: false };
    default:
      break;
  }
  // A body that is neither the XML nor the JSON of AWS.
  if (
    error instanceof Error &&
    '$response' in error &&
    (error instanceof SyntaxError || /deserialization|unparsable|closing tag/i.test(error.message))
  ) {
    return { text: `${place} answers, but not as AWS does: is it the address that the rehearsal prints?`, mine: true };
  }
  return null;
}

const plainName = (code: string): string => code.replace(/(Exception|Error)$/, '');

function statusOf(error: unknown): number | null {
  const status = (error as { $metadata?: { httpStatusCode?: unknown } } | null)?.$metadata?.httpStatusCode;
  return typeof status === 'number' ? status : null;
}

function attemptsOf(error: unknown): number {
  const attempts = (error as { $metadata?: { attempts?: unknown } } | null)?.$metadata?.attempts;
  return typeof attempts === 'number' ? attempts : 1;
}

/** Without the long encoded tail that some messages have. */
const firstSentence = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .split(/(?<=[^.]\.) /)[0]
    ?.replace(/\.$/, '')
    .slice(0, 300) ?? '';
