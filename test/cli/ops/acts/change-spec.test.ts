/** Changes of the spec in a real Parameter Store's ways: versions, others that write in between. */
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { describe, expect, it } from 'vitest';
import type { FoundCluster } from '../../../../cli/aws/clusters.js';
import type { Session } from '../../../../cli/aws/session.js';
import { changeSpec, edited, type SpecJson } from '../../../../cli/ops/acts/change-spec.js';
import { specOf } from '../../../core/fixtures.js';

/** A parameter with its versions; `before` is called before each put, as somebody else's chance. */
class Store {
  readonly versions: string[] = [];
  readonly before: (() => void)[] = [];

  constructor(spec: object) {
    this.versions.push(JSON.stringify(spec));
  }

  get latest(): SpecJson {
    return JSON.parse(this.versions.at(-1) ?? '') as SpecJson;
  }

  put(change: SpecJson): void {
    this.versions.push(JSON.stringify({ ...this.latest, ...change }));
  }

  async send(command: unknown): Promise<object> {
    if (command instanceof GetParameterCommand) {
      const [, version] = /:(\d+)$/.exec(command.input.Name ?? '') ?? [];
      const Version = version === undefined ? this.versions.length : Number(version);
      return { Parameter: { Value: this.versions[Version - 1], Version } };
    }
    if (!(command instanceof PutParameterCommand)) throw new Error('no such call');
    this.before.shift()?.();
    this.versions.push(command.input.Value ?? '');
    return { Version: this.versions.length };
  }
}

const session = (store: Store) => ({ client: async () => store }) as unknown as Session;
const found = (store: Store): FoundCluster => {
  const parameterVersion = store.versions.length;
  return { name: 'web', parameter: '/synkti/web/spec', spec: specOf(), parameterVersion, changedMs: null };
};
const scale =
  (desired: number) =>
  (json: SpecJson): void => {
    json.desired = desired;
  };

describe('a change of the spec', () => {
  it('is a new version, and nothing else changes', async () => {
    const store = new Store({ ...specOf(), version: 1 });
    expect(await changeSpec(session(store), found(store), scale(9))).toEqual({ version: 2, between: 0 });
    expect(store.latest).toEqual({ ...specOf(), version: 2, desired: 9 });
  });

  it("isn't made on a spec that nobody has looked at", async () => {
    const store = new Store({ ...specOf(), version: 1 });
    const seen = found(store);
    store.put({ desired: 5 });
    await expect(changeSpec(session(store), seen, scale(9))).rejects.toThrow(
      'was changed meanwhile (version 1, now 2)',
    );
    expect(store.versions).toHaveLength(2);
  });

  it('keeps a change that comes between the look and the put', async () => {
    const store = new Store({ ...specOf(), version: 1 });
    store.before.push(() => store.put({ bucket: 'another-bucket' }));
    expect(await changeSpec(session(store), found(store), scale(9))).toEqual({ version: 4, between: 1 });
    expect(store.latest).toMatchObject({ desired: 9, bucket: 'another-bucket', version: 4 });
  });

  it('gives up where somebody else writes all the time', async () => {
    const store = new Store({ ...specOf(), version: 1 });
    for (let i = 0; i < 20; i++) store.before.push(() => store.put({ bucket: `bucket-${i}` }));
    await expect(changeSpec(session(store), found(store), scale(9))).rejects.toThrow(
      'changes the spec of cluster "web"',
    );
  });

  it('counts on from the higher version, and refuses what would be no spec', () => {
    const json = JSON.stringify({ ...specOf(), version: 40 });
    expect(JSON.parse(edited(json, 7, scale(1), { name: 'web' }))).toMatchObject({ version: 41 });
    expect(JSON.parse(edited(json, 50, scale(1), { name: 'web' }))).toMatchObject({ version: 51 });
    expect(() => edited(json, 7, scale(-1), { name: 'web' })).toThrow("can't be changed so: spec.desired");
  });
});
