import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentKey } from '../../../core/tasks/keys.js';
import { parseNote } from '../../../core/tasks/note.js';
import { parseLease, parseManifest, parseRecordLine, parseTaskSpec } from '../../../core/tasks/parse.js';
import type { Note } from '../../../core/tasks/port.js';
import type { Manifest } from '../../../core/tasks/task.js';
import { CHECKPOINT, LEASE, SPEC } from './samples.js';

const SHA = 'ab'.repeat(32);
const MANIFEST: Manifest = {
  format: 1,
  task: 'train-7.1',
  fence: 3,
  seq: 2,
  files: [{ path: 'a/b.bin', bytes: 5, sha256: SHA, key: contentKey(SPEC, 1, 1, SHA), mode: 0o644 }],
  emptyFolders: ['a/none'],
};

const NOTES: readonly Note[] = [
  { type: 'offer', spec: SPEC, stateMiB: 3, keepMs: 1_000 },
  { type: 'accept', task: 'train-7.1' },
  { type: 'refuse', task: 'train-7.1', reason: 'no room' },
  { type: 'take', task: 'train-7.1', fence: 3, checkpoint: CHECKPOINT },
  { type: 'take', task: 'train-7.1', fence: 3, checkpoint: null },
  { type: 'taking', task: 'train-7.1' },
  { type: 'running', task: 'train-7.1' },
  { type: 'yours', task: 'train-7.1', lease: LEASE, etag: '"abc"' },
  { type: 'keep', task: 'train-7.1' },
  { type: 'release', task: 'train-7.1' },
  { type: 'ok' },
];

describe('texts of the bucket', () => {
  it('what was written is read back', () => {
    expect(parseTaskSpec(JSON.stringify(SPEC))).toEqual({ ok: true, value: SPEC });
    expect(parseLease(JSON.stringify(LEASE))).toEqual({ ok: true, value: LEASE });
    expect(parseManifest(JSON.stringify(MANIFEST))).toEqual({ ok: true, value: MANIFEST });
    const record = { spec: SPEC, lease: LEASE };
    expect(parseRecordLine(JSON.stringify(record))).toEqual({ ok: true, value: record });
  });

  it.each(NOTES)('a note is read back: $type', (note) => {
    expect(parseNote(JSON.stringify(note))).toEqual({ ok: true, value: note });
  });

  const bad: readonly (readonly [what: string, parse: (text: string) => unknown, value: unknown, problem: RegExp])[] = [
    ['a format to come', parseTaskSpec, { ...SPEC, format: 2 }, /task\.format must be 1/],
    ['an unknown field', parseTaskSpec, { ...SPEC, pace: 1 }, /isn't known, "pace"/],
    ['an id with a slash', parseTaskSpec, { ...SPEC, id: 'a/b' }, /task\.id must be lower case/],
    [
      'a folder that leads out',
      parseTaskSpec,
      { ...SPEC, checkpoint: { folder: 'a/../../b', intervalMs: null, notify: { by: 'none' } } },
      /leads out/,
    ],
    ['a held lease without a holder', parseLease, { ...LEASE, holder: null }, /holder must be there/],
    ['a free lease with a holder', parseLease, { ...LEASE, state: 'free' }, /holder must be there/],
    ['a fence of zero', parseLease, { ...LEASE, fence: 0 }, /fence must be a whole number/],
    ['progress beyond the end', parseLease, { ...LEASE, progress: 1.5 }, /progress must be a number from 0 to 1/],
    [
      'a manifest elsewhere',
      parseLease,
      { ...LEASE, checkpoint: { ...CHECKPOINT, manifest: 'seats/1.json' } },
      /isn't the key of checkpoint 3\/2/,
    ],
    [
      'a manifest of another number',
      parseLease,
      { ...LEASE, checkpoint: { ...CHECKPOINT, seq: 9 } },
      /isn't the key of checkpoint 3\/9/,
    ],
    ['a record of two tasks', parseRecordLine, { spec: { ...SPEC, run: 2 }, lease: LEASE }, /two different tasks/],
    [
      'a file that leads out',
      parseManifest,
      { ...MANIFEST, files: [{ ...MANIFEST.files[0], path: '../x' }] },
      /leads out/,
    ],
    ['a file twice', parseManifest, { ...MANIFEST, files: [MANIFEST.files[0], MANIFEST.files[0]] }, /a file twice/],
    [
      'a file that is a folder',
      parseManifest,
      { ...MANIFEST, files: [MANIFEST.files[0], { ...MANIFEST.files[0], path: 'a' }] },
      /also a folder/,
    ],
    [
      'a content of another digest',
      parseManifest,
      { ...MANIFEST, files: [{ ...MANIFEST.files[0], sha256: 'cd'.repeat(32) }] },
      /isn't the key of that content/,
    ],
    ['a note of an unknown type', parseNote, { type: 'grab', task: 'a.1' }, /note\.type must be one of/],
    ["another task's lease", parseNote, { type: 'yours', task: 'b.1', lease: LEASE, etag: '"e"' }, /another task's/],
  ];
  it.each(bad)('%s is refused', (_, parse, value, problem) => {
    expect(parse(JSON.stringify(value))).toMatchObject({ ok: false, problem: expect.stringMatching(problem) });
  });

  it('too long a text is not even parsed', () => {
    expect(parseLease(' '.repeat(200_000))).toMatchObject({ ok: false, problem: expect.stringMatching(/more than/) });
  });

  it('nothing makes them throw, and no field may be of another kind', () => {
    const parsers = [parseTaskSpec, parseLease, parseManifest, parseRecordLine, parseNote];
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...parsers), (value, parse) => {
        expect(parse(JSON.stringify(value)).ok).toBe(false);
      }),
      { seed: 4, numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(LEASE)), fc.jsonValue(), (key, value) => {
        const parsed = parseLease(JSON.stringify({ ...LEASE, [key]: value }));
        if (parsed.ok)
          expect(JSON.parse(JSON.stringify(parsed.value))).toEqual(JSON.parse(JSON.stringify(parsed.value)));
        else expect(parsed.problem).toMatch(/\.$/);
      }),
      { seed: 4, numRuns: 300 },
    );
  });
});
