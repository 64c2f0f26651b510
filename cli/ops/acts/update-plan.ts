/** `update`: another version of the launch template, which the agents roll out. */
import { CreateLaunchTemplateVersionCommand, DescribeLaunchTemplateVersionsCommand } from '@aws-sdk/client-ec2';
import { classify } from '../../../aws/errors.js';
import { isPaused } from '../../../core/spec/spec.js';
import { wallMs } from '../../../core/time.js';
import type { Session } from '../../aws/session.js';
import { UserError } from '../../user-error.js';
import { countText } from '../show.js';
import type { ClusterView, NodeRow } from '../view.js';
import { judgeInOrder } from './banker.js';
import { driftText, type SpecJson } from './change-spec.js';
import type { ActPlan, Progress, Scene } from './run-act.js';
import { edit, specStep } from './wish.js';

interface Wish {
  /** Null: the newest. */
  readonly to: number | null;
  readonly again: boolean;
}

export async function updatePlan({ to, again }: Wish, scene: Scene): Promise<ActPlan> {
  const { session, cluster, view } = scene;
  const { templateId, templateVersion: now } = view.spec.launch;
  const newest = await newestVersion(session, templateId, to);
  const wanted = again ? newest + 1 : (to ?? newest);
  const old = view.nodes.filter(
    ({ node, condition }) =>
      condition !== 'ending' && node.templateVersion !== wanted && (node.seat?.slot ?? 0) < view.spec.desired,
  );
  const rolling = wanted === now && old.length > 0;
  const title = rolling
    ? `Watch the update of cluster "${cluster.name}" to version ${wanted} of ${templateId}`
    : `Update cluster "${cluster.name}" from version ${now} to ${wanted} of ${templateId}`;
  const copy = `Version ${wanted} of ${templateId} is made, a copy of version ${now}.`;
  const roll = `${countText(old.length, 'node')} of another version: slot by slot a successor is launched, and the node drains and leaves when it serves. A successor that isn't healthy in time is sent away, and the update stands still.`;
  const { pools } = view.spec.launch;
  // An update that is under way is undone by going back to where its nodes come from.
  const back = rolling ? (oldestVersion(old) ?? now) : now;
  return {
    title,
    steps: [
      ...(again ? [copy] : []),
      ...(rolling ? [] : [specStep(cluster.parameter, `templateVersion ${wanted}`)]),
      roll,
    ],
    safety: judgeInOrder('replace', old, view),
    undo: `synkti update --to ${back} --cluster ${cluster.name} rolls back, the same way${again ? '; the copy stays, and costs nothing' : ''}.`,
    notes: [
      ...(pools.length === 0 ? ['The spec has no pool to launch in.'] : []),
      ...(isPaused(view.spec.policy, wallMs(view.atMs))
        ? ['The cluster is paused: nothing is replaced before synkti resume.']
        : []),
      ...(rolling ? [] : [driftText('the newest version of its launch template')]),
    ],
    goOn: `Look on with: synkti update --to ${wanted} --cluster ${cluster.name}; what holds it back: synkti status`,
    nothing:
      wanted === now && old.length === 0
        ? `Every node of cluster "${cluster.name}" runs version ${now}, ${wanted === newest ? 'the newest' : 'as wished'}. synkti update --again replaces them all the same.`
        : null,
    async carryOut(did, { signal, say, settle }) {
      if (rolling) return;
      if (again) {
        const made = await copyVersion(session, templateId, now);
        did(`Version ${made} of ${templateId} was made.`);
        if (signal.aborted) {
          say(`Stopped before it was rolled out. To go on: synkti update --to ${made} --cluster ${cluster.name}`);
          settle({ code: 130, facts: { interrupted: true } });
          return;
        }
        await edit(scene, did, `version ${made} of ${templateId} wished for`, setVersion(made));
        return;
      }
      await edit(scene, did, `version ${wanted} of ${templateId} wished for`, setVersion(wanted));
    },
    progress: rolled,
  };
}

/** Null: no node's tags tell. */
function oldestVersion(rows: readonly NodeRow[]): number | null {
  const versions = rows.flatMap(({ node }) => node.templateVersion ?? []);
  return versions.length === 0 ? null : Math.min(...versions);
}

const setVersion =
  (version: number) =>
  (json: SpecJson): void => {
    json.launch = { ...(json.launch as SpecJson), templateVersion: version };
  };

/** The spec says by now what is wanted. */
export function rolled(view: ClusterView): Progress {
  const { desired, launch } = view.spec;
  const live = view.nodes.filter(({ condition }) => condition !== 'ending');
  const old = live.filter(({ node }) => node.templateVersion !== launch.templateVersion);
  const serving = view.slots.filter(({ state }) => state === 'serving').length;
  const slots = old.flatMap(({ node }) => node.seat?.slot ?? []);
  const rest =
    old.length === 0
      ? ''
      : `; to come: ${slots.length === 1 ? 'slot' : 'slots'} ${slots.slice(0, 8).join(', ')}${slots.length > 8 ? ', ...' : ''}`;
  return {
    done: old.length === 0 && serving === desired && live.length === desired,
    text: `${live.length - old.length} of ${countText(live.length, 'node')} at version ${launch.templateVersion}, ${serving} of ${desired} slots served${rest}.`,
  };
}

/** @throws UserError when the template, or the version that is asked for, isn't there */
async function newestVersion(session: Session, templateId: string, asked: number | null): Promise<number> {
  const ec2 = await session.client('ec2');
  try {
    const { LaunchTemplateVersions } = await ec2.send(
      new DescribeLaunchTemplateVersionsCommand({
        LaunchTemplateId: templateId,
        Versions: ['$Latest', ...(asked === null ? [] : [String(asked)])],
      }),
    );
    return Math.max(0, ...(LaunchTemplateVersions ?? []).map(({ VersionNumber }) => VersionNumber ?? 0));
  } catch (error) {
    const { code } = classify(error);
    if (code === 'InvalidLaunchTemplateId.VersionNotFound') {
      throw new UserError(`Launch template ${templateId} has no version ${asked}.`, { cause: error });
    }
    if (code.startsWith('InvalidLaunchTemplateId')) {
      throw new UserError(
        `The launch template ${templateId} of the spec isn't there any more; deploy the stack again.`,
      );
    }
    throw error;
  }
}

async function copyVersion(session: Session, templateId: string, source: number): Promise<number> {
  const ec2 = await session.client('ec2');
  const { LaunchTemplateVersion } = await ec2.send(
    new CreateLaunchTemplateVersionCommand({
      LaunchTemplateId: templateId,
      SourceVersion: String(source),
      VersionDescription: `A copy of version ${source}, to roll it out again`,
      LaunchTemplateData: {},
    }),
  );
  return LaunchTemplateVersion?.VersionNumber ?? 0;
}
