import { readFileSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { firstLine, SimInputError } from '../error.js';
import type { CustomPolicy } from './policies.js';

/**
 * Loads a policy from a user's file: its default export is a policy, or a function that makes one. TypeScript files are
 * read by Node itself where it can (22.18 and newer); elsewhere their types are stripped here, and they can't import
 * other files.
 */
export async function loadPolicy(file: string): Promise<CustomPolicy> {
  const path = resolve(file);
  let loaded: unknown;
  try {
    loaded = await import(await importable(path));
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException)?.code === 'ENOENT';
    throw new SimInputError(`--policy ${file}: ${isMissing ? 'no such file' : firstLine(error)}`);
  }
  const made: unknown = typeof loaded === 'object' && loaded !== null ? Reflect.get(loaded, 'default') : undefined;
  if (made === undefined) {
    throw new SimInputError(`--policy ${file}: no default export; export a policy, or a function that returns one`);
  }
  const create = typeof made === 'function' ? (made as () => unknown) : (): unknown => made;
  return { name: nameOf(create, file), create };
}

async function importable(path: string): Promise<string> {
  const isTypeScript = ['.ts', '.mts'].includes(extname(path));
  const source = readFileSync(path, 'utf8');
  if (!isTypeScript || Reflect.get(process.features, 'typescript') !== undefined) return pathToFileURL(path).href;
  const { transform } = await import('sucrase');
  const { code } = transform(source, { transforms: ['typescript'], disableESTransforms: true });
  return `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`;
}

function nameOf(create: () => unknown, file: string): string {
  let policy: unknown;
  try {
    policy = create();
  } catch (error) {
    throw new SimInputError(`--policy ${file}: making the policy threw: ${firstLine(error)}`);
  }
  const given: unknown = typeof policy === 'object' && policy !== null ? Reflect.get(policy, 'name') : undefined;
  const name = typeof given === 'string' && given !== '' ? given : basename(file, extname(file));
  if (!/^[\w.-]{1,40}$/.test(name)) {
    throw new SimInputError(
      `--policy ${file}: its name must be letters, digits, dots and hyphens, got ${name.slice(0, 60)}`,
    );
  }
  return name;
}
