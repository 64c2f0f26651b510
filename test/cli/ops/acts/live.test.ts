/** Acts against the local cloud, through the session's own clients and AWS's protocols. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCluster } from '../../../../cli/aws/clusters.js';
import { openSession, type Session } from '../../../../cli/aws/session.js';
import { changeSpec } from '../../../../cli/ops/acts/change-spec.js';
import {
  createTemplate,
  deleteTemplate,
  getExperiment,
  startExperiment,
  stopExperiment,
} from '../../../../cli/ops/acts/drill/fis.js';
import { launchSuccessor } from '../../../../cli/ops/acts/launch.js';
import { findDrainDocument, runOnNode, shellCommand } from '../../../../cli/ops/acts/run-command.js';
import { updatePlan } from '../../../../cli/ops/acts/update-plan.js';
import { readText } from '../../../../cli/ops/incident/read.js';
import { readAnswers } from '../../../../cli/ops/read.js';
import { viewOf } from '../../../../cli/ops/view.js';
import { deploy, subnetOf } from '../../../../cli/rehearse/deploy.js';
import { readSettings } from '../../../../cli/rehearse/settings.js';
import { clientConfig, seedSeats } from '../../../../cli/rehearse/stage.js';
import type { Spec } from '../../../../core/spec/spec.js';
import { type LocalCloud, startLocalCloud } from '../../../../local/cloud.js';
import { flags } from '../../rehearse/flags.js';

let cloud: LocalCloud;
let spec: Spec;
let session: Session;

beforeAll(async () => {
  const settings = await readSettings(
    { ...flags(), nodes: '3' },
    { exampleService: '/x/service.mjs', exampleTask: '/x/chain.mjs' },
  );
  cloud = await startLocalCloud({
    seed: 1,
    zones: settings.ground.zones.map((name) => ({ name, subnetId: subnetOf(name) })),
    pools: settings.ground.pools.map((pool) => ({ ...pool, capacity: null })),
    launchDelayMs: 0,
    machine: null,
  });
  ({ spec } = await deploy(clientConfig(cloud), settings));
  await seedSeats(cloud, spec, new AbortController().signal);
  session = await openSession({ endpoint: cloud.endpoint }, {});
});

afterAll(async () => {
  session.close();
  await cloud.stop();
});

const arnOf = (id: string): string => `arn:aws:ec2:us-east-1:123456789012:instance/${id}`;
const ROLE = 'arn:aws:iam::123456789012:role/fis';

async function scene() {
  const cluster = await findCluster(session, {});
  return { session, cluster, view: viewOf(cluster.spec, session.region, await readAnswers(session, cluster.spec)) };
}

describe('against a local cloud', () => {
  it('a successor is launched once, whoever asks for it how often', async () => {
    const position = { slot: 0, generation: 2, rung: 0 };
    const before = cloud.instances().length;
    const first = await launchSuccessor(session, spec, position);
    const second = await launchSuccessor(session, spec, position);
    expect(first.instanceId).toMatch(/^i-/);
    expect(second.instanceId).toBe(first.instanceId);
    expect(cloud.instances()).toHaveLength(before + 1);
    const record = await readText(session, spec.bucket, 'seats/launched/0.2.json');
    expect(JSON.parse(record ?? 'null')).toMatchObject({ by: 'operator', instanceId: first.instanceId });
  });

  it('the spec is changed by versions', async () => {
    const seen = await findCluster(session, {});
    const change = await changeSpec(session, seen, (json) => {
      json.desired = 5;
    });
    expect(change).toEqual({ version: seen.parameterVersion + 1, between: 0 });
    expect((await findCluster(session, {})).spec).toMatchObject({ desired: 5, version: change.version });
    await expect(changeSpec(session, seen, () => {})).rejects.toThrow('was changed meanwhile');
  });

  it('an update again is a copy of the version, and a version that is not there is refused', async () => {
    const plan = await updatePlan({ to: null, again: true }, await scene());
    const did: string[] = [];
    const stage = { signal: new AbortController().signal, timeoutMs: 0, say: () => {}, look: scene, settle: () => {} };
    await plan.carryOut((text) => did.push(text), stage);
    expect(did[0]).toMatch(/^Version 2 of lt-/);
    expect((await findCluster(session, {})).spec.launch.templateVersion).toBe(2);
    await expect(updatePlan({ to: 9, again: false }, await scene())).rejects.toThrow('has no version 9');
    const rolling = await updatePlan({ to: null, again: false }, await scene());
    expect(rolling.title).toContain('Watch the update');
    // Back to where its nodes come from, not to where they go.
    expect(rolling.undo).toContain('synkti update --to 1 ');
  });

  it('a node without a machine is not reached, and says so', async () => {
    const id = cloud.instances()[0]?.instanceId ?? '';
    const end = await runOnNode(session, id, shellCommand('true', 5_000), new AbortController().signal);
    expect(end).toMatchObject({ type: 'failed', why: expect.stringContaining('DeliveryTimedOut') });
    expect(
      await runOnNode(session, `i-${'9'.repeat(17)}`, shellCommand('true', 5_000), new AbortController().signal),
    ).toMatchObject({
      why: expect.stringContaining("SSM doesn't reach it"),
    });
    expect(await findDrainDocument(session, spec.cluster)).toBeNull();
  });

  it('an experiment interrupts the nodes that it names, and its errors are told as sentences', async () => {
    const id =
      cloud.instances().find(({ lifecycle, state }) => lifecycle === 'spot' && state === 'running')?.instanceId ?? '';
    const wish = { cluster: spec.cluster, instanceArns: [arnOf(id)], roleArn: ROLE, alarmArns: [] };
    const template = await createTemplate(session, wish);
    const experiment = await startExperiment(session, template, spec.cluster);
    expect(experiment).toMatchObject({ status: 'running', reason: null });
    expect(cloud.instances().find(({ instanceId }) => instanceId === id)?.interruption).not.toBeNull();
    expect(await getExperiment(session, experiment.id)).toEqual(experiment);
    expect((await stopExperiment(session, experiment.id)).id).toBe(experiment.id);
    await deleteTemplate(session, template);
    const gone = await startExperiment(session, template, spec.cluster).catch((error: unknown) =>
      session.explain(error),
    );
    expect(gone).toMatchObject({ name: 'AwsFailure', message: expect.stringContaining('fis:StartExperiment failed') });
  });

  it('an experiment on what is no spot node fails', async () => {
    const wish = { cluster: spec.cluster, instanceArns: [arnOf(`i-${'8'.repeat(17)}`)], roleArn: ROLE, alarmArns: [] };
    const template = await createTemplate(session, wish);
    expect(await startExperiment(session, template, spec.cluster)).toMatchObject({ status: 'failed' });
    await deleteTemplate(session, template);
  });
});
