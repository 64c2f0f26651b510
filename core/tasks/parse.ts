/**
 * Reads what stands in the bucket. Others wrote it, of other versions perhaps, so nothing of it is believed unchecked;
 * each answer is a value, or one sentence that says what is wrong.
 */
import { type Field, type Parsed, Problem } from '../spec/field.js';
import {
  BOUNDS,
  checkpointRef,
  DATA_URL,
  duration,
  HOOK_URL,
  innerPath,
  optional,
  readBounded,
  share,
  TASK_ID,
  TASK_KEY,
  taskWork,
  variables,
  wallTime,
} from './fields.js';
import { CHECKPOINTS } from './keys.js';
import {
  type Attempt,
  type CheckpointSpec,
  type Lease,
  MAX_ATTEMPTS,
  MAX_SAVE_PROBLEM,
  type Manifest,
  type ManifestFile,
  type TaskDeadline,
  type TaskRecord,
  type TaskSpec,
} from './task.js';

/** Longest texts, in characters. The last lines that a task wrote may need six characters a byte in JSON. */
export const MAX_SPEC_TEXT = 131_072;
export const MAX_LEASE_TEXT = 131_072;
export const MAX_RECORD_TEXT = MAX_SPEC_TEXT + MAX_LEASE_TEXT;
export const MAX_MANIFEST_TEXT = 67_108_864;
/** Files that a checkpoint may have. */
export const MAX_FILES = 100_000;
/** Characters of a task's last lines that are kept. */
export const MAX_TAIL = 4_096;

export const parseTaskSpec = (text: string): Parsed<TaskSpec> => readBounded('task', text, MAX_SPEC_TEXT, taskSpec);

export const parseLease = (text: string): Parsed<Lease> => readBounded('lease', text, MAX_LEASE_TEXT, lease);

export const parseManifest = (text: string): Parsed<Manifest> =>
  readBounded('manifest', text, MAX_MANIFEST_TEXT, manifest);

/** One line of a journal, or a poison task's object. */
export const parseRecordLine = (text: string): Parsed<TaskRecord> =>
  readBounded('record', text, MAX_RECORD_TEXT, (field) => {
    field.onlyKeys('spec', 'lease');
    const record = { spec: taskSpec(field.at('spec')), lease: lease(field.at('lease')) };
    if (record.spec.id !== record.lease.id || record.spec.run !== record.lease.run) {
      throw new Problem(`${field.name}: its task and its lease are two different tasks'.`);
    }
    return record;
  });

export function taskSpec(field: Field): TaskSpec {
  field.onlyKeys(
    ...['format', 'id', 'run', 'submittedMs', 'work', 'environment', 'memoryMiB', 'gpuMemoryMiB', 'expectedMs'],
    ...['deadline', 'checkpoint', 'retries', 'priority', 'data', 'stopGraceMs', 'resume'],
  );
  return {
    format: field.at('format').integer(1, 1) as 1,
    id: taskId(field),
    run: field.at('run').integer(1, BOUNDS.run),
    submittedMs: wallTime(field.at('submittedMs')),
    work: taskWork(field.at('work')),
    environment: variables(field.at('environment')),
    memoryMiB: field.at('memoryMiB').integer(1, BOUNDS.memoryMiB),
    gpuMemoryMiB: field.at('gpuMemoryMiB').integer(0, BOUNDS.memoryMiB),
    expectedMs: optional(field.at('expectedMs'), duration),
    deadline: optional(field.at('deadline'), deadline),
    checkpoint: optional(field.at('checkpoint'), checkpointSpec),
    retries: field.at('retries').integer(0, BOUNDS.retries),
    priority: field.at('priority').integer(0, BOUNDS.priority),
    data: field
      .at('data')
      .list(0, BOUNDS.data)
      .map((one) => one.text(DATA_URL, 's3://bucket/prefix')),
    stopGraceMs: field.at('stopGraceMs').integer(0, BOUNDS.graceMs),
    resume: optional(field.at('resume'), checkpointRef),
  };
}

export function lease(field: Field): Lease {
  field.onlyKeys(
    ...['format', 'id', 'run', 'state', 'fence', 'holder', 'nonce', 'checkpoint', 'progress', 'attempts', 'failures'],
    ...['saveProblem', 'tail'],
  );
  const state = field.at('state').oneOf('held', 'free', 'done', 'failed', 'cancelled');
  const holder = optional(field.at('holder'), instanceId);
  if ((state === 'held') !== (holder !== null)) {
    throw new Problem(`${field.name}.holder must be there while the lease is held, and only then.`);
  }
  return {
    format: field.at('format').integer(1, 1) as 1,
    id: taskId(field),
    run: field.at('run').integer(1, BOUNDS.run),
    state,
    fence: field.at('fence').integer(1, BOUNDS.fence),
    holder,
    nonce: field.at('nonce').text(/^[0-9a-z-]{1,64}$/, '1 to 64 letters, digits or hyphens'),
    checkpoint: optional(field.at('checkpoint'), checkpointRef),
    progress: share(field.at('progress')),
    attempts: field.at('attempts').list(0, MAX_ATTEMPTS).map(attempt),
    failures: field.at('failures').integer(0, BOUNDS.fence),
    saveProblem: optional(field.at('saveProblem'), (one) =>
      one.text(/^[\s\S]{0,200}$/, `text of at most ${MAX_SAVE_PROBLEM} characters`),
    ),
    tail: field.at('tail').text(/^[\s\S]{0,4096}$/, `text of at most ${MAX_TAIL} characters`),
  };
}

