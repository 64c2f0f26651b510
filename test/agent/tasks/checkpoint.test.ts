import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Damaged } from '../../../agent/tasks/restore.js';
import { partBytes } from '../../../agent/tasks/upload.js';
import type { Transfer } from '../../../aws/transfer.js';
import { BUCKET, type Bucket, contents, openBucket, openPlace, type Place, restored, saved } from './world.js';

let bucket: Bucket;
const places: Place[] = [];
const roots: string[] = [];
beforeAll(async () => {
  bucket = await openBucket();
});
afterEach(async () => {
  await Promise.all(places.splice(0).map((place) => place.close()));
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});
afterAll(() => bucket.close());

function place(options: Partial<Parameters<typeof openPlace>[0]> = {}): Place {
  const made = openPlace({ bucket, ...options });
  places.push(made);
  return made;
}
async function back(ref: Parameters<typeof restored>[1]) {
  const got = await restored(bucket, ref);
  roots.push(got.root);
  return got;
}
let fences = 0;
const fence = (): number => ++fences;

describe('a checkpoint', () => {
  it('comes back as it was: folders, modes, empty and large files', async () => {
    const at = place({ fence: fence(), doneMs: 5_000 });
    at.write('a/b/deep.txt', 'deep');
    at.write('empty', '');
    at.write('model.bin', Buffer.alloc(17 * 1_048_576, 'weights'));
    chmodSync(join(at.folder, 'a/b/deep.txt'), 0o640);
    mkdirSync(join(at.folder, 'a/empty/deeper'), { recursive: true });
    at.mark(0.25);
    const ref = await saved(at, 1);
    expect(ref).toMatchObject({ seq: 1, bytes: 17 * 1_048_576 + 4, progress: 0.25 });
    expect(ref.doneMs).toBeGreaterThanOrEqual(4_900);
    const got = await back(ref);
    expect(contents(got.folder)).toEqual(contents(at.folder));
    expect(statSync(join(got.folder, 'a/empty/deeper')).isDirectory()).toBe(true);
    expect(got.manifest.emptyFolders).toEqual(['a/empty/deeper']);
    expect(statSync(join(got.folder, 'a/b/deep.txt')).mode & 0o777).toBe(0o640);
    expect(bucket.requests('CreateMultipartUpload')).toBe(1);
  });

  it('sends what changed, and no content twice', async () => {
    const first = fence();
    const at = place({ fence: first });
    at.write('same', 'same');
    at.write('copy-1', 'copy');
    at.write('copy-2', 'copy');
    await saved(at, 1);
    expect(bucket.keys(`tasks/checkpoints/train.1/${first}/files/`)).toHaveLength(2);
    at.replace('changed', 'new');
    at.replace('same', 'same');
    const before = bucket.requests('PutObject');
    const ref = await saved(at, 2);
    expect(bucket.requests('PutObject') - before).toBe(2);
    // The next holder names the contents of the one before, and sends only its own.
    const got = await back(ref);
    const second = fence();
    const next = place({ fence: second, restored: { files: got.files, root: got.root } });
    next.replace('copy-3', 'copy');
    next.replace('mine', 'mine');
    const later = await saved(next, 1);
    expect(bucket.keys(`tasks/checkpoints/train.1/${second}/files/`)).toHaveLength(1);
    expect(contents((await back(later)).folder)).toEqual(contents(next.folder));
  });

  it('is of the latest mark, while the task already writes the next state', async () => {
    const at = place({ fence: fence() });
    at.replace('step', '1');
    at.replace('digest', 'one');
    at.mark(0.1);
    await at.checkpoints.marked();
    at.replace('step', '2');
    const ref = await saved(at, 1);
    expect(ref.progress).toBe(0.1);
    expect(contents((await back(ref)).folder)).toEqual({ digest: 'one', step: '1' });
    // Nothing newer is whole: it isn't saved by guessing.
    expect(contents((await back(await saved(at, 2))).folder)).toEqual({ digest: 'one', step: '1' });
    at.mark(0.15);
    at.replace('step', '3');
    // A file system's clock ticks every few ms: as if the next tick had passed.
    const soon = Date.now() / 1_000 + 0.05;
    utimesSync(join(at.folder, 'step'), soon, soon);
    const torn = await at.checkpoints.save(3, performance.now() + 300);
    expect(torn).toMatchObject({ ok: false, why: expect.stringContaining('newer than the mark') });
    at.replace('digest', 'two');
    at.mark(0.2);
    utimesSync(join(at.root, 'mark', 'consistent'), soon + 1, soon + 1);
    expect(contents((await back(await saved(at, 4))).folder)).toEqual({ digest: 'two', step: '3' });
  });

  it('is never torn by a task that changes files in place', async () => {
    // Each content is written over while it is sent, until the task has had enough.
    let left = 3;
    let at: Place | null = null;
    const transfer: Transfer = {
      ...bucket.transfer,
      async put(key, body, options) {
        if (left > 0 && key.includes('/files/')) {
          left -= 1;
          writeFileSync(join(at?.folder ?? '', 'a'), `a${left}`);
          writeFileSync(join(at?.folder ?? '', 'b'), `b${left}`);
        }
        await bucket.transfer.put(key, body, options);
      },
    };
    at = place({ fence: fence(), transfer });
    at.write('a', 'a9');
    at.write('b', 'b9');
    const ref = await saved(at, 1);
    const found = contents((await back(ref)).folder);
    expect(found.a?.slice(1)).toBe(found.b?.slice(1));
  });

  it('is refused where a link leads out, and leaves special files out', async () => {
    const at = place({ fence: fence() });
    at.write('real', 'x');
    symlinkSync('real', join(at.folder, 'latest'));
    execFileSync('mkfifo', [join(at.folder, 'pipe')]);
    const ref = await saved(at, 1);
    expect(contents((await back(ref)).folder)).toEqual({ latest: 'x', real: 'x' });
    expect(at.skipped).toEqual(['pipe']);
    symlinkSync('/etc/hostname', join(at.folder, 'out'));
    const refused = await at.checkpoints.save(2, performance.now() + 2_000);
    expect(refused).toMatchObject({ ok: false, why: 'the checkpoint folder has a link that leads out of it: "out"' });
    rmSync(join(at.folder, 'out'));
    symlinkSync('gone', join(at.folder, 'nowhere'));
    // At once: no other look will find more.
    expect(await at.checkpoints.save(3, performance.now() + 60_000)).toMatchObject({
      ...{ ok: false, why: 'the checkpoint folder has a link that leads nowhere: "nowhere"' },
    });
  });

  it('is refused where the folder itself was replaced by a link', async () => {
    const at = place({ fence: fence() });
    rmSync(at.folder, { recursive: true });
    symlinkSync('/etc', at.folder);
    const refused = await at.checkpoints.save(1, performance.now() + 2_000);
    expect(refused).toMatchObject({ ok: false, why: "the checkpoint folder leads out of the task's working folder" });
  });

  it('fails by its deadline, leaves no upload behind, and goes through later', async () => {
    let hang = true;
    const transfer: Transfer = {
      ...bucket.transfer,
      putPart: (key, id, number, body, signal) =>
        hang
          ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
          : bucket.transfer.putPart(key, id, number, body, signal),
    };
    const at = place({ fence: fence(), transfer });
    at.write('large', Buffer.alloc(18 * 1_048_576, 1));
    const began = performance.now();
    const aborted = bucket.requests('AbortMultipartUpload');
    expect(await at.checkpoints.save(1, began + 1_500)).toMatchObject({
      ok: false,
      why: expect.stringMatching(/no time/),
    });
    expect(performance.now() - began).toBeLessThan(4_100);
    expect(bucket.requests('AbortMultipartUpload')).toBe(aborted + 1);
    hang = false;
    await saved(at, 2);
  });

  it('forgets contents that no kept checkpoint names, and only those', async () => {
    const own = fence();
    const at = place({ fence: own });
    at.write('stays', 'stays');
    at.write('state', 'one');
    await saved(at, 1);
    at.replace('state', 'two');
    const second = await saved(at, 2);
    at.replace('state', 'three');
    const third = await saved(at, 3);
    await at.checkpoints.prune([third, second]);
    expect(bucket.keys(`tasks/checkpoints/train.1/${own}/files/`)).toHaveLength(3);
    expect(bucket.keys(`tasks/checkpoints/train.1/${own}/1.json`)).toEqual([]);
    for (const ref of [second, third]) await back(ref);
    // A content that was deleted is sent again when it comes back.
    at.replace('state', 'one');
    const again = await saved(at, 4);
    expect(contents((await back(again)).folder)).toEqual({ stays: 'stays', state: 'one' });
  });

  it('is whole after a deletion that arrives long after its sender gave up', async () => {
    const late: (() => Promise<void>)[] = [];
    const transfer: Transfer = {
      ...bucket.transfer,
      remove: async (keys) => {
        late.push(() => bucket.transfer.remove(keys, new AbortController().signal));
        throw new Error('no answer');
      },
    };
    const at = place({ fence: fence(), transfer });
    const states = ['one', 'two', 'three', 'one', 'two'];
    const refs = [];
    for (const [index, state] of states.entries()) {
      at.replace('state', state);
      refs.push(await saved(at, index + 1));
      await at.checkpoints.prune(refs.slice(-2)).catch(() => {});
    }
    expect(late.length).toBeGreaterThan(2);
    for (const arrive of late) await arrive();
    for (const [index, ref] of refs.entries()) {
      if (index >= refs.length - 2) expect(contents((await back(ref)).folder)).toEqual({ state: states[index] });
    }
  });

  it('whatever a task does between saves, the last one restores to what was there', async () => {
    const edit = fc.record({
      path: fc.constantFrom('a', 'b', 'dir/a', 'dir/b', 'dir/sub/c'),
      content: fc.constantFrom('', 'x', 'y', 'longer text'),
      act: fc.constantFrom('write', 'replace', 'remove'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(edit, { maxLength: 4 }), { minLength: 1, maxLength: 4 }), async (rounds) => {
        const at = place({ fence: fence() });
        let seq = 0;
        let last = null;
        for (const edits of rounds) {
          for (const { path, content, act } of edits) {
            if (act === 'remove') rmSync(join(at.folder, path), { force: true });
            else at[act as 'write' | 'replace'](path, content);
          }
          seq += 1;
          const before = last;
          last = await saved(at, seq);
          if (before !== null) await at.checkpoints.prune([last, before]);
        }
        if (last === null) return;
        expect(contents((await back(last)).folder)).toEqual(contents(at.folder));
      }),
      { numRuns: 12 },
    );
  });
});

