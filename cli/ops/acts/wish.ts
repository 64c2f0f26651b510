/** `scale`, `pause` and `resume`: changes of what the spec wishes for, which the agents then follow. */
import { seatName } from '../../../core/seats/seat.js';
import { isPaused } from '../../../core/spec/spec.js';
import { wallMs } from '../../../core/time.js';
import { countText, timeText } from '../show.js';
import type { ClusterView } from '../view.js';
import { judgeInOrder } from './banker.js';
import { changeSpec, driftText, type SpecChange, type SpecEdit, type SpecJson } from './change-spec.js';
import { nodeText } from './pick.js';
import type { ActPlan, Progress, Scene } from './run-act.js';

const MAX_NAMED = 8;

export function scalePlan(desired: number, { session, cluster, view }: Scene): ActPlan {
  const before = view.spec.desired;
  const leaving = view.nodes.filter(
    ({ node, condition }) => condition !== 'ending' && node.seat !== null && node.seat.slot >= desired,
  );
  const fewer = desired < before;
  const names = leaving.slice(0, MAX_NAMED).map(nodeText);
  const more = leaving.length - names.length;
  const gone =
    before - desired === 1 ? 'No node holds this slot: none leaves.' : 'No node holds these slots: none leaves.';
  const leave =
    leaving.length === 0
      ? gone
      : `These drain and leave, ${desired === 0 ? 'all at once' : 'one after the other'}: ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}.`;
  const fill = `The agents fill ${countText(desired - before, 'new slot')}: ${before}${desired - before > 1 ? ` to ${desired - 1}` : ''}, ${view.spec.launch.onDemandAfter === 0 ? 'on-demand' : 'spot first'}.`;
  const notes = [driftText('the number of slots in the template')];
  if (before === 0 && desired > 0) {
    notes.push(
      "No agent runs in an empty cluster: the cluster's sweep, which runs every few minutes, launches the first nodes.",
    );
  }
  if (fewer && isPaused(view.spec.policy, wallMs(view.atMs)))
    notes.push('The cluster is paused: nodes leave only after synkti resume.');
  return {
    title: `Scale cluster "${cluster.name}" from ${before} to ${countText(desired, 'slot')}`,
    steps: [specStep(cluster.parameter, `desired ${desired}`), fewer ? leave : fill],
    safety: fewer
      ? judgeInOrder('scale-in', leaving, view, desired)
      : { safe: true, why: 'Nodes are added, none is taken away.' },
    undo: `synkti scale ${before} --cluster ${cluster.name}${fewer ? ' (other nodes come; those that left are gone)' : ''}`,
    notes,
    goOn: 'Look with: synkti status --watch',
    nothing: desired === before ? `Cluster "${cluster.name}" has ${countText(before, 'slot')} already.` : null,
    carryOut: (did) =>
      edit({ session, cluster, view }, did, `${countText(desired, 'slot')} wished for`, setDesired(desired)),
    progress: scaled,
  };
}

const setDesired =
  (desired: number): SpecEdit =>
  (json) => {
    json.desired = desired;
  };

/** Every wanted slot serves, and nobody is left beyond them. */
export function scaled(view: ClusterView): Progress {
  const { desired } = view.spec;
  const serving = view.slots.filter(({ state }) => state === 'serving').length;
  const outside = view.nodes.filter(
    ({ node, condition }) => condition !== 'ending' && (node.seat?.slot ?? 0) >= desired,
  );
  const beyond =
    outside.length === 0
      ? ''
      : `; ${countText(outside.length, 'node')} beyond: ${outside
          .slice(0, 4)
          .map(({ node, condition }) => `${node.seat === null ? node.instanceId : seatName(node.seat)} ${condition}`)
          .join(', ')}`;
  return {
    done: serving === desired && outside.length === 0,
    text: `${serving} of ${countText(desired, 'slot')} served${beyond}.`,
  };
}

/** @param forMs how long a pause lasts; null: until somebody ends it */
export function pausePlan(paused: boolean, { session, cluster, view }: Scene, forMs: number | null = null): ActPlan {
  const untilMs = forMs === null ? null : view.atMs + forMs;
  const isSo = isPaused(view.spec.policy, wallMs(view.atMs)) === paused;
  const waiting = view.concerns.filter(({ kind }) => kind === 'update' || kind === 'scale-in').map(({ text }) => text);
  const other = paused ? 'resume' : 'pause';
  return {
    title: `${paused ? 'Pause' : 'Resume'} cluster "${cluster.name}"`,
    steps: [
      specStep(
        cluster.parameter,
        `policy.paused ${paused}${untilMs === null ? '' : ` until ${timeText(untilMs)} UTC`}`,
      ),
      paused
        ? 'Agents and functions begin no rolling update, scale-in, early replacement or return to spot; what is under way is finished.'
        : 'What waited begins again, one act after the other, each when it is safe.',
      ...(paused ? ['What fails or is interrupted is replaced all the same.'] : []),
      ...(untilMs === null ? [] : ['It ends by itself then.']),
    ],
    safety: { safe: true, why: paused ? 'Nothing is taken away.' : 'The agents ask before each act.' },
    undo: `synkti ${other} --cluster ${cluster.name}`,
    notes: [
      ...(paused && waiting.length > 0 ? [`This waits from now on: ${waiting.join(' ')}`] : []),
      driftText("the template's policies, which know of no pause,"),
    ],
    goOn: '',
    nothing:
      // A pause that lasts otherwise is changed.
      isSo && (!paused || (untilMs === null && view.spec.policy.pausedUntilMs === undefined))
        ? `Cluster "${cluster.name}" is ${paused ? 'paused already' : 'not paused'}.`
        : null,
    carryOut: (did) => edit({ session, cluster, view }, did, paused ? 'paused' : 'resumed', setPaused(paused, untilMs)),
  };
}

const setPaused =
  (paused: boolean, untilMs: number | null): SpecEdit =>
  (json) => {
    const { pausedUntilMs: _, ...policy } = (json.policy ?? {}) as SpecJson;
    json.policy = { ...policy, paused, ...(untilMs === null ? {} : { pausedUntilMs: untilMs }) };
  };

export const specStep = (parameter: string, what: string): string =>
  `${parameter} gets a new version, with ${what}; every agent reads it within a minute.`;

/** Changes the spec and says so. */
export async function edit(
  { session, cluster }: Scene,
  did: (text: string) => void,
  what: string,
  change: SpecEdit,
): Promise<void> {
  did(changedText(what, cluster.parameter, await changeSpec(session, cluster, change)));
}

const changedText = (what: string, parameter: string, { version, between }: SpecChange): string =>
  `Version ${version} of ${parameter}: ${what}.${between === 0 ? '' : ` ${countText(between, 'change')} of somebody else came between and was kept.`}`;
