import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_HEALTH, DEFAULT_POLICY, parseSpec } from '../../../core/spec/parse.js';
import type { Spec, WorkloadSpec } from '../../../core/spec/spec.js';
import { specOf, TARGET_GROUP } from '../fixtures.js';

type Json = Record<string, unknown>;

/** A spec as people write it: the defaults left out. */
const minimal = (): Json => ({
  format: 1,
  version: 1,
  cluster: 'web',
  epoch: 'e1',
  desired: 2,
  launch: {
    templateId: 'lt-0123456789abcdef0',
    templateVersion: 1,
    pools: [{ instanceType: 'm7g.large', zone: 'us-east-1a', subnetId: 'subnet-1' }],
  },
  workloads: [{ kind: 'process', name: 'api', command: ['node', 'server.mjs'] }],
  gossip: { preset: 'lan', port: 7946, secretId: 's' },
  bucket: 'synkti-web',
});

const container = (): Json => ({ kind: 'container', name: 'web', image: 'nginx:1.29', port: 80 });

/** The spec with the value at a path such as `launch.pools.0.zone` replaced, or left out if undefined. */
function withValue(spec: Json, path: string, value: unknown): string {
  const copy = structuredClone(spec) as Json;
  const keys = path.split('.');
  let inner = copy;
  for (const key of keys.slice(0, -1)) inner = inner[key] as Json;
  const last = keys[keys.length - 1] ?? '';
  if (value === undefined) delete inner[last];
  else inner[last] = value;
  return JSON.stringify(copy);
}

function problemOf(text: string): string {
  const parsed = parseSpec(text);
  return parsed.ok ? 'no problem' : parsed.problem;
}

function expectOneSentence(problem: string): void {
  expect(problem).toMatch(/^(spec|The spec)/);
  expect(problem).toMatch(/\.$/);
  expect(problem).not.toMatch(/[\n\r]/);
  expect(problem.length).toBeLessThan(400);
}

describe('a good spec', () => {
  it('may leave out what has a default', () => {
    const parsed = parseSpec(JSON.stringify(minimal()));
    expect(parsed).toMatchObject({
      ok: true,
      value: { policy: DEFAULT_POLICY, launch: { onDemandAfter: null, onDemandBase: 0 }, desired: 2 },
    });
    expect(parsed.ok && parsed.value.workloads[0]).toEqual({
      kind: 'process',
      name: 'api',
      command: ['node', 'server.mjs'],
      workingDirectory: null,
      port: null,
      environment: {},
      health: null,
      inFlightPath: null,
      targetGroupArns: [],
      stopGraceMs: 30_000,
    });
  });

  it('may set part of a policy or a health check: a 0 is a 0', () => {
    const text = withValue(minimal(), 'policy', { keepServingMs: 0 });
    expect(parseSpec(text)).toMatchObject({ ok: true, value: { policy: { ...DEFAULT_POLICY, keepServingMs: 0 } } });
    const health = withValue(minimal(), 'workloads.0', { ...container(), health: { path: '/' } });
    expect(parseSpec(health)).toMatchObject({
      ok: true,
      value: { workloads: [{ health: { path: '/', ...DEFAULT_HEALTH } }] },
    });
  });

  it('may have no workloads and no slots', () => {
    expect(parseSpec(withValue({ ...minimal(), workloads: [] }, 'desired', 0)).ok).toBe(true);
  });

  it('comes back as it went, whatever it wishes', () => {
    fc.assert(
      fc.property(anySpec(), (spec) => {
        const parsed = parseSpec(JSON.stringify(spec));
        expect(parsed).toEqual({ ok: true, value: spec });
      }),
    );
  });
});

