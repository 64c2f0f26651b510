/**
 * Which permissions S3's calls need.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 */
import { parseXml, placeOf, records, textOf } from '../../s3/request.js';
import type { WireRequest } from '../../wire/service.js';
import type { Ask } from '../evaluate.js';

export interface S3Asks {
  hasObject(bucket: string, key: string): boolean;
}

const OBJECT_ACTIONS: Readonly<Record<string, string>> = {
  GetObject: 's3:GetObject',
  HeadObject: 's3:GetObject',
  PutObject: 's3:PutObject',
  CopyObject: 's3:PutObject',
  DeleteObject: 's3:DeleteObject',
  CreateMultipartUpload: 's3:PutObject',
  UploadPart: 's3:PutObject',
  CompleteMultipartUpload: 's3:PutObject',
  AbortMultipartUpload: 's3:AbortMultipartUpload',
  ListParts: 's3:ListMultipartUploadParts',
};

const BUCKET_ACTIONS: Readonly<Record<string, string>> = {
  CreateBucket: 's3:CreateBucket',
  HeadBucket: 's3:ListBucket',
  DeleteBucket: 's3:DeleteBucket',
  GetBucketLocation: 's3:GetBucketLocation',
  ListObjects: 's3:ListBucket',
  ListObjectsV2: 's3:ListBucket',
  ListObjectVersions: 's3:ListBucketVersions',
  ListMultipartUploads: 's3:ListBucketMultipartUploads',
};

export function s3Asks(host: S3Asks, action: string, request: WireRequest): Ask[] {
  if (action === 'ListBuckets') return [{ action: 's3:ListAllMyBuckets', resource: '*', context: {} }];
  const place = placeOf(request.path);
  const bucket = place.bucket ?? '';
  const key = place.key ?? '';
  const ofBucket = BUCKET_ACTIONS[action];
  if (ofBucket !== undefined) return [{ action: ofBucket, resource: bucketArn(bucket), context: listContext(request) }];
  if (action === 'DeleteObjects') {
    return toDelete(request).flatMap(({ key: one, version }) => {
      const resource = `${bucketArn(bucket)}/${one}`;
      const asks: Ask[] = [{ action: 's3:DeleteObject', resource, context: {} }];
      if (version) asks.push({ action: 's3:DeleteObjectVersion', resource, context: {} });
      return asks;
    });
  }
  const asks: Ask[] = [];
  if (action === 'CopyObject') {
    const source = decodeURIComponent(
      (request.headers['x-amz-copy-source'] ?? '').replace(/^\//, '').split('?')[0] ?? '',
    );
    asks.push({ action: 's3:GetObject', resource: `arn:aws:s3:::${source}`, context: {} });
  }
  asks.push({
    action: OBJECT_ACTIONS[action] ?? `s3:${action}`,
    resource: `${bucketArn(bucket)}/${key}`,
    context: writeContext(request),
  });
  // Who may not list is told 403, not 404, of an object that isn't there.
  if (OBJECT_ACTIONS[action] === 's3:GetObject' && !host.hasObject(bucket, key)) {
    asks.push({ action: 's3:ListBucket', resource: bucketArn(bucket), context: {} });
  }
  return asks;
}

const bucketArn = (bucket: string): string => `arn:aws:s3:::${bucket}`;

function listContext({ query }: WireRequest): Record<string, string> {
  const context: Record<string, string> = {};
  for (const name of ['prefix', 'delimiter', 'max-keys']) {
    const value = query.get(name);
    if (value !== null) context[`s3:${name}`] = value;
  }
  return context;
}

function writeContext({ headers }: WireRequest): Record<string, string> {
  const context: Record<string, string> = {};
  for (const name of ['if-match', 'if-none-match']) {
    const value = headers[name];
    if (value !== undefined) context[`s3:${name}`] = value;
  }
  for (const name of ['x-amz-server-side-encryption', 'x-amz-acl', 'x-amz-storage-class']) {
    const value = headers[name];
    if (value !== undefined) context[`s3:${name}`] = value;
  }
  return context;
}

/** A body that isn't right is for the call itself to refuse. */
function toDelete(request: WireRequest): { readonly key: string; readonly version: boolean }[] {
  try {
    return records(parseXml(request.body, 'Delete'), 'Object').flatMap((one) => {
      const key = textOf(one, 'Key');
      return key === undefined ? [] : [{ key, version: textOf(one, 'VersionId') !== undefined }];
    });
  } catch {
    return [{ key: '', version: false }];
  }
}
