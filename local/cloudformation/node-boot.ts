/**
 * Boots a node from its user data: fetches what it would fetch, with the node's own credentials, checks what it would
 * check, and says which process the agent's unit is.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { BootingNode, BootPlan } from '../cloud-types.js';
import { DeployError } from './errors.js';
import { fileOf, folderOf, hereOf, nodeFilesDir } from './node-files.js';
import { type Fetch, type NodePlan, readUserData, sha256 } from './user-data.js';
import { unzip } from './zip.js';

/** For `MachineOptions.plan` of one local cloud. `bare`: what instances without user data run. */
export function planFromUserData(bare: BootPlan | null = null): (node: BootingNode) => Promise<BootPlan> {
  const fetched = new Map<string, Promise<void>>();
  return async (node) => {
    const { instanceId, userData } = node;
    if (userData === null && bare !== null) return bare;
    if (userData === null) throw new DeployError('UNSUPPORTED', `${instanceId} has no user data that starts an agent.`);
    const plan = readUserData(Buffer.from(userData, 'base64').toString('utf8'), instanceId);
    const directory = nodeFilesDir(node.runDir);
    const s3 = clientOf(node);
    try {
      for (const fetch of plan.fetches) {
        await look(s3, fetch);
        const folder = folderOf(directory, fetch);
        const bringing = fetched.get(folder) ?? bring(s3, fetch, plan, directory);
        fetched.set(folder, bringing);
        // What failed for one may work for the next.
        await bringing.catch((error) => {
          fetched.delete(folder);
          throw error;
        });
      }
    } catch (error) {
      const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
      throw new DeployError(
        'RESOURCE',
        `${instanceId} couldn't fetch what its user data names: ${name}: ${message}`,
        null,
        error,
      );
    } finally {
      s3.destroy();
    }
    return {
      command: plan.command.map((word) => hereOf(plan, word, directory) ?? word),
      environment: plan.environment,
    };
  };
}

function clientOf({ credentials, endpoint, region, instanceId }: BootingNode): S3Client {
  const keys = credentials();
  if (keys === null) {
    throw new DeployError('RESOURCE', `${instanceId} has no role, so it can't fetch its agent from S3.`);
  }
  return new S3Client({ endpoint, region, credentials: keys, forcePathStyle: true, maxAttempts: 5 });
}

/** As the AWS CLI begins: every node needs the right to it, though one copy is enough here. */
async function look(s3: S3Client, { kind, bucket, key }: Fetch): Promise<void> {
  if (kind === 'file') await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
  else await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: key, MaxKeys: 1 }));
}

async function bring(s3: S3Client, fetch: Fetch, plan: NodePlan, directory: string): Promise<void> {
  const folder = folderOf(directory, fetch);
  const half = `${folder}.half`;
  await rm(half, { recursive: true, force: true });
  await mkdir(half, { recursive: true });
  if (fetch.kind === 'file') {
    const bytes = await download(s3, fetch.bucket, fetch.key);
    const digest = plan.digests.get(fetch.path);
    if (digest !== undefined && sha256(bytes) !== digest) {
      throw new Error(`${fetch.path} has the digest ${sha256(bytes)}, not ${digest}`);
    }
    if (plan.unpacked.has(fetch.path)) {
      for (const { path, bytes: content } of unzip(bytes)) await put(half, path, content);
    } else await writeFile(fileOf(directory, fetch).replace(folder, half), bytes, { mode: 0o755 });
  } else {
    for await (const key of keysOf(s3, fetch))
      await put(half, key.slice(fetch.key.length), await download(s3, fetch.bucket, key));
  }
  await rm(folder, { recursive: true, force: true });
  await rename(half, folder);
}

async function download(s3: S3Client, Bucket: string, Key: string): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

const MAX_PAGES = 1_000;

async function* keysOf(s3: S3Client, { bucket, key }: Fetch): AsyncGenerator<string> {
  let token: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { Contents, NextContinuationToken } = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: key, ContinuationToken: token }),
    );
    for (const one of Contents ?? []) if (one.Key !== undefined && !one.Key.endsWith('/')) yield one.Key;
    token = NextContinuationToken;
    if (token === undefined) return;
  }
}

async function put(folder: string, path: string, bytes: Buffer): Promise<void> {
  const target = resolve(join(folder, path));
  if (!target.startsWith(folder + sep)) throw new Error(`the key ${path} leads out of its folder`);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, bytes, { mode: 0o755 });
}
