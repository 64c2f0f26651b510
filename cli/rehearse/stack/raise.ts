import type { LocalCloud } from '../../../local/cloud-types.js';
import type { ClusterView } from '../cluster-view.js';
import type { Player } from '../player.js';
import type { Recorder } from '../recorder.js';
import type { Settings } from '../settings.js';
import { clientConfig } from '../stage.js';
import type { Timeline } from '../timeline.js';
import type { Entrance } from './entrance.js';
import { denialText } from './permissions.js';
import { StackPlayer } from './player.js';
import type { StackSettings } from './settings.js';
import { StackRun } from './stack-run.js';

export interface RaiseOptions {
  readonly cloud: LocalCloud;
  readonly settings: Settings;
  readonly stack: StackSettings;
  readonly recorder: Recorder;
  readonly view: ClusterView;
  readonly player: Player;
  /** One line for people. */
  readonly tell: (text: string) => void;
  readonly endTraffic: () => Promise<void>;
}

/** A stack that stands, and who plays on it. */
export interface Raised {
  readonly run: StackRun;
  readonly player: StackPlayer;
  /** Null: nothing serves requests. */
  readonly entrance: Entrance | null;
}

/** Deploys the stack of a rehearsal, and lets its acts be played. @throws DeployError, UserError */
export async function raiseStack(options: RaiseOptions): Promise<Raised> {
  const { cloud, settings, stack, recorder, view } = options;
  let givenUp = false;
  // A deployment that was given up still takes back what it had made: nobody needs to hear of that.
  const tell = (text: string): void => {
    if (!givenUp) options.tell(text);
  };
  for (const remark of stack.remarks) tell(remark);
  const deploying = StackRun.deploy({
    cloud,
    config: clientConfig(cloud),
    settings: stack,
    timings: settings.timings,
    eventsLost: (settings.unkind.events?.lossRate ?? 0) > 0,
    tell,
    onChange: (change) => recorder.add({ type: 'change', atMs: Date.now(), ...change }),
  });
  const run = await unlessDenied(deploying, recorder).catch((error) => {
    givenUp = true;
    throw error;
  });
  // Without one there is nothing to wait for.
  const entrance = !stack.serves
    ? null
    : await run.entrance().catch(async (error) => {
        await run.close();
        throw error;
      });
  const player = new StackPlayer({
    cloud,
    view,
    stack: run,
    noticeMs: settings.timings.noticeMs,
    tell: (text) => recorder.add({ type: 'act', atMs: Date.now(), text }),
    onAgentDead: (instanceId) => recorder.add({ type: 'agent-dead', atMs: Date.now(), instanceId }),
    endTraffic: options.endTraffic,
  });
  options.player.playStack = (act) => player.play(act);
  const { onShortage } = options.player;
  options.player.onShortage = (market, over) => {
    onShortage(market, over);
    if (over && market !== 'on-demand') run.agePast();
  };
  return { run, player, entrance };
}

/** What a function may still make of a call that was denied. */
const AFTER_DENIAL_MS = 8_000;

/**
 * A seeder waits for minutes until rights that were just made are seen everywhere. Here they are at once, so what is
 * denied stays denied.
 */
async function unlessDenied(deploying: Promise<StackRun>, recorder: Recorder): Promise<StackRun> {
  let timer: NodeJS.Timeout | undefined;
  const denied = new Promise<never>((_, reject) => {
    recorder.onEvent((event) => {
      if (event.type !== 'denied' || timer !== undefined) return;
      const { role, action } = event.denial;
      timer = setTimeout(
        () => reject(new Error(`${role} may not ${action} while the stack is deployed.`)),
        AFTER_DENIAL_MS,
      );
    });
  });
  denied.catch(() => {});
  deploying.catch(() => {});
  try {
    return await Promise.race([deploying, denied]);
  } finally {
    clearTimeout(timer);
  }
}

/** A rolling update takes so long for each node. */
const ROLL_MS = 25_000;
/** The return to spot: a sweep or two, and as much as a roll of all nodes. */
const RETURN_MS = 150_000;

/** What may be waited for beyond the healing of incidents, in ms. */
export const extraMs = ({ run }: Raised): number =>
  (run.changes.length > 0 ? run.desired * ROLL_MS : 0) + (run.waitsForSpot ? RETURN_MS : 0);

/** Everything is as it is wished: one healthy node in every slot, of the wished version, and nothing else alive. */
export function settled(view: ClusterView, { run }: Raised): boolean {
  if (run.isDeleted) return true;
  const { desired, launch } = run.spec;
  const base = launch.onDemandBase ?? 0;
  if (!view.healed(desired)) return false;
  const isBack = (slot: number): boolean => slot < base || view.target(slot)?.node.market === 'spot';
  if (run.waitsForSpot && !slotsOf(desired).every(isBack)) return false;
  const version = (slot: number): number | undefined => view.target(slot)?.node.templateVersion;
  return slotsOf(desired).every((slot) => (version(slot) ?? launch.templateVersion) === launch.templateVersion);
}

const slotsOf = (desired: number): number[] => Array.from({ length: desired }, (_, slot) => slot);

/** A timeline ends where the scenario deleted the stack: what follows is the deletion's affair. */
export function upToDeletion(timeline: Timeline, { run }: Raised): Timeline {
  const deletion = run.changes.find(({ what }) => what === 'delete');
  if (deletion === undefined) return timeline;
  const events = timeline.events.filter(({ atMs }) => atMs <= deletion.atMs);
  return { ...timeline, events, endedMs: Math.min(timeline.endedMs, deletion.atMs), cutShort: true };
}

const MAX_DENIALS = 10;

/** Why a cluster may never have come up. */
export const denialsOf = ({ events }: Recorder): readonly string[] =>
  events
    .flatMap((event) => (event.type === 'denied' ? [`Denied: ${denialText(event.denial)}`] : []))
    .slice(0, MAX_DENIALS);
