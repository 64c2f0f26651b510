/** Finds the stack to rehearse in what `cdk synth` wrote. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { type ClusterSketch, type Places, placesOf } from '../../../local/cloudformation/places.js';
import { messageOf, UserError } from '../../user-error.js';

export interface FoundStack {
  readonly name: string;
  readonly region: string;
  /** As parsed JSON. */
  readonly template: unknown;
  /** Folder of the asset manifests; null: there are none. */
  readonly assetsDir: string | null;
  readonly places: Places;
  readonly cluster: ClusterSketch;
}

export interface Choice {
  /** Null: the only one with a cluster. */
  readonly stack: string | null;
  /** Null: the first one. */
  readonly cluster: string | null;
  readonly parameters: Readonly<Record<string, string>>;
}

const DEFAULT_REGION = 'us-east-1';

const manifestForm = z.looseObject({
  artifacts: z
    .record(
      z.string(),
      z.looseObject({
        type: z.string(),
        environment: z.string().optional(),
        displayName: z.string().optional(),
        properties: z.looseObject({ templateFile: z.string().optional(), stackName: z.string().optional() }).optional(),
      }),
    )
    .default({}),
});

interface StackFile {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly path: string;
}

/** The stack of an assembly that holds a cluster. @throws UserError */
export function stackOfAssembly(directory: string, choice: Choice): FoundStack {
  const stacks = stacksIn(directory);
  const wanted = choice.stack;
  const candidates = wanted === null ? stacks : stacks.filter(({ id, name }) => id === wanted || name === wanted);
  const names = stacks.map(({ name }) => name).join(', ');
  if (candidates.length === 0) {
    throw new UserError(
      wanted === null ? 'The app has no stack.' : `--stack ${wanted}: the app has no such stack, only ${names}.`,
    );
  }
  const found = candidates.flatMap((stack) => {
    const one = read(stack, directory, choice);
    return one.places.clusters.length === 0 ? [] : [one];
  });
  if (found.length > 1) {
    const list = found.map(({ name }) => name).join(', ');
    throw new UserError(`Several stacks hold a SynktiCluster: ${list}; say which with --stack.`);
  }
  const [only] = found;
  if (only === undefined) {
    const where = wanted === null ? `No stack of the app (${names})` : `The stack ${wanted}`;
    throw new UserError(`${where} holds a SynktiCluster; there is nothing to rehearse.`);
  }
  return choose(only, choice);
}

/** A template by its path, with the assets beside it. @throws UserError */
export function stackOfTemplate(path: string, choice: Choice): FoundStack {
  const directory = dirname(path);
  const known = existsSync(join(directory, 'manifest.json')) ? stacksIn(directory) : [];
  const file = basename(path);
  const name = file.replace(/(\.template)?\.(json|ya?ml)$/, '');
  const stack = known.find((one) => basename(one.path) === file) ?? { id: name, name, region: DEFAULT_REGION, path };
  const found = read(stack, directory, choice);
  if (found.places.clusters.length === 0) {
    throw new UserError(`--template ${path} holds no SynktiCluster; there is nothing to rehearse.`);
  }
  return choose(found, choice);
}

type Unchosen = Omit<FoundStack, 'cluster'>;

function choose(stack: Unchosen, { cluster }: Choice): FoundStack {
  const { clusters } = stack.places;
  const found = cluster === null ? clusters[0] : clusters.find((one) => one.cluster === cluster);
  if (found !== undefined) return { ...stack, cluster: found };
  throw new UserError(
    `--cluster ${cluster}: the stack ${stack.name} has no such cluster, only ${clusters.map((one) => one.cluster).join(', ')}.`,
  );
}

function stacksIn(directory: string): StackFile[] {
  const path = join(directory, 'manifest.json');
  let manifest: z.output<typeof manifestForm>;
  try {
    manifest = manifestForm.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new UserError(`${path} is no manifest of a cloud assembly: ${messageOf(error)}.`);
  }
  const stacks: StackFile[] = [];
  for (const [id, { type, environment, properties }] of Object.entries(manifest.artifacts)) {
    if (type !== 'aws:cloudformation:stack' || properties?.templateFile === undefined) continue;
    const region = /^aws:\/\/[^/]+\/([a-z]{2}(?:-[a-z]+)+-\d)$/.exec(environment ?? '')?.[1] ?? DEFAULT_REGION;
    stacks.push({ id, name: properties.stackName ?? id, region, path: join(directory, properties.templateFile) });
  }
  return stacks;
}

function read({ name, region, path }: StackFile, directory: string, { parameters }: Choice): Unchosen {
  let template: unknown;
  try {
    template = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UserError(`${path} isn't there; give a template that cdk synth wrote.`);
    throw new UserError(`${path} is no template in JSON: ${messageOf(error)}.`);
  }
  let places: Places;
  try {
    places = placesOf(template, { region, parameters });
  } catch (error) {
    throw new UserError(`${path} can't be rehearsed: ${messageOf(error)}`);
  }
  const hasAssets = existsSync(join(directory, 'manifest.json'));
  return { name, region, template, assetsDir: hasAssets ? directory : null, places };
}