describe('a restore', () => {
  it('refuses what is damaged: another content, a missing one, no manifest', async () => {
    const own = fence();
    const at = place({ fence: own });
    at.write('state', 'precious');
    const ref = await saved(at, 1);
    const [content = ''] = bucket.keys(`tasks/checkpoints/train.1/${own}/files/`);
    const { signal } = new AbortController();
    await bucket.transfer.put(content, Buffer.from('precioux'), { signal });
    await expect(back(ref)).rejects.toThrow(Damaged);
    await bucket.transfer.remove([content], signal);
    await expect(back(ref)).rejects.toThrow(/isn't there/);
    await expect(back({ ...ref, seq: 2 })).rejects.toThrow(/is the manifest of/);
    await bucket.transfer.put(ref.manifest, Buffer.from('{'), { signal });
    await expect(back(ref)).rejects.toThrow(Damaged);
    await bucket.transfer.remove([ref.manifest], signal);
    await expect(back(ref)).rejects.toThrow(/isn't there/);
  });

  it("begins a later run of the same task, and no earlier or other task's", async () => {
    const at = place({ fence: fence() });
    at.write('state', 'precious');
    const ref = await saved(at, 1);
    const next = await restored(bucket, ref, 'train.2');
    roots.push(next.root);
    expect(contents(next.folder)).toEqual(contents(at.folder));
    for (const other of ['train.0', 'other.2', 'train-x.2']) {
      await expect(restored(bucket, ref, other)).rejects.toThrow(/is the manifest of train.1/);
    }
  });

  it('never writes outside of its folder, whatever a manifest says', async () => {
    const own = fence();
    const at = place({ fence: own });
    at.write('state', 'x');
    const ref = await saved(at, 1);
    const { signal } = new AbortController();
    const text = readFileSync(join(at.folder, 'state'), 'utf8');
    expect(text).toBe('x');
    for (const path of ['../out', '/etc/out', 'a/../../out', 'a\\b', '']) {
      const manifest = JSON.parse(
        (await bucket.transfer.get({ bucket: BUCKET, key: ref.manifest }, null, 9_999, signal)).toString(),
      );
      manifest.files[0].path = path;
      await bucket.transfer.put(ref.manifest, Buffer.from(JSON.stringify(manifest)), { signal });
      await expect(back(ref)).rejects.toThrow(Damaged);
    }
  });
});

it('parts stay within what S3 allows', () => {
  expect(partBytes(17 * 1_048_576)).toBe(8 * 1_048_576);
  const huge = 5 * 1_024 ** 4;
  expect(Math.ceil(huge / partBytes(huge))).toBeLessThanOrEqual(10_000);
});
