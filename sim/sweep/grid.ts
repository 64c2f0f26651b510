import { DEFAULTS, resolveOptions, type SimulateOptions } from '../campaign/options.js';
import { checkPolicies } from '../campaign/simulate.js';
import { firstLine, SimInputError } from '../error.js';

/** A grid of scenarios: what all share, and axes whose values each set some options. */
export interface Grid {
  readonly name: string;
  readonly base: Partial<SimulateOptions>;
  readonly axes: readonly Axis[];
}

export interface Axis {
  readonly name: string;
  readonly values: readonly { readonly label: string; readonly set: Partial<SimulateOptions> }[];
}

export interface Scenario {
  readonly index: number;
  /** A label for each axis, in order. */
  readonly labels: readonly string[];
  readonly options: SimulateOptions;
}

const MOST_SCENARIOS = 100_000;
/** Set by the command line or by files, not by a grid. */
const NOT_IN_GRIDS: readonly string[] = ['traces', 'policyFile', 'withTimeline'];
const NULLABLE: Readonly<Record<string, string>> = { baseline: 'string', model: 'object' };

/** @throws SimInputError with one sentence on what is wrong and where */
export function parseGrid(text: string, file: string): Grid {
  const wrong = (what: string): SimInputError => new SimInputError(`grid ${file}: ${what}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw wrong(`not JSON (${firstLine(error)})`);
  }
  const grid = object(json, 'the grid', ['name', 'base', 'axes'], wrong);
  if (grid.name !== undefined && typeof grid.name !== 'string') throw wrong('"name" must be a text');
  if (!Array.isArray(grid.axes) || grid.axes.length === 0) throw wrong('"axes" must be a list with at least one axis');
  const axes = grid.axes.map((axis: unknown, a): Axis => {
    const { name, values } = object(axis, `axes[${a}]`, ['name', 'values'], wrong);
    if (typeof name !== 'string' || name === '') throw wrong(`axes[${a}].name must be a text`);
    if (!Array.isArray(values) || values.length === 0)
      throw wrong(`axes[${a}].values must be a list with at least one value`);
    const parsed = values.map((value: unknown, v) => {
      const at = `axes[${a}].values[${v}]`;
      const { label, set } = object(value, at, ['label', 'set'], wrong);
      if (typeof label !== 'string' || label === '') throw wrong(`${at}.label must be a text`);
      return { label, set: options(set, `${at}.set`, wrong) };
    });
    const twice = parsed.find(({ label }, v) => parsed.findIndex((other) => other.label === label) !== v);
    if (twice !== undefined) throw wrong(`axes[${a}] has the label "${twice.label}" twice`);
    return { name, values: parsed };
  });
  const double = axes.find(({ name }, a) => axes.findIndex((other) => other.name === name) !== a);
  if (double !== undefined) throw wrong(`two axes have the name "${double.name}"`);
  const base = grid.base === undefined ? {} : options(grid.base, 'base', wrong);
  const parsed: Grid = { name: typeof grid.name === 'string' ? grid.name : file, base, axes };
  const count = axes.reduce((product, axis) => product * axis.values.length, 1);
  if (count > MOST_SCENARIOS) throw wrong(`${count} scenarios, at most ${MOST_SCENARIOS} can be run`);
  return parsed;
}

type Wrong = (what: string) => SimInputError;

function object(value: unknown, at: string, known: readonly string[], wrong: Wrong): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(`${at} must be an object`);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw wrong(
      `unknown key "${unknown}" in ${at}; known are ${known.length > 9 ? 'the options of docs/simulation.md' : known.join(', ')}`,
    );
  return value as Record<string, unknown>;
}

function options(value: unknown, at: string, wrong: Wrong): Partial<SimulateOptions> {
  const known = Object.keys(DEFAULTS).filter((key) => !NOT_IN_GRIDS.includes(key));
  const set = object(value, at, known, wrong);
  for (const [key, given] of Object.entries(set)) {
    const standard: unknown = Reflect.get(DEFAULTS, key);
    const wanted = NULLABLE[key] ?? (Array.isArray(standard) ? 'array' : typeof standard);
    const got = Array.isArray(given) ? 'array' : typeof given;
    if (got !== wanted) throw wrong(`${at}.${key} must be of type ${wanted}, got ${JSON.stringify(given)}`);
    if (key === 'model') object(given, `${at}.model`, ['billions', 'bits', 'contextTokens'], wrong);
  }
  return set as Partial<SimulateOptions>;
}

/** Every combination, the last axis turning fastest. Each is checked before any is run. */
export function scenariosOf(grid: Grid): Scenario[] {
  let combinations: { labels: readonly string[]; set: Partial<SimulateOptions> }[] = [{ labels: [], set: grid.base }];
  for (const axis of grid.axes) {
    combinations = combinations.flatMap(({ labels, set }) =>
      axis.values.map((value) => ({ labels: [...labels, value.label], set: merged(set, value.set) })),
    );
  }
  return combinations.map(({ labels, set }, index) => {
    try {
      const options = resolveOptions(set);
      checkPolicies(options, null);
      return { index, labels, options };
    } catch (error) {
      if (!(error instanceof SimInputError)) throw error;
      throw new SimInputError(`scenario ${labels.join(', ')}: ${error.message}`);
    }
  });
}

/** Models are merged field by field, so that one axis can set the size and another the bits. */
function merged(a: Partial<SimulateOptions>, b: Partial<SimulateOptions>): Partial<SimulateOptions> {
  const model = a.model || b.model ? { billions: 7, bits: 16, contextTokens: 8192, ...a.model, ...b.model } : null;
  return { ...a, ...b, model };
}
