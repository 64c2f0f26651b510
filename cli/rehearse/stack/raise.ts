import type { LocalCloud } from '../../../local/cloud-types.js';
import type { ClusterView } from '../cluster-view.js';
import type { Player } from '../player.js';
import type { Recorder } from '../recorder.js';
import type { Settings } from '../settings.js';
import { clientConfig } from '../stage.js';
import type { Timeline } from '../timeline.js';
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
}

/** Deploys the stack of a rehearsal, and lets its acts be played. @throws DeployError */
export async function raiseStack(options: RaiseOptions): Promise<Raised> {
  const { cloud, settings, stack, recorder, view, tell } = options;
  for (const remark of stack.remarks) tell(remark);
  const run = await StackRun.deploy({
    cloud,
    config: clientConfig(cloud),
    settings: stack,
    timings: settings.timings,
    eventsLost: (settings.unkind.events?.lossRate ?? 0) > 0,
    tell,
    onChange: (change) => recorder.add({ type: 'change', atMs: Date.now(), ...change }),
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
  return { run, player };
}

/** A rolling update takes so long for each node. */
const ROLL_MS = 25_000;

export const rollMs = ({ run }: Raised): number => (run.changes.length > 0 ? run.desired * ROLL_MS : 0);

/** Everything is as it is wished: one healthy node in every slot, of the wished version, and nothing else alive. */
export function settled(view: ClusterView, { run }: Raised): boolean {
  if (run.isDeleted) return true;
  const { desired, launch } = run.spec;
  if (!view.healed(desired)) return false;
  const version = (slot: number): number | undefined => view.target(slot)?.node.templateVersion;
  return Array.from({ length: desired }, (_, slot) => version(slot) ?? launch.templateVersion).every(
    (one) => one === launch.templateVersion,
  );
}

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