describe('a wrong field', () => {
  const wrong: readonly (readonly [path: string, value: unknown, field?: string])[] = [
    ['format', 2],
    ['format', undefined],
    ['version', 0],
    ['version', '1'],
    ['cluster', 'Web'],
    ['cluster', 'a'.repeat(25)],
    ['cluster', ''],
    ['cluster', '1web'],
    ['epoch', 'e-1'],
    ['epoch', 'e'.repeat(13)],
    ['desired', -1],
    ['desired', 2.5],
    ['desired', 10_001],
    ['desired', null],
    ['launch', undefined],
    ['launch', []],
    ['launch.templateId', 'template'],
    ['launch.templateVersion', '$Latest'],
    ['launch.templateVersion', 0],
    ['launch.onDemandAfter', -1],
    ['launch.onDemandAfter', 'never'],
    ['launch.onDemandBase', -1],
    ['launch.pools', []],
    ['launch.pools', undefined],
    ['launch.pools', { 0: 'm7g.large' }],
    ['launch.pools.0', 'm7g.large', 'launch.pools[0]'],
    ['launch.pools.0.instanceType', 'm7g', 'launch.pools[0].instanceType'],
    ['launch.pools.0.zone', 'US EAST', 'launch.pools[0].zone'],
    ['launch.pools.0.subnetId', 'net-1', 'launch.pools[0].subnetId'],
    ['workloads', 'api'],
    ['workloads.0', null, 'workloads[0]'],
    ['workloads.0.kind', 'vm', 'workloads[0].kind'],
    ['workloads.0.name', 'no spaces please', 'workloads[0].name'],
    ['workloads.0.command', [], 'workloads[0].command'],
    ['workloads.0.command', 'node server.mjs', 'workloads[0].command'],
    ['workloads.0.command', ['node', 8080], 'workloads[0].command[1]'],
    ['workloads.0.workingDirectory', '', 'workloads[0].workingDirectory'],
    ['workloads.0.port', 0, 'workloads[0].port'],
    ['workloads.0.port', 65_536, 'workloads[0].port'],
    ['workloads.0.environment', ['A=1'], 'workloads[0].environment'],
    ['workloads.0.environment', { PORT: 80 }, 'workloads[0].environment'],
    ['workloads.0.health', '/health', 'workloads[0].health'],
    ['workloads.0.health', { path: 'health' }, 'workloads[0].health.path'],
    ['workloads.0.health', { path: '/', intervalMs: 1 }, 'workloads[0].health.intervalMs'],
    ['workloads.0.health', { path: '/', timeoutMs: 0 }, 'workloads[0].health.timeoutMs'],
    ['workloads.0.health', { path: '/', healthyAfter: 0 }, 'workloads[0].health.healthyAfter'],
    ['workloads.0.health', { path: '/', unhealthyAfter: 11 }, 'workloads[0].health.unhealthyAfter'],
    ['workloads.0.inFlightPath', 'busy', 'workloads[0].inFlightPath'],
    ['workloads.0.targetGroupArns', ['web'], 'workloads[0].targetGroupArns[0]'],
    ['workloads.0.targetGroupArns', new Array(6).fill(TARGET_GROUP), 'workloads[0].targetGroupArns'],
    ['workloads.0.stopGraceMs', -1, 'workloads[0].stopGraceMs'],
    ['workloads.0.image', 'nginx', 'workloads[0]'],
    ['workloads.1.image', '', 'workloads[1].image'],
    ['workloads.1.image', 'two words', 'workloads[1].image'],
    ['workloads.1.args', [1], 'workloads[1].args[0]'],
    ['workloads.1.gpus', 65, 'workloads[1].gpus'],
    ['workloads.1.command', ['node'], 'workloads[1]'],
    ['workloads.1.mounts', '/data', 'workloads[1].mounts'],
    ['workloads.1.mounts', [{ source: 'data', target: '/data' }], 'workloads[1].mounts[0].source'],
    ['workloads.1.mounts', [{ source: '/data', target: '/data:rw' }], 'workloads[1].mounts[0].target'],
    ['workloads.1.mounts', [{ source: '/data', target: '/data', readOnly: 'no' }], 'workloads[1].mounts[0].readOnly'],
    ['policy', 'careful'],
    ['policy', { rebalance: 'panic' }, 'policy.rebalance'],
    ['policy', { atRiskMs: -1 }, 'policy.atRiskMs'],
    ['policy', { keepServingMs: '25s' }, 'policy.keepServingMs'],
    ['policy', { drainMs: 86_400_001 }, 'policy.drainMs'],
    ['policy', { silentPatienceMs: 0.5 }, 'policy.silentPatienceMs'],
    ['policy', { bootPatienceMs: false }, 'policy.bootPatienceMs'],
    ['policy', { paused: 'yes' }, 'policy.paused'],
    ['policy', { admission: 'all' }, 'policy.admission'],
    ['policy', { patience: 1 }, 'policy'],
    ['gossip', undefined],
    ['gossip.preset', 'wan'],
    ['gossip.port', 0],
    ['gossip.secretId', ''],
    ['gossip.ttl', 1, 'gossip'],
    ['bucket', 'Bucket_1'],
    ['bucket', undefined],
    ['desirred', 3, 'spec'],
  ];

  it.each(
    wrong.map(([path, value, field]) => [path, JSON.stringify(value) ?? 'missing', field ?? path, value] as const),
  )('%s: %s is one sentence that names %s', (path, _, field, value) => {
    const spec = { ...minimal(), workloads: [...(minimal().workloads as unknown[]), container()] };
    const problem = problemOf(withValue(spec, path, value));
    expect(problem).toContain(field);
    expectOneSentence(problem);
  });

  it('a field that is not known is named, and so are those that are', () => {
    const problem = problemOf(withValue(minimal(), 'desirred', 3));
    expect(problem).toContain('"desirred"');
    expect(problem).toContain('desired');
  });

  it('a port is needed by a health check and by a target group', () => {
    const health = withValue(minimal(), 'workloads.0.health', { path: '/' });
    const group = withValue(minimal(), 'workloads.0.targetGroupArns', [TARGET_GROUP]);
    for (const text of [health, group]) expect(problemOf(text)).toMatch(/^spec\.workloads\[0\]: .*needs a port\.$/);
  });

  it('two workloads of one name are refused', () => {
    const [workload] = minimal().workloads as Json[];
    expect(problemOf(withValue(minimal(), 'workloads', [workload, workload]))).toContain('spec.workloads');
  });

  it('two subnets in one zone are refused, since a fleet takes one', () => {
    const pool = { instanceType: 'm7g.large', zone: 'us-east-1a', subnetId: 'subnet-1' };
    const other = { instanceType: 'c7g.large', zone: 'us-east-1a', subnetId: 'subnet-2' };
    const problem = problemOf(withValue(minimal(), 'launch.pools', [pool, other]));
    expect(problem).toMatch(/spec\.launch\.pools.*us-east-1a.*subnet-1.*subnet-2/);
    expect(problemOf(withValue(minimal(), 'launch.pools', [pool, pool]))).toMatch(/m7g\.large.*twice/);
  });
});

