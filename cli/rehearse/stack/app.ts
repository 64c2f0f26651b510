/** Runs a CDK app as `cdk synth` does: its command in a shell, told by the environment where to write and what it knows. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, UserError } from '../../user-error.js';

export interface Synthesized {
  /** Folder that the app wrote. */
  readonly directory: string;
  readonly remove: () => void;
}

const TIMEOUT_MS = 300_000;
/** The end of what the app says, for the complaint when it fails. */
const TAIL_LINES = 20;
const TAIL_BYTES = 16_384;
/** Linux takes no more in one variable of the environment. */
const MAX_CONTEXT = 100_000;

/** @param command null: what cdk.json of this folder says. @throws UserError */
export async function synthesize(command: string | null, folder: string): Promise<Synthesized> {
  const project = readProject(folder);
  const app = command ?? project.app;
  if (app === null) {
    throw new UserError(
      `--app has no value, and ${join(folder, 'cdk.json')} names no app; write --app "npx tsx bin/app.ts".`,
    );
  }
  const context = JSON.stringify({ ...DEFAULT_CONTEXT, ...project.context, ...readContext(folder) });
  if (context.length > MAX_CONTEXT) throw new UserError(`The context of ${folder} is too big to be handed to the app.`);
  const directory = mkdtempSync(join(tmpdir(), 'synkti-app-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    await runApp(app, folder, {
      CDK_OUTDIR: directory,
      CDK_CONTEXT_JSON: context,
      CDK_DEFAULT_REGION: process.env.CDK_DEFAULT_REGION ?? process.env.AWS_REGION ?? 'us-east-1',
    });
    if (!existsSync(join(directory, 'manifest.json'))) {
      throw new UserError(
        `The app "${app}" ended well and wrote no cloud assembly; it must make an App and let it synthesize.`,
      );
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { directory, remove };
}

/** What `cdk` itself adds. */
const DEFAULT_CONTEXT = {
  'aws:cdk:enable-path-metadata': true,
  'aws:cdk:enable-asset-metadata': true,
  'aws:cdk:version-reporting': false,
  'aws:cdk:bundling-stacks': ['**'],
};

interface Project {
  readonly app: string | null;
  readonly context: Readonly<Record<string, unknown>>;
}

function readProject(folder: string): Project {
  const { app, context } = readJson(join(folder, 'cdk.json'));
  return { app: typeof app === 'string' && app.trim() !== '' ? app : null, context: membersOf(context) };
}

const readContext = (folder: string): Readonly<Record<string, unknown>> => readJson(join(folder, 'cdk.context.json'));

function readJson(path: string): Readonly<Record<string, unknown>> {
  if (!existsSync(path)) return {};
  try {
    return membersOf(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new UserError(`${path} can't be read: ${messageOf(error)}.`);
  }
}

const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

async function runApp(command: string, folder: string, environment: Readonly<Record<string, string>>): Promise<void> {
  // A group of its own, so that all of it can be ended.
  const child = spawn(command, {
    shell: true,
    cwd: folder,
    env: { ...process.env, ...environment },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let tail = '';
  const keep = (data: Buffer): void => {
    tail = (tail + data.toString('utf8')).slice(-TAIL_BYTES);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const end = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  };
  let late = false;
  let stopped = false;
  const stop = (): void => {
    stopped = true;
    end();
  };
  const timer = setTimeout(() => {
    late = true;
    end();
  }, TIMEOUT_MS);
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const status = await new Promise<number | string | null>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  clearTimeout(timer);
  process.off('SIGINT', stop);
  process.off('SIGTERM', stop);
  if (status === 0) return;
  const lines = tail.trimEnd().split('\n').slice(-TAIL_LINES);
  const why = late
    ? `took longer than ${TIMEOUT_MS / 60_000} minutes`
    : stopped
      ? 'was stopped'
      : `failed (${status ?? 'no status'})`;
  throw new UserError(`The app "${command}" ${why}.${lines.map((line) => `\n  ${line}`).join('')}`);
}
