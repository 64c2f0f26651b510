/**
 * Who may import whom. Reads import, export-from and dynamic import specifiers out of source text: the formatter puts
 * each statement at the start of a line, so no parser is needed.
 */
import { posix } from 'node:path';
import type { Source } from './sources.js';

export interface Import {
  readonly specifier: string;
  /** The file it means, from the root; null for a package. */
  readonly target: string | null;
  readonly typeOnly: boolean;
}

/** `import`, what is imported, `from`, and the specifier; or the specifier alone. */
const STATIC = /^(?:import|export)\b(?<what>[\w\s{},*$]*?\bfrom)?\s*(['"])(?<specifier>[^'"\n]+)\2/gm;
const DYNAMIC = /\bimport\(\s*(['"`])(?<specifier>[^'"`\n]+)\1/g;

export function importsOf({ path, text }: Source): Import[] {
  const found: Import[] = [];
  for (const match of text.matchAll(STATIC)) {
    const typeOnly =
      /^\s*type\s+[\w{*]/.test(match.groups?.what ?? '') && !/^\s*type\s+from\b/.test(match.groups?.what ?? '');
    found.push(importOf(path, match.groups?.specifier ?? '', typeOnly));
  }
  for (const match of text.matchAll(DYNAMIC)) found.push(importOf(path, match.groups?.specifier ?? '', false));
  return found;
}

function importOf(from: string, specifier: string, typeOnly: boolean): Import {
  if (!specifier.startsWith('.'))
    return { specifier, target: specifier === 'synkti' ? 'lib/index.ts' : null, typeOnly };
  const target = posix.normalize(posix.join(posix.dirname(from), specifier)).replace(/\.js$/, '.ts');
  return { specifier, target, typeOnly };
}

interface Rule {
  /** Folders, or single files, whose files may be imported besides the folder's own. */
  readonly may: readonly string[];
  /** Files of which only the types may be imported. */
  readonly types?: readonly string[];
  readonly packages: boolean;
  /** What to do instead. */
  readonly instead: string;
}

/** Folders that aren't here (test, bench, scripts) are free. */
export const RULES: Readonly<Record<string, Rule>> = {
  core: {
    may: [],
    packages: false,
    instead:
      'core/ imports nothing outside core/: ask the host by an effect, and take time and randomness from Context.',
  },
  aws: { may: ['core'], packages: true, instead: 'aws/ may import core/ alone: let its caller pass in the rest.' },
  agent: {
    may: ['core', 'aws'],
    packages: true,
    instead: 'agent/ may import core/ and aws/: move what it shares with lambda/ there.',
  },
  lambda: {
    may: ['core', 'aws'],
    packages: true,
    instead: 'lambda/ may import core/ and aws/: move what it shares with agent/ there.',
  },
  sim: { may: ['core'], packages: true, instead: 'sim/ may import core/ alone: move the shared decision into core/.' },
  local: {
    may: ['core', 'aws/zip.ts'],
    packages: true,
    instead: 'local/ may import core/ and aws/zip.ts alone: it runs the bundles of agent/ and lambda/ as processes.',
  },
  lib: {
    may: [],
    types: ['core/spec/spec.ts'],
    packages: true,
    instead:
      'lib/ may `import type` from core/spec/spec.ts alone: name agent/ and lambda/ by the path of their bundles.',
  },
  borrow: {
    may: ['core', 'aws', 'lib/index.ts'],
    packages: true,
    instead: 'borrow/ may import core/, aws/ and lib/index.ts: it is an application of the construct.',
  },
  cli: {
    may: ['core', 'aws', 'agent', 'lambda', 'sim', 'local', 'lib/index.ts'],
    packages: true,
    instead: 'cli/ may import everything but the internals of lib/: take what lib/index.ts exports.',
  },
  bin: {
    may: ['cli', 'lib/index.ts'],
    packages: true,
    instead: 'bin/ may import cli/ and lib/index.ts: a program starts there and does nothing else.',
  },
  examples: {
    may: ['lib/index.ts', 'borrow/entry.ts'],
    packages: true,
    instead: 'examples/ stand alone: take what lib/index.ts and borrow/entry.ts export.',
  },
};

/** One sentence for each import that its folder's rule doesn't allow. */
export function violations(files: readonly Source[]): string[] {
  return files.flatMap((file) => {
    const folder = file.path.split('/')[0] ?? '';
    const rule = RULES[folder];
    if (rule === undefined) return [];
    return importsOf(file)
      .filter((found) => !isAllowed(folder, rule, found))
      .map(({ specifier }) => `${file.path} imports '${specifier}'. ${rule.instead}`);
  });
}

function isAllowed(folder: string, rule: Rule, { target, typeOnly }: Import): boolean {
  if (target === null) return rule.packages;
  if (target.startsWith(`${folder}/`)) return true;
  if (typeOnly && rule.types?.includes(target)) return true;
  return rule.may.some((allowed) => target === allowed || target.startsWith(`${allowed}/`));
}

/** Import cycles between these files, types included, each named once from its first file: `a.ts -> b.ts -> a.ts`. */
export function cycles(files: readonly Source[]): string[] {
  const graph = new Map(files.map((file) => [file.path, importsOf(file).flatMap(({ target }) => target ?? [])]));
  const found = new Set<string>();
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const seenAt = path.indexOf(file);
    if (seenAt >= 0) {
      const cycle = path.slice(seenAt);
      const first = cycle.indexOf([...cycle].sort()[0] ?? file);
      found.add([...cycle.slice(first), ...cycle.slice(0, first), cycle[first]].join(' -> '));
      return;
    }
    if (done.has(file) || !graph.has(file)) return;
    path.push(file);
    for (const next of graph.get(file) ?? []) visit(next);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return [...found].sort();
}
