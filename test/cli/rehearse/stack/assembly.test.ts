import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { synthesize } from '../../../../cli/rehearse/stack/app.js';
import { stackOfAssembly, stackOfTemplate } from '../../../../cli/rehearse/stack/assembly.js';
import { readStack, type StackFlags } from '../../../../cli/rehearse/stack/settings.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'synkti-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const CHOICE = { stack: null, cluster: null, parameters: {} };

const specOf = (cluster: string) =>
  JSON.stringify({
    format: 1,
    version: 1,
    cluster,
    epoch: 'e',
    desired: 4,
    launch: {
      templateId: 'lt-1',
      templateVersion: 1,
      pools: [{ instanceType: 'm7g.large', zone: 'eu-west-1a', subnetId: 's' }],
    },
    workloads: [{ kind: 'container', name: 'main', image: 'nginx', port: 80, health: { path: '/up' } }],
  });

const templateOf = (...clusters: string[]) => ({
  Resources: Object.fromEntries(
    clusters.map((name) => [
      `Spec${name}`,
      {
        Type: 'AWS::SSM::Parameter',
        Properties: { Name: `/synkti/${name}/spec`, Type: 'String', Value: specOf(name) },
      },
    ]),
  ),
});

function assembly(stacks: Readonly<Record<string, object>>): string {
  const artifacts = Object.fromEntries(
    Object.entries(stacks).map(([id, template]) => {
      writeFileSync(join(folder, `${id}.template.json`), JSON.stringify(template));
      const properties = { templateFile: `${id}.template.json`, stackName: `named-${id}` };
      return [id, { type: 'aws:cloudformation:stack', environment: 'aws://unknown-account/eu-west-1', properties }];
    }),
  );
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ version: '1', artifacts }));
  return folder;
}

describe('the stack of an assembly', () => {
  it('is the one with a cluster, with its Region, zones and pools', () => {
    const found = stackOfAssembly(assembly({ Network: { Resources: {} }, Web: templateOf('web') }), CHOICE);
    expect(found).toMatchObject({ name: 'named-Web', region: 'eu-west-1', assetsDir: folder });
    expect(found.cluster).toMatchObject({ cluster: 'web', desired: 4 });
    expect(found.places.pools).toEqual([{ instanceType: 'm7g.large', zone: 'eu-west-1a' }]);
    expect(found.cluster.workloads).toEqual([
      { name: 'main', kind: 'container', port: 80, image: 'nginx', healthPath: '/up' },
    ]);
  });

  it('is chosen by --stack, and its cluster by --cluster', () => {
    const all = assembly({ A: templateOf('one', 'two'), B: templateOf('three') });
    expect(() => stackOfAssembly(all, CHOICE)).toThrow('Several stacks hold a SynktiCluster: named-A, named-B');
    expect(stackOfAssembly(all, { ...CHOICE, stack: 'B' }).cluster.cluster).toBe('three');
    expect(stackOfAssembly(all, { ...CHOICE, stack: 'named-A', cluster: 'two' }).cluster.cluster).toBe('two');
    expect(() => stackOfAssembly(all, { ...CHOICE, stack: 'C' })).toThrow('--stack C: the app has no such stack');
    expect(() => stackOfAssembly(all, { ...CHOICE, stack: 'A', cluster: 'x' })).toThrow('only one, two');
  });

  it('must be there', () => {
    expect(() => stackOfAssembly(assembly({ A: { Resources: {} } }), CHOICE)).toThrow('nothing to rehearse');
    expect(() => stackOfAssembly(join(folder, 'none'), CHOICE)).toThrow('is no manifest of a cloud assembly');
  });

  it('can be a template alone', () => {
    const path = join(folder, 'x.template.json');
    writeFileSync(path, JSON.stringify(templateOf('web')));
    expect(stackOfTemplate(path, CHOICE)).toMatchObject({ name: 'x', region: 'us-east-1', assetsDir: null });
    writeFileSync(path, 'Resources:');
    expect(() => stackOfTemplate(path, CHOICE)).toThrow('is no template in JSON');
    writeFileSync(path, '{"Resources": {}}');
    expect(() => stackOfTemplate(path, CHOICE)).toThrow('holds no SynktiCluster');
  });
});

