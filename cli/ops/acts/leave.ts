/** `drain` and `replace`: one node gives its slot to another. */

import { deniedSentence } from '../../../aws/failure.js';
import type { CloudError } from '../../../core/cloud.js';
import { generationOf, isLiveNode, nextPosition } from '../../../core/fallback/holders.js';
import { marketOf } from '../../../core/seats/rung.js';
import { seatName, successorOf } from '../../../core/seats/seat.js';
import { isPaused } from '../../../core/spec/spec.js';
import { wallMs } from '../../../core/time.js';
import { AwsFailure } from '../../aws/explain.js';
import { UserError } from '../../user-error.js';
import { elapsedText } from '../show.js';
import type { ClusterView, NodeRow } from '../view.js';
import { judgeDrain, judgeReplace } from './banker.js';
import { launchSuccessor } from './launch.js';
import { nodeText, pickNode } from './pick.js';
import type { ActPlan, Progress, Scene } from './run-act.js';
import { findDrainDocument, runOnNode, shellCommand } from './run-command.js';

/** What the document of the construct says, for clusters without one. */
const LEAVE = 'systemctl stop --no-block synkti.service';
const LEAVE_MS = 60_000;

export async function drainPlan(text: string, { session, cluster, view }: Scene): Promise<ActPlan> {
  const row = pickNode(text, view);
  const { instanceId } = row.node;
  const document = await findDrainDocument(session, cluster.name);
  const via =
    document === null ? `AWS-RunShellScript (the cluster has no drain document): ${LEAVE}` : `SSM document ${document}`;
  const outside = (row.node.seat?.slot ?? 0) >= view.spec.desired;
  return {
    title: `Drain ${nodeText(row)} of cluster "${cluster.name}"`,
    steps: [
      `Its agent is told to leave, by ${via}.`,
      outside
        ? "Nobody replaces it: its slot isn't wanted any more."
        : `It tells its peers and asks for its replacement, seat ${row.node.seat === null ? '' : seatName(successorOf(row.node.seat))}.`,
      leavingText(view),
    ],
    safety: judgeDrain(row, view),
    undo: 'Not possible: an agent that leaves gives its seat up. The replacement fills it by itself.',
    notes: row.condition === 'serving' ? [] : [`The node is ${row.condition} now.`],
    goOn: 'Look with: synkti status --watch',
    nothing:
      row.condition === 'draining' || row.condition === 'drained'
        ? `${nodeText(row)} is ${row.condition} already.`
        : null,
    async carryOut(did) {
      const command =
        document === null ? shellCommand(LEAVE, LEAVE_MS) : { document, parameters: {}, timeoutMs: LEAVE_MS };
      // It takes a second or two; who stops meanwhile stops the watching.
      const end = await runOnNode(session, instanceId, command, new AbortController().signal);
      if (end.type === 'failed') throw new AwsFailure(`${nodeText(row)} wasn't told to leave. ${end.why}`);
      if (end.type === 'ended' && end.exitCode !== 0) {
        throw new AwsFailure(
          `${nodeText(row)} wasn't told to leave: ${(end.stderr || end.stdout).trim().slice(0, 300)}`,
        );
      }
      did(`${instanceId} was told to leave.`);
    },
    progress: (now) => handedOver(row, now, outside),
  };
}

/** How a node of this cluster leaves. Exported for its tests. */
export function leavingText({ spec }: ClusterView): string {
  const { workloads, policy } = spec;
  const served = workloads.some(({ targetGroupArns }) => targetGroupArns.length > 0);
  const others = workloads.some(({ kind }) => kind !== 'tasks');
  const parts = [
    ...(served ? ['leaves its target groups', `serves on for ${elapsedText(policy.keepServingMs)} at least`] : []),
    ...(workloads.some(({ kind }) => kind === 'tasks') ? ['hands its tasks over with their checkpoints'] : []),
    ...(others ? ['stops its workloads'] : []),
  ];
  return `It ${parts.join(', ')} and ends itself.`;
}

