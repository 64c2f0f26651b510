/**
 * What must lie in the bootstrap's bucket before the stack is made: the assets, as `cdk deploy` would upload them, and the
 * template. Assets are named by their contents and shared by all stacks, so they stay; the template is removed again.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { classify, isNotFound } from '../aws/errors.js';
import { type ZipEntry, zip } from '../aws/zip.js';
import type { Aws, Caller } from './aws.js';
import { BorrowError } from './error.js';
import { isLoopback, isObject } from './options-aws.js';

export interface Asset {
  readonly bucket: string;
  readonly key: string;
  /** Absolute: a file, or a folder to be zipped. */
  readonly source: string;
  readonly packaging: 'file' | 'zip';
}

/** CloudFormation takes a larger template by its address alone. */
export const MAX_TEMPLATE_BODY = 51_200;
const MAX_FILES = 50_000;

export const bootstrapBucket = (qualifier: string, { account }: Caller, region: string): string =>
  `cdk-${qualifier}-assets-${account}-${region}`;

/**
 * The files of an asset manifest, but for its template. Pure.
 *
 * @throws BorrowError TEMPLATE for what only the CDK's command line can build
 */
export function assetsIn(manifest: unknown, folder: string): Asset[] {
  const { files, dockerImages } = (isObject(manifest) ? manifest : {}) as { files?: object; dockerImages?: object };
  if (Object.keys(dockerImages ?? {}).length > 0) {
    throw new BorrowError(
      'TEMPLATE',
      'A container image of this app would have to be built: push it to a registry, and name it there.',
    );
  }
  const assets: Asset[] = [];
  for (const file of Object.values((files ?? {}) as Record<string, ManifestFile>)) {
    const { path, packaging } = file.source;
    if (path === undefined)
      throw new BorrowError('TEMPLATE', 'An asset of this app is made by a program at deployment.');
    if (path.endsWith('.template.json')) continue;
    for (const { bucketName, objectKey } of Object.values(file.destinations)) {
      const source = isAbsolute(path) ? path : resolve(folder, path);
      assets.push({ bucket: bucketName, key: objectKey, source, packaging: packaging === 'zip' ? 'zip' : 'file' });
    }
  }
  return assets;
}

/** As aws-cdk-lib's schema of asset manifests has it. */
interface ManifestFile {
  readonly source: { readonly path?: string; readonly packaging?: string };
  readonly destinations: Readonly<Record<string, { readonly bucketName: string; readonly objectKey: string }>>;
}

/**
 * Nobody bootstraps a local cloud: there the bucket is made.
 *
 * @throws BorrowError BOOTSTRAP when there is no such bucket in this account, or what the SDK throws
 */
export async function requireBootstrap(aws: Aws, bucket: string, caller: Caller, signal: AbortSignal): Promise<void> {
  try {
    const query = new HeadBucketCommand({ Bucket: bucket, ExpectedBucketOwner: caller.account });
    await aws.s3.send(query, { abortSignal: signal });
  } catch (error) {
    if (!isNotFound(classify(error)) && classify(error).code !== 'NotFound') throw error;
    if (aws.endpoint !== null && isLoopback(aws.endpoint)) {
      await aws.s3.send(new CreateBucketCommand({ Bucket: bucket }), { abortSignal: signal });
      return;
    }
    throw new BorrowError(
      'BOOTSTRAP',
      `The bucket ${bucket} isn't there: prepare the account's Region once with npx cdk bootstrap aws://${caller.account}/${aws.region}.`,
      error,
    );
  }
}

/** Uploads those that aren't there. Returns how many. @throws what the SDK throws */
export async function upload(aws: Aws, assets: readonly Asset[], caller: Caller, signal: AbortSignal): Promise<number> {
  let uploaded = 0;
  for (const { bucket: Bucket, key: Key, source, packaging } of assets) {
    const place = { Bucket, Key, ExpectedBucketOwner: caller.account };
    if (await isThere(aws, place, signal)) continue;
    const Body = packaging === 'zip' ? zip(await entriesOf(source)) : await readFile(source);
    await aws.s3.send(new PutObjectCommand({ ...place, Body }), { abortSignal: signal });
    uploaded += 1;
  }
  return uploaded;
}

async function isThere(aws: Aws, place: { Bucket: string; Key: string }, signal: AbortSignal): Promise<boolean> {
  try {
    await aws.s3.send(new HeadObjectCommand(place), { abortSignal: signal });
    return true;
  } catch (error) {
    const { kind, code } = classify(error);
    // Without the right to list, S3 answers 403 for what isn't there; the upload then tells whether it is one.
    if (kind === 'not-found' || code === 'NotFound' || code === '403' || code === 'Forbidden') return false;
    throw error;
  }
}

/** A template that lies in S3 as long as it is needed. */
export interface PlacedTemplate {
  remove(): Promise<void>;
}

export async function placeTemplate(
  aws: Aws,
  place: { readonly bucket: string; readonly key: string },
  template: string,
  caller: Caller,
  signal: AbortSignal,
): Promise<PlacedTemplate> {
  const object = { Bucket: place.bucket, Key: place.key, ExpectedBucketOwner: caller.account };
  await aws.s3.send(new PutObjectCommand({ ...object, Body: template, ContentType: 'application/json' }), {
    abortSignal: signal,
  });
  return {
    remove: async () => {
      await aws.s3.send(new DeleteObjectCommand(object));
    },
  };
}

/** As CloudFormation wants it. */
export const templateAddress = (
  aws: Aws,
  { bucket, key }: { readonly bucket: string; readonly key: string },
  { partition }: Caller,
): string => `${aws.endpoint ?? s3Address(aws.region, partition)}/${bucket}/${key}`;

const s3Address = (region: string, partition: string): string =>
  `https://s3.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;

async function entriesOf(folder: string): Promise<ZipEntry[]> {
  const paths = (await readdir(folder, { recursive: true })).sort();
  if (paths.length > MAX_FILES)
    throw new BorrowError('TEMPLATE', `The folder ${folder} has more than ${MAX_FILES} files.`);
  const entries: ZipEntry[] = [];
  for (const path of paths) {
    const full = join(folder, path);
    if (!(await stat(full)).isFile()) continue;
    entries.push({ path: relative(folder, full).replaceAll('\\', '/'), bytes: await readFile(full) });
  }
  return entries;
}
