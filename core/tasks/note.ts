/** Reads what a peer's worker says. Peers are of the same cluster, but may be of another version, or ill. */
import { type Field, type Parsed, Problem } from '../spec/field.js';
import { BOUNDS, checkpointRef, optional, readBounded, TASK_KEY } from './fields.js';
import { lease, MAX_RECORD_TEXT, taskSpec } from './parse.js';
import type { Note } from './port.js';
import { taskKey } from './task.js';

/** Longest note, in characters; far below a frame of the gossip's streams. */
export const MAX_NOTE_TEXT = MAX_RECORD_TEXT + 10_000;

export const parseNote = (text: string): Parsed<Note> => readBounded('note', text, MAX_NOTE_TEXT, note);

export const writeNote = (note: Note): string => JSON.stringify(note);

function note(field: Field): Note {
  const type = field
    .at('type')
    .oneOf('offer', 'accept', 'refuse', 'take', 'taking', 'running', 'yours', 'keep', 'release', 'ok');
  switch (type) {
    case 'offer':
      field.onlyKeys('type', 'spec', 'stateMiB', 'keepMs');
      return {
        type,
        spec: taskSpec(field.at('spec')),
        stateMiB: field.at('stateMiB').integer(0, BOUNDS.memoryMiB),
        keepMs: field.at('keepMs').integer(0, 3_600_000),
      };
    case 'accept':
    case 'taking':
    case 'running':
    case 'keep':
    case 'release':
      field.onlyKeys('type', 'task');
      return { type, task: task(field) };
    case 'refuse':
      field.onlyKeys('type', 'task', 'reason');
      return { type, task: task(field), reason: field.at('reason').text(/^[\x20-\x7e]{0,200}$/, 'a short reason') };
    case 'take':
      field.onlyKeys('type', 'task', 'fence', 'checkpoint');
      return {
        type,
        task: task(field),
        fence: field.at('fence').integer(1, BOUNDS.fence),
        checkpoint: optional(field.at('checkpoint'), checkpointRef),
      };
    case 'yours': {
      field.onlyKeys('type', 'task', 'lease', 'etag');
      const given = { type, task: task(field), lease: lease(field.at('lease')), etag: etag(field) };
      if (taskKey(given.lease) !== given.task) throw new Problem(`${field.name}.lease is another task's.`);
      return given;
    }
    case 'ok':
      field.onlyKeys('type');
      return { type };
  }
}

const task = (field: Field): string => field.at('task').text(TASK_KEY, "a task's key");

const etag = (field: Field): string => field.at('etag').text(/^[\x21-\x7e]{1,200}$/, 'an ETag');
