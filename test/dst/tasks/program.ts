/**
 * A task's program and the host's part of it, in virtual time: it computes so many ms, keeps a running digest of what it
 * computed, marks its state now and then, and its checkpoint folder holds that state in two files. A restore that finds a
 * state whose files don't belong together is told as torn.
 */
import { hash32 } from '../../../core/rng.js';
import { contentKey, manifestKey } from '../../../core/tasks/keys.js';
import { parseManifest } from '../../../core/tasks/parse.js';
import type { CheckpointRef, Manifest, TaskSpec } from '../../../core/tasks/task.js';
import { taskKey } from '../../../core/tasks/task.js';
import type { ModelS3 } from './s3.js';

/** What a program of the schedules does; told by its command line. */
export interface Behaviour {
  /** Computing time, in ms. */
  readonly workMs: number;
  /** Between two marks; 0: it never marks. */
  readonly markMs: number;
  /** It ends badly in so many executions at its start, one that counts by its attempts. */
  readonly exit: number;
  /** It takes the agent down when it starts. */
  readonly deadly: boolean;
  /** It writes its state and ends with 0 on SIGTERM; else it is killed. */
  readonly graceful: boolean;
}

export const commandOf = (b: Behaviour): readonly string[] => ['model', JSON.stringify(b)];

export function behaviourOf(spec: TaskSpec): Behaviour {
  const { work } = spec;
  return JSON.parse(work.kind === 'process' ? (work.command[1] ?? '{}') : '{}') as Behaviour;
}

/** The running digest after so many steps of computing; each step is 100 ms of work. */
export const digestAt = (steps: number): string => {
  const known = digests[steps];
  if (known !== undefined) return known;
  for (let i = digests.length; i <= steps; i++) digests.push(hash32(`${digests[i - 1] ?? ''}${i}`).toString(16));
  return digests[steps] as string;
};
const digests: string[] = [];
export const STEP_MS = 100;

/** The two files of a state; the second one says what the first one must be. */
export const filesOf = (steps: number): readonly { readonly path: string; readonly body: string }[] => [
  { path: 'state', body: `${steps}:${digestAt(steps)}` },
  { path: 'check', body: `of ${steps}:${digestAt(steps)}` },
];

/** 64 hexadecimal digits that stand for SHA-256 here. */
export const sha = (body: string): string => {
  let text = '';
  for (let i = 0; i < 8; i++) text += hash32(`${i}${body}`).toString(16).padStart(8, '0');
  return text;
};

export interface Upload {
  readonly puts: readonly { readonly key: string; readonly body: string }[];
  readonly ref: CheckpointRef;
}

/** What has to be put, in order, the manifest last. */
export function uploadOf(spec: TaskSpec, fence: number, seq: number, steps: number, workMs: number): Upload {
  const files = filesOf(steps).map(({ path, body }) => {
    const sha256 = sha(body);
    return { path, bytes: body.length, sha256, key: contentKey(spec, fence, sha256), mode: 0o644, body };
  });
  const manifest: Manifest = {
    format: 1,
    task: taskKey(spec),
    fence,
    seq,
    files: files.map(({ body, ...file }) => file),
  };
  const key = manifestKey(spec, fence, seq);
  return {
    puts: [...files.map(({ key, body }) => ({ key, body })), { key, body: JSON.stringify(manifest) }],
    ref: {
      fence,
      seq,
      manifest: key,
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      progress: Math.min(1, (steps * STEP_MS) / workMs),
      doneMs: 0,
    },
  };
}

/** The steps that a checkpoint stands for; a text: what is wrong with it. */
export function restoredSteps(s3: ModelS3, ref: CheckpointRef): number | string {
  const object = s3.objects.get(ref.manifest);
  if (object === undefined) return `its manifest ${ref.manifest} is missing`;
  const manifest = parseManifest(object.body);
  if (!manifest.ok) return manifest.problem;
  const bodies = new Map<string, string>();
  for (const file of manifest.value.files) {
    const content = s3.objects.get(file.key);
    if (content === undefined) return `its content ${file.key} is missing`;
    if (sha(content.body) !== file.sha256) return `its content ${file.key} has another digest`;
    bodies.set(file.path, content.body);
  }
  const state = bodies.get('state') ?? '';
  if (bodies.get('check') !== `of ${state}`) return 'its files are of two states';
  const [steps = '', digest] = state.split(':');
  return digestAt(Number(steps)) === digest ? Number(steps) : 'its digest is wrong';
}

/** What a host deletes at a prune: manifests of this fence before those kept, and contents that no later one names. */
export function pruned(s3: ModelS3, prefix: string, fence: number, keep: readonly CheckpointRef[]): string[] {
  const own = `${prefix}${fence}/`;
  const oldest = Math.min(...keep.filter((one) => one.fence === fence).map(({ seq }) => seq));
  const kept = new Set<string>();
  for (const key of s3.under(own)) {
    if (!key.endsWith('.json') || Number(key.slice(own.length, -'.json'.length)) < oldest) continue;
    const parsed = parseManifest(s3.objects.get(key)?.body ?? '');
    kept.add(key);
    if (parsed.ok) for (const file of parsed.value.files) kept.add(file.key);
  }
  return s3.under(own).filter((key) => !kept.has(key));
}
