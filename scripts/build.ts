/**
 * Builds what ships: self-contained esbuild bundles in dist/. Users install no dependency, so the notices of every
 * bundled package are written beside them.
 */
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import { noCredentialChain } from './no-credential-chain.js';
import { sdkSchemas } from './sdk-schemas.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');

/** SDK packages mix ESM with CommonJS: a bundle needs a `require` of its own. */
const REQUIRE_BANNER = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);";

/** Put into the simulator's reports as it is. */
const PLOTLY = 'node_modules/plotly.js-basic-dist-min';

const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  // ESM builds of the SDK take a third to a half off a bundle.
  mainFields: ['module', 'main'],
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  banner: { js: REQUIRE_BANNER },
  define: { SYNKTI_VERSION: JSON.stringify(version) },
  plugins: [sdkSchemas],
};

/** jsii compiles lib/ to a folder beside the bundles, and whoever imports the package must meet each class once. */
const compiledLib: Plugin = {
  name: 'compiled-lib',
  setup: (esbuild) => {
    esbuild.onResolve({ filter: /\/lib\/index\.js$/ }, ({ resolveDir }) =>
      resolveDir === join(root, 'borrow') ? { path: './lib/index.js', external: true } : null,
    );
  },
};

/** Lambdas bring their SDK parts: the runtime's own copy is whole, slower to load, and changes under us. */
const lambdas = ['interruption', 'ended', 'sweep', 'seeder'].map((name) => ({
  entry: `lambda/${name}.ts`,
  out: `lambda/${name}/index.mjs`,
  options: { minify: true, plugins: [sdkSchemas, noCredentialChain] },
}));

interface Bundle {
  /** Several that share parts, or one. */
  readonly entry: string | readonly string[];
  readonly out: string | readonly string[];
  readonly options?: BuildOptions;
}

const bundles: readonly Bundle[] = [
  {
    entry: 'bin/synkti.ts',
    out: 'synkti.mjs',
    // In parts, so that a help text or a completion doesn't wait for what only other commands need.
    options: {
      banner: { js: `#!/usr/bin/env node\n${REQUIRE_BANNER}` },
      minifySyntax: true,
      splitting: true,
      chunkNames: 'synkti-[hash]',
    },
  },
  {
    entry: 'agent/main.ts',
    out: 'agent.mjs',
    options: { minify: true, plugins: [sdkSchemas, noCredentialChain] },
  },
  // Beside the command line, which starts it as a worker thread.
  { entry: 'sim/campaign/worker.ts', out: 'sim-worker.mjs' },
  { entry: 'sim/index.ts', out: 'sim.mjs' },
  // The package's entry. It and borrow.mjs share a part: whoever catches a BorrowError means the one that is thrown.
  {
    entry: ['borrow/entry.ts', 'borrow/index.ts'],
    out: ['index.mjs', 'borrow.mjs'],
    options: {
      splitting: true,
      chunkNames: 'borrow-[hash]',
      external: ['aws-cdk-lib', 'constructs'],
      plugins: [sdkSchemas, compiledLib],
    },
  },
  { entry: 'local/service/server.ts', out: 'service.mjs', options: { banner: {} } },
  // What the nodes of a rehearsal compute.
  { entry: 'cli/rehearse/tasks/chain.ts', out: 'chain.mjs', options: { banner: {} } },
  ...lambdas,
];

await mkdir(dist, { recursive: true });
const packages = new Set<string>();
for (const { entry, out, options } of bundles) {
  const outs = [out].flat();
  const entryPoints = Object.fromEntries([entry].flat().map((path, i) => [outs[i]?.replace(/\.mjs$/, '') ?? '', path]));
  const result = await build({ ...common, ...options, entryPoints, outdir: dist, outExtension: { '.js': '.mjs' } });
  for (const name of bundledPackages(result.metafile as Metafile)) packages.add(name);
  if (options?.splitting === true) await dropOldParts(result.metafile as Metafile, String(options.chunkNames));
}
await copyFile(join(root, PLOTLY, 'plotly-basic.min.js'), join(dist, 'plotly-basic.min.js'));
packages.add(PLOTLY);
await rm(join(dist, 'NOTICES.txt'), { force: true });
await writeFile(join(dist, 'NOTICES.txt'), await notices([...packages].sort()));

/** Parts of an earlier build. They go last: a program that runs meanwhile may still want one. */
async function dropOldParts(metafile: Metafile, chunkNames: string): Promise<void> {
  const isPart = new RegExp(`^${chunkNames.replace('[hash]', '[A-Z0-9]{8}')}\\.mjs$`);
  const made = new Set(Object.keys(metafile.outputs).map((path) => basename(path)));
  for (const file of await readdir(dist)) {
    if (isPart.test(file) && !made.has(file)) await rm(join(dist, file));
  }
}

/** Folders of the packages whose code went into a bundle. */
function bundledPackages(metafile: Metafile): Set<string> {
  const found = new Set<string>();
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const folder = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
      if (folder !== undefined && bytesInOutput > 0) found.add(folder);
    }
  }
  return found;
}

async function notices(folders: readonly string[]): Promise<string> {
  const parts: string[] = ['The bundles in this folder contain code of these packages.\n'];
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
    parts.push(`${'-'.repeat(80)}\n${name} ${version} (${license})\n\n${await licenseText(join(root, folder))}`);
  }
  return parts.join('\n');
}

async function licenseText(folder: string): Promise<string> {
  for (const file of ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license', 'LICENCE', 'License']) {
    try {
      return await readFile(join(folder, file), 'utf8');
    } catch {
      // The next spelling.
    }
  }
  return `(no license file in ${relative(root, folder)})\n`;
}