function manifest(field: Field): Manifest {
  field.onlyKeys('format', 'task', 'fence', 'seq', 'files', 'emptyFolders');
  const files = field.at('files').list(0, MAX_FILES).map(manifestFile);
  const emptyFolders = field.at('emptyFolders').list(0, MAX_FILES).map(innerPath);
  const paths = new Set([...files.map(({ path }) => path), ...emptyFolders]);
  if (paths.size !== files.length + emptyFolders.length) throw new Problem(`${field.name} has a file twice.`);
  for (const path of paths) {
    for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
      if (paths.has(path.slice(0, cut))) throw new Problem(`${field.name} has a file that is also a folder.`);
    }
  }
  return {
    format: field.at('format').integer(1, 1) as 1,
    task: field.at('task').text(TASK_KEY, "a task's key"),
    fence: field.at('fence').integer(1, BOUNDS.fence),
    seq: field.at('seq').integer(1, BOUNDS.fence),
    files,
    emptyFolders,
  };
}

const CONTENT_KEY =
  /^[a-z0-9][a-z0-9-]{0,62}\.[1-9][0-9]{0,5}\/[1-9][0-9]{0,9}\/files\/[1-9][0-9]{0,9}-([0-9a-f]{64})$/;

function manifestFile(field: Field): ManifestFile {
  field.onlyKeys('path', 'bytes', 'sha256', 'key', 'mode');
  const sha256 = field.at('sha256').text(/^[0-9a-f]{64}$/, 'a SHA-256 in hexadecimal digits');
  const key = field.at('key').text(/^[\x21-\x7e]{1,1000}$/, 'the key of a content');
  const found = key.startsWith(CHECKPOINTS) ? CONTENT_KEY.exec(key.slice(CHECKPOINTS.length)) : null;
  if (found?.[1] !== sha256) throw new Problem(`${field.name}.key isn't the key of that content.`);
  return {
    path: innerPath(field.at('path')),
    bytes: field.at('bytes').integer(0, Number.MAX_SAFE_INTEGER),
    sha256,
    key,
    mode: field.at('mode').integer(0, 0o777),
  };
}

function attempt(field: Field): Attempt {
  field.onlyKeys(
    ...['fence', 'instanceId', 'instanceType', 'zone', 'lifecycle', 'startedMs', 'endedMs', 'end', 'exitCode', 'share'],
    'redoneMs',
  );
  return {
    fence: field.at('fence').integer(1, BOUNDS.fence),
    instanceId: instanceId(field.at('instanceId')),
    instanceType: field.at('instanceType').text(/^[a-z0-9.-]{1,64}$/, 'an instance type'),
    zone: field.at('zone').text(/^[a-z0-9-]{1,40}$/, 'a zone'),
    lifecycle: field.at('lifecycle').oneOf('spot', 'on-demand'),
    startedMs: wallTime(field.at('startedMs')),
    endedMs: optional(field.at('endedMs'), wallTime),
    end: optional(field.at('end'), (f) => f.oneOf('done', 'failed', 'interrupted', 'handed-over', 'cancelled', 'lost')),
    exitCode: optional(field.at('exitCode'), (f) => f.integer(-(2 ** 31), 2 ** 32)),
    share: field.at('share').number(0, 1),
    redoneMs: duration(field.at('redoneMs')),
  };
}

const taskId = (field: Field): string =>
  field.at('id').text(TASK_ID, 'lower case letters, digits and hyphens, at most 63, letter or digit first');

const instanceId = (field: Field): string => field.text(/^[a-z0-9-]{1,64}$/, 'the id of an instance');

function deadline(field: Field): TaskDeadline {
  field.onlyKeys('atMs', 'policy');
  return { atMs: wallTime(field.at('atMs')), policy: field.at('policy').oneOf('uniform-progress', 'adaptive') };
}

function checkpointSpec(field: Field): CheckpointSpec {
  field.onlyKeys('folder', 'intervalMs', 'notify');
  const notify = field.at('notify');
  const by = notify.at('by').oneOf('signal', 'http', 'none');
  notify.onlyKeys('by', ...(by === 'http' ? ['url'] : []));
  return {
    folder: innerPath(field.at('folder')),
    intervalMs: optional(field.at('intervalMs'), (f) => f.integer(1_000, BOUNDS.durationMs)),
    notify:
      by === 'http' ? { by, url: notify.at('url').text(HOOK_URL, "a URL of the task's own, on localhost") } : { by },
  };
}
