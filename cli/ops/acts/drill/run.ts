/** A drill in AWS: which nodes, whether that is bearable, the experiment, the looks, the record. */
import { randomInt } from 'node:crypto';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { neededAfterLoss } from '../../../../core/safety/judge.js';
import { AwsFailure } from '../../../aws/explain.js';
import { isLoopback } from '../../../aws/flags.js';
import type { DrillFlags } from '../../../drill.js';
import { UserError } from '../../../user-error.js';
import { countText, secondsText } from '../../show.js';
import type { ClusterView, NodeRow } from '../../view.js';
import type { Safety } from '../banker.js';
import { nodeText, pickNodes } from '../pick.js';
import { type ActPlan, LOOK_EVERY_MS, pause, type Scene, type Stage } from '../run-act.js';
import {
  createTemplate,
  deleteTemplate,
  type Experiment,
  getExperiment,
  MAX_TARGETS,
  startExperiment,
  stopExperiment,
} from './fis.js';
import { judgeDrill, openWitness, witness } from './judge.js';
import { promiseLines, writeRecord } from './record.js';

/** PT2M, the shortest that FIS gives. */
const NOTICE_MS = 120_000;
/** Reports come with the last words: looked for a little longer. */
const REPORTS_MS = 20_000;

interface Wish {
  readonly flags: DrillFlags;
  readonly count: number;
}

export function drillPlan({ flags, count }: Wish, { session, cluster, view }: Scene): ActPlan {
  const rows = chosen(flags, count, view);
  const local = session.endpoint !== null && isLoopback(session.endpoint);
  const role = flags.role ?? (process.env.SYNKTI_FIS_ROLE || (local ? LOCAL_ROLE : ''));
  if (!/^arn:[^:]+:iam::\d{12}:role\/.+$/.test(role)) {
    throw new UserError(
      role === ''
        ? 'FIS needs a role of its own; give --role arn:aws:iam::123456789012:role/NAME (see synkti help drill).'
        : `--role needs the ARN of a role, such as arn:aws:iam::123456789012:role/fis, not "${role.slice(0, 80)}".`,
    );
  }
  const alarmArns = flags.alarm ?? [];
  const badAlarm = alarmArns.find((arn) => !/^arn:[^:]+:cloudwatch:.+:alarm:.+$/.test(arn));
  if (badAlarm !== undefined) throw new UserError(`--alarm needs the ARN of an alarm, not "${badAlarm.slice(0, 80)}".`);
  return {
    title: `Drill: interrupt ${countText(rows.length, 'spot node')} of cluster "${cluster.name}"`,
    steps: [
      `An experiment of AWS Fault Injection Service sends interruptions to ${rows.map(nodeText).join(', ')}.`,
      'EC2 gives its notice and takes the nodes when it is over. Agents and functions do what they do.',
      `The seats are watched until they are served again; the record goes to ${flags.output}/.`,
    ],
    safety: bearable(rows, view),
    undo: 'Not possible: a notice is not taken back. The seats heal by themselves.',
    notes: [
      alarmArns.length === 0
        ? 'No --alarm: nothing stops the experiment.'
        : `${countText(alarmArns.length, 'alarm')} would stop the experiment before the interruptions are sent.`,
      ...unrest(view),
    ],
    goOn: 'Look with: synkti status --watch',
    nothing: null,
    carryOut: (did, stage) =>
      drill({ role, alarmArns, folder: flags.output, rows }, { session, cluster, view }, did, stage),
  };
}

/** FIS of a rehearsal asks nobody. */
const LOCAL_ROLE = 'arn:aws:iam::123456789012:role/rehearsal';

function chosen(flags: DrillFlags, count: number, view: ClusterView): readonly NodeRow[] {
  const isTarget = ({ node, condition }: NodeRow): boolean =>
    node.lifecycle === 'spot' && node.state === 'running' && condition !== 'ending' && node.seat !== null;
  if (flags.node !== undefined) {
    const rows = pickNodes(flags.node, view);
    const wrong = rows.find((row) => !isTarget(row));
    if (wrong !== undefined)
      throw new UserError(`${nodeText(wrong)} is no running spot node; only those are interrupted.`);
    if (rows.length > MAX_TARGETS)
      throw new UserError(`FIS interrupts ${MAX_TARGETS} nodes at most, not ${rows.length}.`);
    return rows;
  }
  const { zone } = flags;
  const rows = view.nodes.filter((row) => isTarget(row) && (zone === undefined || row.node.zone === zone));
  if (zone !== undefined) {
    const zones = [...new Set(view.spec.launch.pools.map((pool) => pool.zone))];
    if (!zones.includes(zone))
      throw new UserError(`Cluster "${view.spec.cluster}" has no zone ${zone}; its zones are ${zones.join(', ')}.`);
    if (rows.length > MAX_TARGETS) {
      throw new UserError(
        `${rows.length} spot nodes are in ${zone}, and FIS interrupts ${MAX_TARGETS} at most; name them with --node.`,
      );
    }
  }
  const wanted = zone === undefined ? count : rows.length;
  if (rows.length < wanted || rows.length === 0) {
    throw new UserError(
      `Only ${countText(rows.length, 'spot node')} of cluster "${view.spec.cluster}" could be interrupted${zone === undefined ? '' : ` in ${zone}`}.`,
    );
  }
  const left = [...rows];
  return Array.from({ length: wanted }, () => left.splice(randomInt(left.length), 1)[0])
    .filter((row) => row !== undefined)
    .sort((a, b) => (a.node.seat?.slot ?? 0) - (b.node.seat?.slot ?? 0));
}