/** An app that writes an assembly, and what it was told. */
const APP = `
const { writeFileSync } = require('node:fs');
const out = process.env.CDK_OUTDIR;
writeFileSync(out + '/manifest.json', '{"artifacts":{}}');
writeFileSync(out + '/told.json', JSON.stringify([process.env.CDK_CONTEXT_JSON, process.env.CDK_DEFAULT_REGION]));
`;

describe('the app', () => {
  it("is run as cdk would: cdk.json's command, context, a folder to write to", async () => {
    writeFileSync(join(folder, 'app.cjs'), APP);
    writeFileSync(join(folder, 'cdk.json'), '{"app": "node app.cjs", "context": {"colour": "blue"}}');
    writeFileSync(join(folder, 'cdk.context.json'), '{"zone": "a"}');
    const made = await synthesize(null, folder);
    try {
      const { readFileSync } = await import('node:fs');
      const [context] = JSON.parse(readFileSync(join(made.directory, 'told.json'), 'utf8')) as [string];
      expect(JSON.parse(context)).toMatchObject({ colour: 'blue', zone: 'a' });
    } finally {
      made.remove();
    }
  });

  it.each([
    ['exit 3', 'The app "exit 3" failed (3)'],
    ['echo broken >&2; exit 1', '\n  broken'],
    ['true', 'wrote no cloud assembly'],
  ])('says what went wrong with %s', async (command, problem) => {
    await expect(synthesize(command, folder)).rejects.toThrow(problem);
  });

  it('must be named somewhere', async () => {
    await expect(synthesize(null, folder)).rejects.toThrow('names no app');
    writeFileSync(join(folder, 'cdk.json'), '{');
    await expect(synthesize(null, folder)).rejects.toThrow("cdk.json can't be read");
  });
});

describe('the settings of a stack', () => {
  const flags = (rest: Partial<StackFlags>): StackFlags => ({
    app: undefined,
    template: undefined,
    stack: undefined,
    cluster: undefined,
    parameter: [],
    standIn: [],
    docker: undefined,
    given: [],
    ...rest,
  });
  const read = (rest: Partial<StackFlags>) => readStack(flags(rest), '/service.mjs', '/');
  const path = (): string => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'x.json'), JSON.stringify(templateOf('web')));
    return join(folder, 'x.json');
  };

  it('lets the example service stand in for a container, at the path of its health check', async () => {
    const found = await read({ template: path() });
    expect(found).toMatchObject({
      standIns: { main: [process.execPath, '/service.mjs', '/up'] },
      inFlightPaths: { main: '/in-flight' },
      workload: { name: 'main', port: 8_080, healthPath: '/up' },
    });
    expect(found?.remarks.join()).toContain('stands in for the container nginx');
    expect(found?.ground.pools[0]).toMatchObject({ instanceType: 'm7g.large', zone: 'eu-west-1a' });
  });

  it('takes a program of the user in its place, or the container itself', async () => {
    const own = await read({ template: path(), standIn: ['main=node server.js'] });
    expect(own?.standIns.main?.slice(1)).toEqual(['server.js']);
    expect(own?.inFlightPaths).toEqual({});
    expect((await read({ template: path(), docker: true }))?.workload.port).toBe(80);
  });

  it('is null without a stack', async () => {
    expect(await read({})).toBeNull();
  });

  it.each([
    [{ app: true, template: 'x' }, '--app and --template both'],
    [{ template: '/none.json' }, 'there is no such file'],
    [{ template: 'x', given: ['nodes'] }, "--nodes can't be given with a stack"],
    [{ given: ['standIn'] }, '--stand-in is about a stack of your own'],
    [{ template: 'x', parameter: ['A'] }, '--parameter Name=value'],
  ])('refuses %j', async (rest, problem) => {
    await expect(read(rest)).rejects.toThrow(problem);
  });

  it('refuses stand-ins of workloads that are not there', async () => {
    await expect(read({ template: path(), standIn: ['db=node x'] })).rejects.toThrow('has only main');
    await expect(read({ template: path(), standIn: ['node x'] })).rejects.toThrow('--stand-in web="node server.js"');
  });
});
