import { AwsError } from './error.js';

/** What a SigV4 signature says of its request. The signature itself isn't verified. */
export interface CredentialScope {
  readonly accessKeyId: string;
  readonly region: string;
  /** Signing name. */
  readonly service: string;
  /** Session token of temporary credentials. */
  readonly sessionToken: string | null;
}

/**
 * The credential scope of a request: from the Authorization header, or of a presigned query.
 *
 * @throws AwsError `MissingAuthenticationToken` (403) when unsigned, `IncompleteSignature` (400) when malformed.
 */
export function credentialScope(headers: Readonly<Record<string, string>>, query: URLSearchParams): CredentialScope {
  const authorization = headers.authorization;
  const presigned = query.get('X-Amz-Credential');
  let credential: string;
  if (authorization !== undefined) {
    const match = /^AWS4-[A-Z0-9-]+\s+(?:.*[\s,])?Credential=([^,\s]+)/.exec(authorization.slice(0, 2048));
    if (match?.[1] === undefined) {
      throw new AwsError('IncompleteSignature', 'The Authorization header holds no SigV4 credential scope');
    }
    credential = match[1];
  } else if (presigned !== null) {
    credential = presigned;
  } else {
    throw new AwsError('MissingAuthenticationToken', 'Request is missing Authentication Token', 403);
  }
  const parts = credential.split('/');
  const [accessKeyId, date, region, service, terminator] = parts;
  if (
    parts.length !== 5 ||
    !accessKeyId ||
    !/^\d{8}$/.test(date ?? '') ||
    !region ||
    !service ||
    terminator !== 'aws4_request'
  ) {
    throw new AwsError('IncompleteSignature', `Credential scope '${credential.slice(0, 200)}' isn't a SigV4 one`);
  }
  const sessionToken = headers['x-amz-security-token'] ?? query.get('X-Amz-Security-Token');
  return { accessKeyId, region, service, sessionToken };
}
