/**
 * A task's program and the host's part of it, in virtual time: it computes so many ms, keeps a running digest of what it
 * computed, marks its state now and then, and its checkpoint folder holds that state in two files, besides one that never
 * changes and one whose few contents come back again and again. A restore that finds a state whose files don't belong
 * together is told as torn.
 */
import { hash32 } from '../../../core/rng.js';
import { type Contents, keyFor, keyOf } from '../../../core/tasks/contents.js';
import { manifestKey } from '../../../core/tasks/keys.js';
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

/** The files of a state; the second one says what the first one must be. */
export const filesOf = (steps: number): readonly { readonly path: string; readonly body: string }[] => [
  { path: 'state', body: `${steps}:${digestAt(steps)}` },
  { path: 'check', body: `of ${steps}:${digestAt(steps)}` },
  { path: 'phase', body: phaseOf(steps) },
  { path: 'same', body: 'same' },
];

const phaseOf = (steps: number): string => `phase ${Math.floor(steps / 10) % 2}`;

/** 64 hexadecimal digits that stand for SHA-256 here. */
export const sha = (body: string): string => {
  let text = '';
  for (let i = 0; i < 8; i++) text += hash32(`${i}${body}`).toString(16).padStart(8, '0');
  return text;
};

export interface UploadedFile {
  readonly path: string;
  readonly body: string;
  readonly sha256: string;
  readonly key: string;
}

export interface Upload {
  readonly files: readonly UploadedFile[];
  /** Of these, what isn't in the bucket yet. */
  readonly fresh: readonly UploadedFile[];
  readonly manifest: string;
  readonly ref: CheckpointRef;
}

/** What save `seq` has to put: the contents, then the manifest. */
export function uploadOf(spec: TaskSpec, contents: Contents, seq: number, steps: number, workMs: number): Upload {
  const { fence } = contents;
  const files = filesOf(steps).map(({ path, body }) => {
    const sha256 = sha(body);
    return { path, body, sha256, key: keyFor(contents, seq, sha256) };
  });
  const manifest: Manifest = {
    format: 1,
    task: taskKey(spec),
    fence,
    seq,
    files: files.map(({ body, ...file }) => ({ ...file, bytes: body.length, mode: 0o644 })),
    emptyFolders: [],
  };
  return {
    files,
    fresh: files.filter(({ sha256 }) => keyOf(contents, sha256) === null),
    manifest: JSON.stringify(manifest),
    ref: {
      fence,
      seq,
      manifest: manifestKey(spec, fence, seq),
      bytes: files.reduce((sum, { body }) => sum + body.length, 0),
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
  if (bodies.get('phase') !== phaseOf(Number(steps))) return 'its phase is of another state';
  return digestAt(Number(steps)) === digest ? Number(steps) : 'its digest is wrong';
}

/** Contents of a whole checkpoint, by digest: what its holder needn't send again. */
export function inheritedFrom(s3: ModelS3, ref: CheckpointRef | null): Map<string, string> {
  const parsed = ref === null ? null : parseManifest(s3.objects.get(ref.manifest)?.body ?? '');
  return new Map(parsed?.ok === true ? parsed.value.files.map(({ sha256, key }) => [sha256, key]) : []);
}
