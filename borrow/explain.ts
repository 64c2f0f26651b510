/** Any failure of a call as one sentence: what, where, what to do. */
import { classify } from '../aws/errors.js';
import { BorrowError } from './error.js';

/** The call that an error came from. */
export interface Call {
  /** As in IAM's actions: `ec2`, `elasticloadbalancing`. */
  readonly service: string;
  /** `DescribeVpcs`. */
  readonly action: string;
  readonly input: object;
}

export interface Where {
  readonly region: string;
  readonly endpoint: string | null;
  readonly profile: string | null;
}

const calls = new WeakMap<object, Call>();

export function rememberCall(error: unknown, call: Call): void {
  if (typeof error === 'object' && error !== null) calls.set(error, call);
}

export function explain(error: unknown, where: Where): BorrowError {
  if (error instanceof BorrowError) return error;
  const call = typeof error === 'object' && error !== null ? calls.get(error) : undefined;
  const { code, message } = classify(error);
  const name = code.replace(/(Exception|Error)$/, '');
  const credentials = credentialProblem(name, message, where);
  if (credentials !== null) return new BorrowError('CREDENTIALS', credentials, error);
  const network = networkProblem(code, where);
  if (network !== null) return new BorrowError('AWS', network, error);
  if (call === undefined) return new BorrowError('AWS', oneSentence(message), error);
  const action = actionOf(call);
  if (DENIED.has(name) || statusOf(error) === 403) {
    return new BorrowError('DENIED', deniedSentence(message, action, call), error);
  }
  return new BorrowError('AWS', `${action} failed in ${where.region}: ${oneSentence(message)} (${code}).`, error);
}

const DENIED = new Set(['UnauthorizedOperation', 'AccessDenied', 'NotAuthorized', 'Forbidden', 'UnauthorizedAccess']);

/** S3's calls have other names than the rights that they need. */
const S3_RIGHTS: Readonly<Record<string, string>> = { HeadObject: 'GetObject', HeadBucket: 'ListBucket' };

const actionOf = ({ service, action }: Call): string =>
  `${service}:${service === 's3' ? (S3_RIGHTS[action] ?? action) : action}`;

function deniedSentence(message: string, action: string, { input }: Call): string {
  const told =
    /(?:User: (\S+) )?is not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9*]+)(?: on resource: (\S+?))?[.,]?(?: |$)/.exec(
      message,
    );
  const { Bucket, Key, StackName } = input as Record<string, unknown>;
  const object =
    typeof Bucket === 'string' ? `arn:aws:s3:::${Bucket}${typeof Key === 'string' ? `/${Key}` : ''}` : null;
  const resource = told?.[3] ?? object ?? (typeof StackName === 'string' ? `the stack ${StackName}` : null);
  const who = told?.[1] ?? 'The caller';
  return `${who} may not call ${told?.[2] ?? action}${resource === null ? '' : ` on ${resource}`}: ask whoever manages the account for this right.`;
}

function credentialProblem(name: string, message: string, { profile, region }: Where): string | null {
  const whose = profile === null ? '' : ` of profile "${profile}"`;
  const login = `aws sso login${profile === null ? '' : ` --profile ${profile}`}`;
  if (/sso/i.test(message) && /expired|invalid|refresh|login/i.test(message)) {
    return `The SSO session${whose} has ended: run ${login}.`;
  }
  switch (name) {
    case 'CredentialsProvider':
    case 'Credentials':
      return profile === null
        ? 'No AWS credentials were found: run aws configure or aws sso login, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the option profile.'
        : `The profile "${profile}" gives no credentials: look at ~/.aws/config, or give another one.`;
    case 'ExpiredToken':
    case 'RequestExpired':
      return `The AWS credentials${whose} have expired: get new ones, such as with ${login}.`;
    case 'InvalidClientTokenId':
    case 'UnrecognizedClient':
    case 'InvalidAccessKeyId':
    case 'AuthFailure':
    case 'InvalidClientToken':
      return `AWS doesn't know these credentials in ${region}: the access key is wrong or gone, or the Region isn't enabled for the account.`;
    case 'SignatureDoesNotMatch':
    case 'IncompleteSignature':
    case 'MissingAuthenticationToken':
      return "AWS refuses the signature: the secret access key is wrong, or this machine's clock is off.";
    default:
      return null;
  }
}

function networkProblem(code: string, { endpoint, region }: Where): string | null {
  const place = endpoint ?? `AWS in ${region}`;
  switch (code) {
    case 'ECONNREFUSED':
      return `Nothing answers at ${place}: ${endpoint === null ? 'check the network' : 'start a local cloud with synkti rehearse --keep'}.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${place} has no address: the name is wrong, or this machine has no network.`;
    case 'ETIMEDOUT':
    case 'ECONNRESET':
    case 'EPIPE':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'TimeoutError':
      return `No answer from ${place} in time (${code}): check the network.`;
    default:
      return null;
  }
}

function statusOf(error: unknown): number | null {
  const status = (error as { $metadata?: { httpStatusCode?: unknown } } | null)?.$metadata?.httpStatusCode;
  return typeof status === 'number' ? status : null;
}

/** Without the long encoded tail that some messages have. */
const oneSentence = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .split(/(?<=[^.]\.) /)[0]
    ?.replace(/\.$/, '')
    .slice(0, 300) ?? '';
