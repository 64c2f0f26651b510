import { UserError } from '../../user-error.js';
import { inOrder, type PlannedAct } from '../plan.js';
import { readSlots, splitAt } from '../script.js';

/** Scripted acts on a stack, as they come from the command line. */
export interface StackScriptFlags {
  readonly killAgent: readonly string[];
  readonly killAllAgents: readonly string[];
  readonly race: readonly string[];
  readonly update: readonly string[];
  readonly scale: readonly string[];
  readonly delete: readonly string[];
}

export const NO_STACK_SCRIPT: StackScriptFlags = {
  killAgent: [],
  killAllAgents: [],
  race: [],
  update: [],
  scale: [],
  delete: [],
};

export interface StackScriptContext {
  readonly nodes: number;
  readonly announced: boolean;
  /** Null: there is no stack. */
  readonly stack: object | null;
}

const FLAG: Readonly<Record<keyof StackScriptFlags, string>> = {
  killAgent: '--kill-agent',
  killAllAgents: '--kill-all-agents',
  race: '--race',
  update: '--update',
  scale: '--scale',
  delete: '--delete',
};

/** From the agent's end to the notice that it doesn't get any more. */
export const HUNG_BEFORE_MS = 2_000;
/** The node that EC2 takes when no agent is left. */
const TAKEN_SLOT = 0;
const MAX_NODES = 64;

/** @throws UserError naming the flag and the text */
export function readStackScript(flags: StackScriptFlags, context: StackScriptContext): PlannedAct[] {
  const used = (Object.keys(FLAG) as (keyof StackScriptFlags)[]).find((name) => flags[name].length > 0);
  if (used === undefined) return [];
  if (context.stack === null) {
    throw new UserError(`${FLAG[used]} needs a stack: give --app or --template with it.`);
  }
  const acts: PlannedAct[] = [];
  const { announced } = context;
  // Slots that a change of the size brings count, too.
  const scales = flags.scale.map((text) => readScale(text));
  const wider = { ...context, zones: [], nodes: Math.max(context.nodes, ...scales.map(({ nodes }) => nodes)) };
  for (const text of flags.killAgent) {
    const { what, atMs } = splitAt(text, FLAG.killAgent, '2@10s');
    const slots = readSlots(what, text, FLAG.killAgent, wider);
    acts.push({ atMs, act: { type: 'kill-agent', slots } });
    acts.push({ atMs: atMs + HUNG_BEFORE_MS, act: { type: 'interrupt', slots, announced } });
  }
  for (const text of flags.killAllAgents) {
    const { atMs } = momentOf(text, FLAG.killAllAgents, '@10s');
    acts.push({ atMs, act: { type: 'kill-agent', slots: 'all' } });
    acts.push({ atMs: atMs + HUNG_BEFORE_MS, act: { type: 'interrupt', slots: [TAKEN_SLOT], announced } });
  }
  for (const text of flags.race) {
    const { what, atMs } = splitAt(text, FLAG.race, '1@5s');
    acts.push({ atMs, act: { type: 'race', slots: readSlots(what, text, FLAG.race, wider) } });
  }
  for (const text of flags.update) acts.push({ ...momentOf(text, FLAG.update, '@10s'), act: { type: 'update' } });
  for (const { atMs, nodes } of scales) acts.push({ atMs, act: { type: 'scale', nodes } });
  if (flags.delete.length > 1) throw new UserError('--delete can be given once: a stack ends once.');
  for (const text of flags.delete) acts.push({ ...momentOf(text, FLAG.delete, '@20s'), act: { type: 'delete' } });
  return inOrder(acts);
}

function readScale(text: string): { readonly atMs: number; readonly nodes: number } {
  const { what, atMs } = splitAt(text, FLAG.scale, '9@10s');
  const nodes = /^\d{1,3}$/.test(what) ? Number(what) : 0;
  if (nodes >= 1 && nodes <= MAX_NODES) return { atMs, nodes };
  throw new UserError(`--scale "${text}" must name 1 to ${MAX_NODES} nodes, such as --scale 9@10s.`);
}

/** `@10s`, of acts that name nobody. */
function momentOf(text: string, flag: string, example: string): { readonly atMs: number } {
  if (!text.trim().startsWith('@')) {
    throw new UserError(`${flag} "${text}" can't be read; write it like ${flag} ${example}.`);
  }
  return { atMs: splitAt(`all${text.trim()}`, flag, example).atMs };
}
