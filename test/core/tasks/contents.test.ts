import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasSent, keyFor, keyOf, newContents, prune, wereDeleted, willName } from '../../../core/tasks/contents.js';
import { manifestKey } from '../../../core/tasks/keys.js';
import type { CheckpointRef } from '../../../core/tasks/task.js';

const TASK = { id: 'a', run: 1 };
const FENCE = 2;
const refOf = (seq: number, fence = FENCE): CheckpointRef => ({
  ...{ fence, seq, manifest: manifestKey(TASK, fence, seq), bytes: 1, progress: null, doneMs: 0 },
});
const INHERITED = new Map([['old', 'tasks/checkpoints/a.1/1/files/1-old']]);

describe('contents', () => {
  it('are kept as long as a manifest from the oldest kept one on names them', () => {
    const contents = newContents(TASK, FENCE, INHERITED);
    const save = (seq: number, digests: readonly string[]): void => {
      for (const one of digests) hasSent(contents, seq, one);
      willName(
        contents,
        seq,
        digests.map((one) => keyFor(contents, seq, one)),
      );
    };
    save(1, ['x', 'y', 'old']);
    save(2, ['y', 'z']);
    save(3, ['z']);
    expect(prune(contents, [refOf(1, 1)])).toEqual([]);
    expect(prune(contents, [refOf(3), refOf(2)])).toEqual([
      manifestKey(TASK, FENCE, 1),
      'tasks/checkpoints/a.1/2/files/1-x',
    ]);
    expect(keyOf(contents, 'x')).toBeNull();
    expect(keyFor(contents, 4, 'x')).toBe('tasks/checkpoints/a.1/2/files/4-x');
    expect(keyOf(contents, 'old')).toBe(INHERITED.get('old'));
  });

  it('once to be deleted are never named again, whatever is saved, tried twice, lost or deleted late', () => {
    const act = fc.oneof(
      fc.record({ type: fc.constant('save'), digests: fc.array(fc.constantFrom('p', 'q', 'r', 'old')) }),
      fc.record({ type: fc.constant('retry'), digests: fc.array(fc.constantFrom('p', 'q', 'r', 'old')) }),
      fc.record({ type: fc.constant('prune'), back: fc.nat(2), answered: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
        const contents = newContents(TASK, FENCE, INHERITED);
        const doomed = new Set<string>();
        /** What each manifest in the bucket may say: the last put of it, or one before it that arrives late. */
        const manifests = new Map<number, Set<string>>();
        let [seq, oldest, pruned] = [0, 1, true];
        for (const one of acts) {
          if ('digests' in one) {
            // Prunes and saves take turns, so no save is tried again after a prune.
            seq += one.type === 'save' || pruned ? 1 : 0;
            pruned = false;
            const keys = one.digests.map((digest) => keyFor(contents, seq, digest));
            for (const key of keys) expect(doomed.has(key)).toBe(false);
            for (const digest of one.digests) hasSent(contents, seq, digest);
            willName(contents, seq, keys);
            manifests.set(seq, new Set([...(manifests.get(seq) ?? []), ...keys]));
            continue;
          }
          oldest = Math.max(oldest, seq - one.back);
          pruned = true;
          const keys = prune(contents, [refOf(oldest)]);
          for (const key of keys) doomed.add(key);
          for (const [named, needs] of manifests) {
            if (named >= oldest) for (const key of needs) expect(doomed.has(key)).toBe(false);
          }
          expect(doomed.has(INHERITED.get('old') ?? '')).toBe(false);
          if (one.answered) wereDeleted(contents, keys);
        }
      }),
    );
  });
});
