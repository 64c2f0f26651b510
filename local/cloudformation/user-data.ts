/**
 * Reads a node's user data without running it: a laptop has neither its systemd nor its root. What the machine would
 * fetch, check and start is taken from it; a rehearsal does that much in its place. Pure.
 */
import { createHash } from 'node:crypto';
import { DeployError } from './errors.js';

export interface NodePlan {
  /** Program and arguments of the agent's unit, as they stand there. */
  readonly command: readonly string[];
  /** Of the unit. */
  readonly environment: Readonly<Record<string, string>>;
  /** In the order of the user data. */
  readonly fetches: readonly Fetch[];
  /** SHA-256 that a fetched file must have, by its path on the node. */
  readonly digests: ReadonlyMap<string, string>;
  /** Zip files that are unpacked: from, into. */
  readonly unpacked: ReadonlyMap<string, string>;
  /** Links to Node.js that the user data makes. */
  readonly nodeLinks: readonly string[];
  readonly needsDocker: boolean;
}

export interface Fetch {
  readonly kind: 'file' | 'folder';
  readonly bucket: string;
  /** Key, or with a folder the prefix of its keys. */
  readonly key: string;
  /** Path on the node. */
  readonly path: string;
}

const UNIT = /^\/etc\/systemd\/system\/([\w.@-]+)\.service$/;

/** @throws DeployError when it holds no service that runs a fetched and checked file */
export function readUserData(text: string, where: string): NodePlan {
  const { lines, files } = withoutFiles(text);
  const fetches = lines.flatMap(fetchIn);
  const digests = new Map(
    lines.flatMap((line): [string, string][] => {
      const found = /^echo '([0-9a-f]{64}) {2}([^']+)' \| sha256sum --check\b/.exec(line);
      return found === null ? [] : [[found[2] ?? '', found[1] ?? '']];
    }),
  );
  const unpacked = new Map(
    lines.flatMap((line): [string, string][] => {
      const [program, ...words] = wordsOf(line);
      const at = words.indexOf('-d');
      const archive = words.find((word) => word.endsWith('.zip'));
      return program === 'unzip' && archive !== undefined && at >= 0 ? [[archive, words[at + 1] ?? '']] : [];
    }),
  );
  const nodeLinks = lines.flatMap((line) => {
    const link = /^ln -sf "\$\(command -v "\$node"\)" (\/\S+)$/.exec(line)?.[1];
    return link === undefined ? [] : [link];
  });
  const enabled = lines.flatMap((line) => /^systemctl enable --now ([\w.@-]+)\.service$/.exec(line)?.[1] ?? []);
  for (const [path, unit] of files) {
    const name = UNIT.exec(path)?.[1];
    if (name === undefined || !enabled.includes(name)) continue;
    const command = wordsOf(settingOf(unit, 'ExecStart') ?? '');
    if (!command.some((word) => digests.has(word) && fetches.some((fetch) => fetch.path === word))) continue;
    return {
      command,
      environment: environmentOf(unit, where),
      fetches,
      digests,
      unpacked,
      nodeLinks,
      needsDocker: lines.includes('systemctl enable --now docker'),
    };
  }
  throw new DeployError(
    'UNSUPPORTED',
    `The user data of ${where} isn't understood: it enables no service that runs a file fetched from S3 and checked with sha256sum.`,
  );
}

/** Takes the files out that are written with `cat > path <<'EOF'`. */
function withoutFiles(text: string): { lines: string[]; files: [path: string, lines: string[]][] } {
  const lines: string[] = [];
  const files: [string, string[]][] = [];
  let open: { path: string; end: string; lines: string[] } | null = null;
  for (const line of text.split('\n')) {
    if (open === null) {
      const start = /^cat > (\/\S+) <<'(\w+)'$/.exec(line);
      if (start === null) lines.push(line);
      else open = { path: start[1] ?? '', end: start[2] ?? '', lines: [] };
    } else if (line === open.end) {
      files.push([open.path, open.lines]);
      open = null;
    } else open.lines.push(line);
  }
  return { lines, files };
}

/** `aws s3 cp s3://bucket/key path` and `aws s3 sync s3://bucket/prefix path`, with or without `retry` before. */
function fetchIn(line: string): Fetch[] {
  const words = wordsOf(line);
  if (words[0] === 'retry') words.shift();
  const [aws, s3, verb, ...rest] = words;
  if (aws !== 'aws' || s3 !== 's3' || (verb !== 'cp' && verb !== 'sync')) return [];
  const from = rest.findIndex((word) => word.startsWith('s3://'));
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.*)$/.exec(rest[from] ?? '') ?? [];
  const path = rest[from + 1];
  if (bucket === undefined || key === undefined || path === undefined) return [];
  return [{ kind: verb === 'cp' ? 'file' : 'folder', bucket, key, path }];
}

const settingOf = (unit: readonly string[], name: string): string | undefined =>
  unit.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);

function environmentOf(unit: readonly string[], where: string): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const line of unit.filter((one) => one.startsWith('Environment='))) {
    for (const word of wordsOf(line.slice('Environment='.length))) {
      const at = word.indexOf('=');
      if (at <= 0) throw new DeployError('UNSUPPORTED', `The user data of ${where} has an odd Environment: ${word}.`);
      environment[word.slice(0, at)] = word.slice(at + 1);
    }
  }
  return environment;
}

/** Words of a plain shell line, with single and double quotes; nothing is expanded. */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [whole] of line.matchAll(/(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+/g)) {
    words.push(
      whole.replaceAll(
        /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g,
        (_part, single, double: string | undefined, escaped) =>
          single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped,
      ),
    );
  }
  return words;
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
