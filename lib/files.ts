import { aws_s3_assets as assets, aws_iam as iam, type aws_s3 as s3 } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Right } from './policy.js';

/** Files that a node fetches before it joins its cluster: a model, data, a program. */
export interface WorkloadFiles {
  /** Where they come from. */
  readonly source: FileSource;
  /** Folder, as an absolute path: of the node for a process, of the container for a container (read-only). */
  readonly path: string;
}

/**
 * Where a workload's files come from. They are fetched once, at a node's first boot.
 *
 * @example
 * declare const models: s3.IBucket;
 * FileSource.bucket(models, 'llama-3.1-8b');
 */
export class FileSource {
  /** All objects under a prefix of a bucket. */
  public static bucket(bucket: s3.IBucket, prefix: string): FileSource {
    return new FileSource(() => fromBucket(bucket, prefix), false);
  }

  /** All objects under `files/` and the prefix in the cluster's own bucket, which then keeps their versions. */
  public static clusterBucket(prefix: string): FileSource {
    return new FileSource((_scope, own) => fromBucket(own, `files/${trimSlashes(prefix)}`), true);
  }

  /** A local folder or file, uploaded at deployment. A folder is unpacked on the node. */
  public static asset(path: string): FileSource {
    return new FileSource((scope) => {
      const asset = new assets.Asset(scope, 'Files', { path });
      const name = asset.isZipArchive ? 'files.zip' : (path.split(/[\\/]/).pop() ?? 'file');
      return {
        fetch: (region, folder) => [
          `retry aws s3 cp --only-show-errors --region ${region} ${asset.s3ObjectUrl} ${quote(`${folder}/${name}`)}`,
          ...(asset.isZipArchive ? [`unzip -q -o ${quote(`${folder}/${name}`)} -d ${quote(folder)}`] : []),
          ...(asset.isZipArchive ? [`rm ${quote(`${folder}/${name}`)}`] : []),
        ],
        needsUnzip: asset.isZipArchive,
        rights: [
          {
            statement: new iam.PolicyStatement({
              actions: ['s3:GetObject'],
              resources: [asset.bucket.arnForObjects(asset.s3ObjectKey)],
            }),
          },
        ],
      };
    }, false);
  }

  /** @internal */
  public readonly _needsVersions: boolean;
  readonly #bind: (scope: Construct, clusterBucket: s3.IBucket) => BoundFiles;

  private constructor(bind: (scope: Construct, clusterBucket: s3.IBucket) => BoundFiles, needsVersions: boolean) {
    this.#bind = bind;
    this._needsVersions = needsVersions;
  }

  /** @internal */
  public _bind(scope: Construct, clusterBucket: s3.IBucket): BoundFiles {
    return this.#bind(scope, clusterBucket);
  }
}

export interface BoundFiles {
  /** Commands that fill an existing folder. */
  readonly fetch: (region: string, folder: string) => readonly string[];
  readonly needsUnzip: boolean;
  readonly rights: readonly Right[];
}

function fromBucket(bucket: s3.IBucket, prefix: string): BoundFiles {
  const folderKey = `${trimSlashes(prefix)}/`;
  return {
    fetch: (region, folder) => [
      `retry aws s3 sync --only-show-errors --region ${region} ${quote(`s3://${bucket.bucketName}/${folderKey}`)} ${quote(folder)}`,
    ],
    needsUnzip: false,
    rights: [
      {
        statement: new iam.PolicyStatement({
          actions: ['s3:GetObject'],
          resources: [bucket.arnForObjects(`${folderKey}*`)],
        }),
        wildcards: "The workload's files are whatever lies under their prefix.",
      },
      {
        statement: new iam.PolicyStatement({
          actions: ['s3:ListBucket'],
          resources: [bucket.bucketArn],
          conditions: { StringLike: { 's3:prefix': `${folderKey}*` } },
        }),
      },
      ...(bucket.encryptionKey === undefined
        ? []
        : [
            {
              statement: new iam.PolicyStatement({
                actions: ['kms:Decrypt'],
                resources: [bucket.encryptionKey.keyArn],
              }),
            },
          ]),
    ],
  };
}

const trimSlashes = (prefix: string): string => prefix.replace(/^\/+|\/+$/g, '');

/** For a shell: nothing inside single quotes means anything. */
export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
