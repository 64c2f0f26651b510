import { readdirSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { CreateBucketCommand, DeleteBucketCommand, DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { z } from 'zod';
import type { Clients } from './clients.js';
import { DeployError } from './errors.js';
import type { StackFacts } from './handler.js';
import { type ZipEntry, zip } from './zip.js';

/** A file or folder of cdk.out, and where the template looks for it. */
export interface Asset {
  readonly bucket: string;
  readonly key: string;
  /** Absolute. */
  readonly source: string;
  readonly packaging: 'file' | 'zip';
}

export interface Assets {
  /** Null: the template's object is none of its assets. */
  find(bucket: string, key: string): Asset | null;
}

const manifest = z.looseObject({
  files: z
    .record(
      z.string(),
      z.looseObject({
        source: z.looseObject({
          path: z.string().optional(),
          packaging: z.enum(['file', 'zip']).default('file'),
          executable: z.array(z.string()).optional(),
        }),
        destinations: z.record(z.string(), z.looseObject({ bucketName: z.string(), objectKey: z.string() })),
      }),
    )
    .default({}),
  dockerImages: z.record(z.string(), z.unknown()).default({}),
});

const MAX_FILES = 50_000;

/** Reads the asset manifests of a cloud assembly; the templates in it aren't assets of theirs. @throws DeployError */
export function readAssets(directory: string, stack: StackFacts): { readonly files: Asset[]; readonly images: number } {
  const files = new Map<string, Asset>();
  let images = 0;
  let names: string[];
  try {
    names = readdirSync(directory).filter((name) => name.endsWith('.assets.json'));
  } catch (error) {
    throw bad(`There is no folder ${directory}: give the folder that cdk synth wrote.`, error);
  }
  for (const name of names.sort()) {
    const path = join(directory, name);
    let content: z.output<typeof manifest>;
    try {
      content = manifest.parse(JSON.parse(readFileSync(path, 'utf8')));
    } catch (error) {
      throw bad(`${path} is no asset manifest that can be read: synthesize the app again.`, error);
    }
    images += Object.keys(content.dockerImages).length;
    for (const [id, { source, destinations }] of Object.entries(content.files)) {
      if (source.path === undefined) {
        throw bad(`The asset ${id.slice(0, 20)} is made by a program of its own at deployment, which isn't emulated.`);
      }
      if (source.path.endsWith('.template.json')) continue;
      for (const { bucketName, objectKey } of Object.values(destinations)) {
        const asset: Asset = {
          bucket: concrete(bucketName, stack),
          key: concrete(objectKey, stack),
          source: isAbsolute(source.path) ? source.path : resolve(directory, source.path),
          packaging: source.packaging,
        };
        files.set(`${asset.bucket}/${asset.key}`, asset);
      }
    }
  }
  return { files: [...files.values()], images };
}

/** Looks up assets by where the template says they are. */
export const assetsOf = (files: readonly Asset[]): Assets => {
  const byPlace = new Map(files.map((asset) => [`${asset.bucket}/${asset.key}`, asset]));
  return { find: (bucket, key) => byPlace.get(`${bucket}/${key}`) ?? null };
};

const concrete = (text: string, { accountId, region }: StackFacts): string =>
  text
    .replaceAll(`\${AWS::AccountId}`, accountId)
    .replaceAll(`\${AWS::Region}`, region)
    .replaceAll(`\${AWS::Partition}`, 'aws');

/** Does what `cdk deploy` does before the stack: buckets of the bootstrap, and the assets in them. */
export async function publishAssets(clients: Clients, files: readonly Asset[]): Promise<{ remove(): Promise<void> }> {
  const made: string[] = [];
  for (const Bucket of new Set(files.map(({ bucket }) => bucket))) {
    try {
      await clients.s3.send(new CreateBucketCommand({ Bucket }));
      made.push(Bucket);
    } catch (error) {
      if (!(error instanceof Error && error.name === 'BucketAlreadyOwnedByYou')) throw error;
    }
  }
  for (const { bucket, key, source, packaging } of files) {
    const Body = packaging === 'zip' ? zip(entriesOf(source)) : read(source);
    await clients.s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body }));
  }
  return {
    remove: async () => {
      for (const { bucket, key } of files) {
        await clients.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
      }
      for (const Bucket of made) await clients.s3.send(new DeleteBucketCommand({ Bucket }));
    },
  };
}

function entriesOf(folder: string): ZipEntry[] {
  const entries: ZipEntry[] = [];
  const walk = (directory: string): void => {
    for (const entry of readdirSync(directory).sort()) {
      const path = join(directory, entry);
      if (statSync(path).isDirectory()) walk(path);
      else entries.push({ path: relative(folder, path).replaceAll('\\', '/'), bytes: read(path) });
      if (entries.length > MAX_FILES) throw bad(`The asset ${folder} has more than ${MAX_FILES} files.`);
    }
  };
  try {
    walk(folder);
  } catch (error) {
    throw error instanceof DeployError ? error : bad(`The asset ${folder} can't be read: synthesize again.`, error);
  }
  return entries;
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw bad(`The asset ${path} can't be read: synthesize the app again.`, error);
  }
}

const bad = (message: string, cause?: unknown): DeployError => new DeployError('ASSET', message, null, cause);