/** A drill takes away what a loss would: it is begun from a whole cluster, and as much is left as after the loss of a pool. */
function bearable(rows: readonly NodeRow[], view: ClusterView): Safety {
  const { desired } = view.spec;
  const served = view.slots.filter(({ state }) => state === 'serving').length;
  if (served < desired)
    return {
      safe: false,
      why: `Only ${served} of ${countText(desired, 'slot')} served; a drill begins with a whole cluster.`,
    };
  const hit = new Set(rows.map(({ node }) => node.seat?.slot));
  const left = served - hit.size;
  const needed = neededAfterLoss(desired);
  if (left < needed)
    return {
      safe: false,
      why: `${left} of ${desired} slots would be left, fewer than the ${needed} that a loss may leave.`,
    };
  return { safe: true, why: `${left} of ${countText(desired, 'slot')} are left at least, if no replacement came.` };
}

/** Whatever else goes on would spoil the verdict. Exported for its tests. */
export function unrest({ concerns }: ClusterView): string[] {
  const busy = concerns.filter(({ kind }) => kind === 'update' || kind === 'scale-in').map(({ text }) => text);
  if (busy.length === 0) return [];
  return [`Other nodes go meanwhile, and the promise that nobody else does would be broken. ${busy.join(' ')}`];
}

interface Order {
  readonly role: string;
  readonly alarmArns: readonly string[];
  readonly folder: string;
  readonly rows: readonly NodeRow[];
}

async function drill(
  { role, alarmArns, folder, rows }: Order,
  { session, cluster, view }: Scene,
  did: (text: string) => void,
  { signal, timeoutMs, say, look, settle }: Stage,
): Promise<void> {
  const sts = await session.client('sts');
  const who = await sts.send(new GetCallerIdentityCommand({}));
  const partition = who.Arn?.split(':')[1] ?? 'aws';
  const arnOf = (id: string): string => `arn:${partition}:ec2:${session.region}:${who.Account}:instance/${id}`;
  const ids = rows.map(({ node }) => node.instanceId);
  const template = await createTemplate(session, {
    cluster: cluster.name,
    instanceArns: ids.map(arnOf),
    roleArn: role,
    alarmArns,
  });
  try {
    const startedMs = Date.now();
    let experiment = await startExperiment(session, template, cluster.name);
    did(`Experiment ${experiment.id} was started.`);
    const state = openWitness(ids, { ...view, atMs: startedMs });
    const began = performance.now();
    const untilMs = began + timeoutMs;
    let healed = false;
    let reportsUntilMs = Number.POSITIVE_INFINITY;
    let shown = '';
    while (performance.now() < Math.min(untilMs, reportsUntilMs) && !signal.aborted) {
      try {
        experiment = isOver(experiment) ? experiment : await getExperiment(session, experiment.id);
        if (FAILED.has(experiment.status)) throw new AwsFailure(failedText(experiment));
        healed = witness(state, (await look()).view);
      } catch (error) {
        const told = session.explain(error);
        // What the nodes do goes on; a look that fails may pass.
        if (FAILED.has(experiment.status) || told instanceof UserError) throw told;
        say(told.message);
      }
      const text = state.hits
        .map(
          ({ slot, leavingMs, goneMs, healedMs }) =>
            `slot ${slot} ${healedMs !== null ? 'served again' : goneMs !== null ? 'empty or starting' : leavingMs !== null ? 'draining' : 'not yet hit'}${healedMs !== null && goneMs === null ? ', old node still there' : ''}`,
        )
        .join('; ');
      if (text !== shown) say(`${secondsText(performance.now() - began).padStart(7)}  ${text}`);
      shown = text;
      if (healed && state.hits.every(({ reported }) => reported)) break;
      if (healed) reportsUntilMs = Math.min(reportsUntilMs, performance.now() + REPORTS_MS);
      await pause(LOOK_EVERY_MS, signal);
    }
    if (signal.aborted) {
      await stopExperiment(session, experiment.id).catch(() => {});
      say(
        `Stopped. Experiment ${experiment.id} was told to stop; a node that has its notice goes all the same, and its seat heals by itself. No record was written. Look with: synkti status --watch`,
      );
      settle({ code: 130, facts: { interrupted: true } });
      return;
    }
    const promises = judgeDrill(state, NOTICE_MS);
    const kept = promises.every((promise) => promise.kept);
    const record = {
      format: 1 as const,
      kind: 'fis' as const,
      cluster: cluster.name,
      region: session.region,
      what: `Experiment ${experiment.id} of AWS Fault Injection Service${session.endpoint === null ? '' : ` at ${session.endpoint}`}`,
      startedAt: new Date(startedMs).toISOString(),
      endedAt: new Date().toISOString(),
      kept,
      promises,
      hits: state.hits,
      signedOff: { by: who.Arn ?? 'unknown', account: who.Account ?? 'unknown' },
    };
    say(promiseLines(promises, session.colors));
    const files = writeRecord(folder, record);
    did(`The record was written: ${files.join(', ')}`);
    settle({ code: kept ? 0 : 1, facts: { record, files } });
  } finally {
    await deleteTemplate(session, template).catch((error: unknown) => {
      say(`The experiment's template ${template} is left: ${session.explain(error).message}`);
    });
  }
}

const FAILED: ReadonlySet<string> = new Set(['failed', 'stopped', 'cancelled']);

const isOver = ({ status }: Experiment): boolean => status === 'completed' || FAILED.has(status);

const failedText = ({ status, reason }: Experiment): string =>
  `FIS ended the experiment: ${status}${reason === null ? '' : `, ${reason}`}.`;