export function replacePlan(text: string, scene: Scene): ActPlan {
  const { session, cluster, view } = scene;
  const row = pickNode(text, view);
  const { node } = row;
  if (node.seat === null)
    throw new UserError(`${node.instanceId} has no seat, so it has no successor; the sweep ends it.`);
  const { slot } = node.seat;
  if (slot >= view.spec.desired) {
    throw new UserError(
      `Slot ${slot} isn't wanted any more, so ${node.instanceId} gets no successor; it leaves by itself.`,
    );
  }
  const heir = view.nodes.find(
    (other) =>
      isLiveNode(other.node) && other.node.seat?.slot === slot && generationOf(other.node) > generationOf(node),
  );
  const position = nextPosition(
    slot,
    [...view.nodes, ...view.ended.map((one) => ({ node: one }))]
      .map((one) => one.node)
      .filter((one) => one.seat?.slot === slot),
  );
  const market =
    slot < (view.spec.launch.onDemandBase ?? 0) ? 'on-demand' : marketOf(position.rung, view.spec.launch.onDemandAfter);
  return {
    title: `Replace ${nodeText(row)} of cluster "${cluster.name}"`,
    steps: [
      `Seat ${seatName(position)} is launched: ${market}, one attempt over ${view.spec.launch.pools.length} pools, template version ${view.spec.launch.templateVersion}.`,
      `When it serves, ${node.instanceId} drains and ends itself.`,
    ],
    safety: judgeReplace(row, view),
    undo: 'Until the successor serves, ending it undoes this. Once the old node has left there is no way back, and no need of one.',
    notes: isPaused(view.spec.policy, wallMs(view.atMs))
      ? ['The cluster is paused; what you ask for yourself is done all the same.']
      : [],
    goOn: 'Look with: synkti status --watch',
    nothing:
      heir !== undefined
        ? `${nodeText(row)} has a successor already: ${heir.node.instanceId} is ${heir.condition}.`
        : null,
    async carryOut(did) {
      const filled = await launchSuccessor(session, view.spec, position);
      if (filled.instanceId === null) {
        throw launchFailure(filled.error, row);
      }
      did(`${filled.instanceId} was launched as seat ${seatName(position)}.`);
    },
    progress: (now) => handedOver(row, now, false),
  };
}

/** What the user can mend ends with exit code 2. */
function launchFailure(error: CloudError | null, row: NodeRow): Error {
  const told = Object.assign(new Error(error?.message), { name: error?.code ?? 'NoAnswer' });
  const denied = error === null ? null : deniedSentence(told, { service: 'ec2', action: 'CreateFleet', input: {} });
  const head = `No successor of ${nodeText(row)} could be launched, so it stays`;
  if (denied !== null) return new UserError(`${head}. ${denied}`);
  return new AwsFailure(`${head}: ${error?.message ?? 'there was no answer in time'} (${told.name}).`);
}

/** Done when the old node is gone and, if it is to have one, its successor serves. */
export function handedOver(old: NodeRow, view: ClusterView, outside: boolean): Progress {
  const slot = old.node.seat?.slot ?? -1;
  const now = view.nodes.find(({ node }) => node.instanceId === old.node.instanceId);
  const mine = now === undefined || now.condition === 'ending' ? 'gone' : now.condition;
  const next = view.nodes.find(
    ({ node, condition }) =>
      condition !== 'ending' && node.seat?.slot === slot && generationOf(node) > generationOf(old.node),
  );
  const gone = `${old.node.instanceId} ${mine === 'gone' ? 'is gone' : `is ${mine}`}`;
  if (outside) return { done: mine === 'gone', text: `${gone}.` };
  const after = next === undefined ? 'no successor yet' : `its successor ${next.node.instanceId} is ${next.condition}`;
  return { done: mine === 'gone' && next?.condition === 'serving', text: `${gone}, ${after}.` };
}
