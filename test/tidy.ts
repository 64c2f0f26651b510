/** The style that a machine can check. Each check names what to do instead. */
import type { Source } from './sources.js';

interface Check {
  readonly name: string;
  readonly pattern: RegExp;
  readonly instead: string;
  readonly applies: (path: string) => boolean;
  /** Comments and strings count too. */
  readonly everywhere?: boolean;
}

const inFolders =
  (...folders: readonly string[]) =>
  (path: string): boolean =>
    folders.some((folder) => path.startsWith(`${folder}/`));
const inCore = inFolders('core');
const inTests = inFolders('test');
const all = (): boolean => true;

/** Written in two pieces where the word itself must not stand in this file. */
const CHECKS: readonly Check[] = [
  {
    name: 'Math.random',
    pattern: /\bMath\.random\b/,
    instead: 'Draw from the Rng of the Context, or from seededRng of core/rng.ts with a seed that is printed.',
    applies: inFolders('core', 'sim', 'test', 'bench'),
  },
  {
    name: 'Date.now or performance.now',
    pattern: /\b(Date|performance)\.now\b/,
    instead: 'Take nowMs or wallMs of the Context.',
    applies: inCore,
  },
  {
    name: 'new Date() of the present',
    pattern: /\bnew Date\(\s*\)/,
    instead: 'Take wallMs of the Context.',
    applies: inFolders('core', 'sim'),
  },
  {
    name: 'a timer',
    pattern: /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
    instead: 'Keep a deadline in the state and name it in nextDeadlineMs.',
    applies: inCore,
  },
  {
    name: 'a promise',
    pattern: /\b(async|await|Promise)\b/,
    instead: 'Return an effect and take its outcome as an event.',
    applies: inCore,
  },
  {
    name: 'process',
    pattern: /(?<![.\w'])(process|globalThis)\.\w/,
    instead: 'Let the host pass in what it knows.',
    applies: inCore,
  },
  {
    name: 'a node: import',
    pattern: /['"]node:/,
    instead: 'Ask the host by an effect.',
    applies: inCore,
  },
  {
    name: 'console',
    pattern: /\bconsole\.\w+\s*\(/,
    instead: 'Write to process.stdout, or to the log.',
    applies: (path) => !inTests(path),
  },
  {
    name: 'a default with ||',
    pattern: /\|\|\s*-?\d[\d_.]*\s*([;,)\]}:?]|$)/,
    instead: 'Default with ??: || turns a 0 into the default.',
    applies: all,
  },
  {
    name: 'a test that is left out, or alone',
    pattern: /\b(it|test|describe)(\.\w+)*\.(skip|only|todo|fails|skipIf|runIf)\b|\b(xit|fit|xdescribe|fdescribe)\(/,
    instead: 'Let every test run, or take it out.',
    applies: all,
  },
  {
    name: 'a path of one machine',
    pattern: /(?<![\w.$}])\/(home|Users|root|work)\/\w/,
    instead: 'Take the path from import.meta.url, os.tmpdir() or an option.',
    applies: all,
    everywhere: true,
  },
  {
    name: 'unfinished work',
    pattern: new RegExp(`\\b(${['TO', 'FIX'].map((start, i) => start + ['DO', 'ME'][i]).join('|')}|XXX)\\b`),
    instead: 'Finish it, or open an issue.',
    applies: all,
    everywhere: true,
  },
];

export const MAX_LINES = 400;

/** One sentence for each place that breaks the style. */
export function untidy(files: readonly Source[]): string[] {
  return files.flatMap((file) => {
    const lines = file.text.replace(/\n$/, '').split('\n');
    const found: string[] = [];
    if (lines.length > MAX_LINES) {
      found.push(`${file.path} has ${lines.length} lines, more than ${MAX_LINES}. It has two jobs: make it two files.`);
    }
    lines.forEach((line, i) => {
      for (const check of CHECKS) {
        if (!check.applies(file.path) || !check.pattern.test(check.everywhere === true ? line : codeOf(line))) continue;
        found.push(`${file.path}:${i + 1} has ${check.name}. ${check.instead}`);
      }
    });
    return found;
  });
}

/** A line without its comment, as well as a line alone can tell. */
function codeOf(line: string): string {
  if (/^\s*(\/\/|\/?\*)/.test(line)) return '';
  return line.replace(/\s\/\/ .*$/, '');
}