describe('text that is no spec', () => {
  it.each([
    ['nothing', ''],
    ['a word', 'hello'],
    ['lines of words', 'hello\n\nworld'],
    ['half a spec', JSON.stringify(minimal()).slice(0, 100)],
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '7'],
    ['a list nested without end', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
    ['a field of endless length', JSON.stringify({ ['x'.repeat(100_000)]: 1 })],
    ['a value of endless length', withValue(minimal(), 'cluster', 'x\n'.repeat(100_000))],
    ['an object from the prototype', '{"__proto__":{"format":1},"constructor":1}'],
  ])('%s is one sentence', (_, text) => {
    const problem = problemOf(text);
    expect(problem).not.toBe('no problem');
    expectOneSentence(problem);
  });

  it('any text and any change of a spec is read or refused in one sentence, never thrown at', () => {
    const paths = ['launch', 'policy', 'gossip', 'workloads.0', 'launch.pools.0', 'workloads', 'bucket', 'version'];
    const broken = fc
      .tuple(fc.constantFrom(...paths), fc.jsonValue())
      .map(([path, value]) => withValue(minimal(), path, value));
    const torn = fc
      .tuple(fc.nat(JSON.stringify(minimal()).length), fc.string())
      .map(([from, noise]) => JSON.stringify(minimal()).slice(0, from) + noise);
    fc.assert(
      fc.property(fc.oneof(broken, torn, fc.string(), fc.json()), (text) => {
        const parsed = parseSpec(text);
        if (!parsed.ok) expectOneSentence(parsed.problem);
        else expect(parseSpec(JSON.stringify(parsed.value))).toEqual(parsed);
      }),
      { numRuns: 2_000 },
    );
  });
});

