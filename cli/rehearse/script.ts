import { UserError } from '../user-error.js';
import { durationMs, showDuration } from '../values.js';
import type { PlannedAct } from './plan.js';

/** Scripted acts: `2@10s`, `0,3@15s`, `b@20s`, `0,1|2,3,4,5@10s+15s`, `2@10s+12s`. */
export interface ScriptFlags {
  readonly kill: readonly string[];
  readonly interrupt: readonly string[];
  readonly rebalance: readonly string[];
  readonly reclaimZone: readonly string[];
  readonly partition: readonly string[];
  readonly pause?: readonly string[];
}

export interface ScriptContext {
  readonly nodes: number;
  readonly zones: readonly string[];
  readonly announced: boolean;
}

/** The latest moment of a scripted act: longer runs are for traces. */
export const LATEST_ACT_MS = 3_600_000;

/** @throws UserError naming the flag and the text */
export function readScript(flags: ScriptFlags, context: ScriptContext): PlannedAct[] {
  const acts: PlannedAct[] = [];
  const { announced } = context;
  for (const text of flags.kill) {
    const { what, atMs } = splitAt(text, '--kill', '2@10s');
    acts.push({ atMs, act: { type: 'kill', slots: readSlots(what, text, '--kill', context) } });
  }
  for (const text of flags.interrupt) {
    const { what, atMs } = splitAt(text, '--interrupt', '3@15s');
    acts.push({ atMs, act: { type: 'interrupt', slots: readSlots(what, text, '--interrupt', context), announced } });
  }
  for (const text of flags.rebalance) {
    const { what, atMs } = splitAt(text, '--rebalance', '1@5s');
    acts.push({ atMs, act: { type: 'rebalance', slots: readSlots(what, text, '--rebalance', context) } });
  }
  for (const text of flags.reclaimZone) {
    const { what, atMs } = splitAt(text, '--reclaim-zone', 'b@20s');
    acts.push({
      atMs,
      act: { type: 'reclaim-zone', zone: readZone(what, '--reclaim-zone', context.zones), announced },
    });
  }
  for (const text of flags.partition) acts.push(...readPartition(text, context));
  for (const text of flags.pause ?? []) {
    const { what, atMs, lastsMs } = splitAt(text, '--pause', '2@10s+12s', true);
    acts.push({ atMs, act: { type: 'pause', slots: readSlots(what, text, '--pause', context), lastsMs } });
  }
  return acts;
}

/** A zone by its name or its last letter. @throws UserError */
export function readZone(text: string, option: string, zones: readonly string[]): string {
  const zone = zones.find((name) => name === text || (text.length === 1 && name.endsWith(text)));
  if (zone !== undefined) return zone;
  throw new UserError(`${option} names the zone "${text}", but the zones are ${zones.join(', ')}.`);
}

function readPartition(text: string, context: ScriptContext): PlannedAct[] {
  const flag = '--partition';
  const example = '0,1|2,3,4,5@10s+15s';
  const { what, atMs, lastsMs } = splitAt(text, flag, example, true);
  const sides = what.split('|');
  if (sides.length < 2 || sides.length > 8) {
    throw new UserError(`${flag} "${text}" must name 2 to 8 groups of slots with | between them, such as ${example}.`);
  }
  const groups = sides.map((side) => readSlots(side, text, flag, context));
  const all = groups.flat();
  const twice = all.find((slot, i) => all.indexOf(slot) !== i);
  if (twice !== undefined) throw new UserError(`${flag} "${text}" puts slot ${twice} into two groups.`);
  return [
    { atMs, act: { type: 'partition', groups } },
    { atMs: atMs + lastsMs, act: { type: 'heal' } },
  ];
}

/** @throws UserError */
export function splitAt(text: string, flag: string, example: string, withLength = false) {
  const match = /^([^@]+)@([^@+]+)(?:\+([^@+]+))?$/.exec(text.trim());
  const atMs = match === null ? null : durationMs(match[2] ?? '');
  const lastsMs = match?.[3] === undefined ? null : durationMs(match[3]);
  if (match === null || atMs === null || (withLength ? lastsMs === null || lastsMs === 0 : match[3] !== undefined)) {
    throw new UserError(`${flag} "${text}" can't be read; write it like ${flag} ${quoted(example)}.`);
  }
  if (atMs + (lastsMs ?? 0) > LATEST_ACT_MS) {
    throw new UserError(`${flag} "${text}" is too late; a script may last ${showDuration(LATEST_ACT_MS)} at most.`);
  }
  return { what: match[1] ?? '', atMs, lastsMs: lastsMs ?? 0 };
}

const quoted = (example: string): string => (example.includes('|') ? `'${example}'` : example);

/** @throws UserError */
export function readSlots(text: string, whole: string, flag: string, { nodes }: ScriptContext): number[] {
  const slots: number[] = [];
  for (const part of text.split(',')) {
    const slot = /^\d{1,6}$/.test(part.trim()) ? Number(part) : Number.NaN;
    if (!(slot < nodes)) {
      throw new UserError(`${flag} "${whole}": "${part}" is no slot; slots are numbers from 0 to ${nodes - 1}.`);
    }
    if (!slots.includes(slot)) slots.push(slot);
  }
  return slots;
}
