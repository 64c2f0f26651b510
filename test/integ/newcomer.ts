/**
 * A newcomer's app: the package from `npm pack`, installed into a fresh folder beside CDK and cdk-nag, with the first
 * example of docs/construct.md as it stands there. It and the examples of the docstrings are type-checked; it is synthesized with the strict validation and
 * cdk-nag, and rehearsed by the command line of the installed package. Run by `npx tsx test/integ/newcomer.ts`; it needs
 * a package registry, and skips itself when there is none.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const NO_REGISTRY = /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ERR_SOCKET_TIMEOUT/;

/** What a newcomer gives to CDK and to the rehearsal. */
const APP = 'npx tsx app.ts';
/** About a minute on an idle machine. */
const REHEARSAL_MS = 300_000;

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

const NAGGED = `
import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';

Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
Validations.of(vpc).acknowledge({ id: 'AwsSolutions-VPC7', reason: 'The VPC is not what is tried here.' });
`;

function documentedApp(): string {
  const example = /```ts\n(import [\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/construct.md'), 'utf8'))?.[1];
  if (example === undefined) throw new Error('docs/construct.md has no example.');
  return example + NAGGED;
}

/** The examples of the docstrings, each in the fixture that jsii's readers put them into. */
function docstringExamples(): ReadonlyMap<string, string> {
  const fixture = readFileSync(join(ROOT, 'rosetta/default.ts-fixture'), 'utf8');
  const found = new Map<string, string>();
  for (const file of readdirSync(join(ROOT, 'lib')).sort()) {
    const blocks = readFileSync(join(ROOT, 'lib', file), 'utf8').matchAll(/@example\n([\s\S]*?)(?:\n\s*\* @|\*\/)/g);
    for (const [, block = ''] of blocks) {
      const lines = block.split('\n').map((line) => line.replace(/^\s*\* ?/, ''));
      const declared = lines.filter((line) => line.startsWith('declare '));
      const body = lines.filter((line) => !line.startsWith('declare ')).join('\n');
      const source = fixture
        .replace('class Fixture', `${declared.join('\n')}\nclass Fixture`)
        .replace('/// here', body);
      found.set(`example-${found.size + 1}-${file}`, source);
    }
  }
  if (found.size < 5) throw new Error(`Only ${found.size} docstrings have an example.`);
  return found;
}

/** Runs a command; what it says is shown when it fails. */
function run(
  what: string,
  cwd: string,
  [command = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv = {},
  timeoutMs = 300_000,
): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 64 * 1_048_576,
    timeout: timeoutMs,
    // As Ctrl-C: a rehearsal stops what it started.
    killSignal: 'SIGINT',
  });
  if (status === 0) return stdout;
  const why = error === undefined ? `exit code ${status}` : error.message;
  throw new Error(`${what} failed (${why}):\n${`${stdout}${stderr}`.split('\n').slice(-40).join('\n')}`);
}

function tryIt(folder: string): void {
  const pinned: Record<string, string> = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).devDependencies;
  const beside = ['aws-cdk-lib', 'constructs', 'cdk-nag', 'tsx'].map((name) => `${name}@${pinned[name]}`);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'shop', private: true, type: 'module' }));
  writeFileSync(join(folder, 'app.ts'), documentedApp());

  const packed = run('npm pack', ROOT, ['npm', 'pack', '--silent', '--pack-destination', folder]).trim().split('\n');
  const install = ['npm', 'install', '--loglevel=error', '--no-audit', '--no-fund', '--prefer-offline'];
  run('npm install', folder, [...install, `./${packed.at(-1)}`, ...beside]);

  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const options = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--types',
    '',
  ];
  const examples = docstringExamples();
  for (const [name, source] of examples) writeFileSync(join(folder, name), source);
  run('tsc', folder, [process.execPath, compiler, ...options, 'app.ts', ...examples.keys()]);
  say(`${examples.size} examples of docstrings compile.`);

  const said = run('synth', folder, ['npx', '--no-install', ...APP.split(' ').slice(1)], {
    CDK_OUTDIR: join(folder, 'cdk.out'),
    CDK_CONTEXT_JSON: JSON.stringify({ '@aws-cdk/core:validateAgainstDefaultRules': true }),
  });
  const template = JSON.parse(readFileSync(join(folder, 'cdk.out/Shop.template.json'), 'utf8'));
  const own = Object.keys(template.Resources).filter((id) => id.startsWith('Web'));
  if (own.length === 0 || own.length > 60) throw new Error(`The cluster has ${own.length} resources.\n${said}`);
  say(`A newcomer's app synthesizes and passes cdk-nag: ${own.length} resources of the cluster.`);

  const startedMs = performance.now();
  const verdict = run(
    'rehearse',
    folder,
    ['npx', '--no-install', 'synkti', 'rehearse', '--app', APP],
    {},
    REHEARSAL_MS,
  );
  if (!verdict.includes('All promises were kept.')) throw new Error(`The rehearsal kept silent:\n${verdict}`);
  say(`It is rehearsed, and every promise is kept: ${((performance.now() - startedMs) / 1000).toFixed(0)} s.`);
}

const folder = mkdtempSync(join(tmpdir(), 'synkti-newcomer-'));
try {
  tryIt(folder);
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  if (text.startsWith('npm install failed') && NO_REGISTRY.test(text)) {
    say("Skipped: the package registry can't be reached.");
  } else {
    say(text);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