function anySpec(): fc.Arbitrary<Spec> {
  const ms = fc.integer({ min: 0, max: 86_400_000 });
  const name = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9-]{0,20}$/);
  const path = fc.stringMatching(/^\/[a-z0-9/?=]{0,12}$/);
  const port = fc.integer({ min: 1, max: 65_535 });
  const health = fc.record({
    path,
    intervalMs: fc.integer({ min: 100, max: 300_000 }),
    timeoutMs: fc.integer({ min: 50, max: 120_000 }),
    healthyAfter: fc.integer({ min: 1, max: 10 }),
    unhealthyAfter: fc.integer({ min: 1, max: 10 }),
  });
  const base = {
    name,
    environment: fc.dictionary(fc.stringMatching(/^[A-Z_]{1,8}$/), fc.string()),
    inFlightPath: fc.option(path),
    stopGraceMs: fc.integer({ min: 0, max: 3_600_000 }),
  };
  const serving = { port, health: fc.option(health), targetGroupArns: fc.constantFrom([], [TARGET_GROUP]) };
  const quiet = { port: fc.constant(null), health: fc.constant(null), targetGroupArns: fc.constant([]) };
  const process = {
    kind: fc.constant('process' as const),
    command: fc.array(fc.string(), { minLength: 1, maxLength: 4 }),
    workingDirectory: fc.option(fc.stringMatching(/^\/[a-z/]{1,10}$/)),
  };
  const folder = fc.stringMatching(/^\/[a-z/]{1,10}$/);
  const image = {
    kind: fc.constant('container' as const),
    image: fc.stringMatching(/^[a-z/]{1,20}:[0-9.]{1,6}$/),
    args: fc.array(fc.string(), { maxLength: 3 }),
    gpus: fc.integer({ min: 0, max: 64 }),
    mounts: fc.array(fc.record({ source: folder, target: folder, readOnly: fc.boolean() }), { maxLength: 2 }),
  };
  const workload: fc.Arbitrary<WorkloadSpec> = fc.oneof(
    fc.record({ ...base, ...serving, ...process }),
    fc.record({ ...base, ...quiet, ...process }),
    fc.record({ ...base, ...serving, ...image }),
    fc.record({ ...base, ...quiet, ...image }),
  );
  const pools = fc
    .uniqueArray(fc.tuple(fc.constantFrom('m7g.large', 'c7g.xlarge', 'r7i.2xlarge'), fc.constantFrom('a', 'b', 'c')), {
      minLength: 1,
      selector: ([type, zone]) => `${type} ${zone}`,
    })
    .map((list) =>
      list.map(([instanceType, zone]) => ({ instanceType, zone: `us-east-1${zone}`, subnetId: `subnet-${zone}` })),
    );
  return fc.record({
    format: fc.constant(1 as const),
    version: fc.integer({ min: 1 }),
    cluster: fc.stringMatching(/^[a-z][a-z0-9-]{0,23}$/),
    epoch: fc.stringMatching(/^[a-z0-9]{1,12}$/),
    desired: fc.integer({ min: 0, max: 10_000 }),
    launch: fc.record({
      templateId: fc.stringMatching(/^lt-[0-9a-f]{8,17}$/),
      templateVersion: fc.integer({ min: 1, max: 1_000_000 }),
      pools,
      onDemandAfter: fc.option(fc.integer({ min: 0, max: 1_000 })),
      onDemandBase: fc.integer({ min: 0, max: 10_000 }),
    }),
    workloads: fc.uniqueArray(workload, { maxLength: 3, selector: (w) => w.name }),
    policy: fc.record({
      rebalance: fc.constantFrom('ignore' as const, 'pre-warm' as const, 'replace' as const),
      atRiskMs: ms,
      keepServingMs: ms,
      drainMs: ms,
      silentPatienceMs: ms,
      bootPatienceMs: ms,
      paused: fc.boolean(),
      admission: fc.constantFrom('finish' as const, 'evacuate' as const),
    }),
    gossip: fc.record({
      preset: fc.constantFrom('lan' as const, 'local' as const),
      port,
      secretId: fc.stringMatching(/^[a-z/]{1,20}$/),
    }),
    bucket: fc.stringMatching(/^[a-z0-9][a-z0-9.-]{1,20}[a-z0-9]$/),
  });
}

describe('the spec of these tests', () => {
  it('is a good one', () => {
    expect(parseSpec(JSON.stringify(specOf()))).toEqual({ ok: true, value: specOf() });
  });
});

describe('types and subnets apart', () => {
  const apart = (change: Json = {}): string => {
    const { pools, ...launch } = minimal().launch as Json;
    const places = ['a', 'b'].map((letter) => ({ zone: `us-east-1${letter}`, subnetId: `subnet-${letter}` }));
    const both = { instanceTypes: ['m7g.large', 'm8g.large'], subnets: places };
    return JSON.stringify({ ...minimal(), launch: { ...launch, ...both, ...change } });
  };

  it('are every type in every zone', () => {
    const parsed = parseSpec(apart());
    expect(parsed.ok && parsed.value.launch.pools).toEqual([
      { instanceType: 'm7g.large', zone: 'us-east-1a', subnetId: 'subnet-a' },
      { instanceType: 'm8g.large', zone: 'us-east-1a', subnetId: 'subnet-a' },
      { instanceType: 'm7g.large', zone: 'us-east-1b', subnetId: 'subnet-b' },
      { instanceType: 'm8g.large', zone: 'us-east-1b', subnetId: 'subnet-b' },
    ]);
  });

  it.each([
    [{ pools: [] }, /has pools and also instanceTypes/],
    [{ subnets: [] }, /spec.launch.subnets must be a list of 1 to/],
    [{ instanceTypes: ['m7g'] }, /spec.launch.instanceTypes\[0\] must be an instance type/],
    [{ instanceTypes: 'm7g.large' }, /spec.launch.instanceTypes must be a list/],
    [{ instanceTypes: ['m7g.large', 'm7g.large'] }, /m7g.large in us-east-1a is there twice/],
    [{ instanceTypes: Array.from({ length: 151 }, (_, i) => `m${i}.large`) }, /make more than 300 pools/],
    [{ subnets: [{ zone: 'us-east-1a', subnetId: 'subnet-a', vpc: 'x' }] }, /a field that isn't known, "vpc"/],
  ])('are refused: %j', (change, says) => {
    const problem = problemOf(apart(change));
    expect(problem).toMatch(says);
    expectOneSentence(problem);
  });
});
