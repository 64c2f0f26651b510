import type { Readable } from 'node:stream';

/** A request to the local cloud after routing: the service comes from the signature's credential scope. */
export interface WireRequest {
  /** Signing name: `ec2`, `elasticloadbalancing`, `s3`, `ssm`, `secretsmanager`, `sts`, `events`, ... */
  readonly service: string;
  readonly region: string;
  /** Who calls. */
  readonly principal: Principal;
  readonly method: string;
  /** Raw path as sent, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  /** Whole body, already freed of aws-chunked framing. */
  readonly body: Buffer;
  /** Whether the caller has gone meanwhile. */
  readonly isGone?: () => boolean;
}

export type Principal =
  /** Somebody at the command line: any access key that the cloud didn't issue. */
  | { readonly kind: 'user'; readonly accessKeyId: string }
  /** A node, by the role credentials that its IMDS gave out. */
  | { readonly kind: 'node'; readonly instanceId: string; readonly roleArn: string }
  /** A Lambda function, by the role credentials in its environment. */
  | {
      readonly kind: 'function';
      readonly functionName: string;
      readonly functionArn: string;
      readonly roleArn: string;
    };

export interface WireResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | Readable;
}

/** Names in lower case. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** One emulated AWS service. */
export interface Service {
  /** Signing name. */
  readonly name: string;
  /** The action's name for the call history and for faults, such as `CreateFleet` or `GetObject`; null if unknown. */
  actionOf(request: WireRequest): string | null;
  handle(request: WireRequest): WireResponse | Promise<WireResponse>;
  /** The error body of this service's protocol, for throttles and denials; some speak as they are spoken to. */
  error(status: number, code: string, message: string, asked: RequestHeaders): WireResponse;
}
