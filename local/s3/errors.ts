import { randomUUID } from 'node:crypto';
import { AwsError } from '../wire/error.js';
import type { WireResponse } from '../wire/service.js';
import { writeXml } from '../wire/xml.js';

/** S3's codes and their statuses (S3 API reference, "List of error codes"); what isn't here is 400. */
const STATUSES: Readonly<Record<string, number>> = {
  BucketAlreadyOwnedByYou: 409,
  BucketNotEmpty: 409,
  ConditionalRequestConflict: 409,
  InternalError: 500,
  InvalidRange: 416,
  MethodNotAllowed: 405,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NotImplemented: 501,
  PreconditionFailed: 412,
};

/** An error with elements of its own besides Code and Message. */
export class S3Error extends AwsError {
  readonly details: Readonly<Record<string, string>>;

  constructor(code: string, message: string, details: Readonly<Record<string, string>>) {
    super(code, message, STATUSES[code] ?? 400);
    this.details = details;
  }
}

export const s3Error = (code: string, message: string, details: Readonly<Record<string, string>> = {}): S3Error =>
  new S3Error(code, message, details);

export const notImplemented = (what: string): S3Error =>
  s3Error('NotImplemented', `The local cloud doesn't implement ${what}`);

/** The body of an error; S3's errors have no namespace. */
export function errorResponse(
  status: number,
  code: string,
  message: string,
  details: Readonly<Record<string, string>> = {},
): WireResponse {
  const id = randomUUID();
  return {
    status,
    headers: { 'content-type': 'application/xml', 'x-amz-request-id': id },
    body: writeXml({ Error: { Code: code, Message: message, ...details, RequestId: id } }),
  };
}
