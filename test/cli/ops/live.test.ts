/** The readers against the local cloud: what AWS would answer, through the SDK's own clients. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCloud } from '../../../aws/cloud.js';
import { findCluster, listClusters } from '../../../cli/aws/clusters.js';
import { openSession, type Session } from '../../../cli/aws/session.js';
import { examine } from '../../../cli/ops/doctor/checks.js';
import { gather } from '../../../cli/ops/doctor/gather.js';
import { readIncidents } from '../../../cli/ops/incident/read.js';
import { readAnswers } from '../../../cli/ops/read.js';
import { viewOf } from '../../../cli/ops/view.js';
import { deploy, subnetOf } from '../../../cli/rehearse/deploy.js';
import { readSettings } from '../../../cli/rehearse/settings.js';
import { clientConfig, seedSeats } from '../../../cli/rehearse/stage.js';
import { openLedger } from '../../../core/drain/ledger.js';
import { launchRecordCall } from '../../../core/seats/launch-record.js';
import type { Spec } from '../../../core/spec/spec.js';
import { wallMs } from '../../../core/time.js';
import { type LocalCloud, startLocalCloud } from '../../../local/cloud.js';
import { seatOf } from '../../core/fixtures.js';
import { flags } from '../rehearse/flags.js';

let cloud: LocalCloud;
let spec: Spec;
let session: Session;

beforeAll(async () => {
  const settings = await readSettings(
    { ...flags(), nodes: '4' },
    { exampleService: '/x/service.mjs', exampleTask: '/x/chain.mjs' },
  );
  cloud = await startLocalCloud({
    seed: 1,
    zones: settings.ground.zones.map((name) => ({ name, subnetId: subnetOf(name) })),
    pools: settings.ground.pools.map((pool) => ({ ...pool, capacity: null })),
    launchDelayMs: 10,
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

describe('against a local cloud', () => {
  it('the only cluster is found, a mistyped one offered', async () => {
    expect(await listClusters(session)).toEqual(['rehearsal']);
    expect((await findCluster(session, {})).spec).toEqual(spec);
    await expect(findCluster(session, { cluster: 'rehersal' })).rejects.toThrow(
      'There is no cluster "rehersal" in us-east-1. Did you mean "rehearsal"?',
    );
    await expect(findCluster(session, { cluster: 'zz' })).rejects.toThrow('those there: rehearsal.');
  });

  it('a region that is asked for and is not that of the rehearsal is a mistake', async () => {
    for (const region of ['eu-central-1', 'us-east-1']) {
      const flags = { endpoint: cloud.endpoint, region };
      const own = await openSession(flags, {});
      try {
        const found = findCluster(own, flags);
        if (region === 'us-east-1') expect((await found).name).toBe('rehearsal');
        else {
          await expect(found).rejects.toThrow(
            'Cluster "rehearsal" isn\'t in eu-central-1 but in us-east-1; give --region us-east-1.',
          );
        }
      } finally {
        own.close();
      }
    }
    const elsewhere = await openSession({ endpoint: cloud.endpoint }, { AWS_REGION: 'eu-central-1' });
    expect((await findCluster(elsewhere, {})).name).toBe('rehearsal');
    elsewhere.close();
  });

  it('status needs at most five calls', async () => {
    const own = await openSession({ endpoint: cloud.endpoint }, {});
    const found = await findCluster(own, { cluster: 'rehearsal' });
    const view = viewOf(found.spec, own.region, await readAnswers(own, found.spec));
    expect(own.calls.map(({ name }) => name).sort()).toEqual([
      'ec2:DescribeInstances',
      'ec2:DescribeSpotPriceHistory',
      'elasticloadbalancing:DescribeTargetHealth',
      's3:ListObjectsV2',
      'ssm:GetParameter',
    ]);
    expect(view.nodes).toHaveLength(4);
    expect(view.pools.every(({ spotUsdPerHour }) => spotUsdPerHour !== null)).toBe(true);
    expect(view.unseen).toEqual([]);
    expect(own.clockAheadMs()).not.toBeNull();
    own.close();
  });

  it('an incident is put together from the report, the record of the launch and EC2', async () => {
    const aws = createCloud(clientConfig(cloud));
    const [lost, heir] = cloud.instances();
    if (lost === undefined || heir === undefined) throw new Error('no instances');
    const ledger = openLedger(lost.instanceId, seatOf(0), 'interruption', wallMs(Date.now()), null);
    const body = JSON.stringify({
      format: 1,
      zone: lost.zone,
      instanceType: lost.instanceType,
      lifecycle: 'spot',
      ...ledger,
    });
    await aws.call({ op: 'putObject', bucket: spec.bucket, key: `incidents/${ledger.id}.json`, body }, 5_000);
    await aws.call(
      { op: 'putObject', bucket: spec.bucket, key: `incidents/${heir.instanceId}-1.json`, body: '{}' },
      5_000,
    );
    const record = {
      format: 1,
      seat: seatOf(0, 2),
      instanceId: heir.instanceId,
      by: 'peer',
      launcher: lost.instanceId,
      atMs: wallMs(Date.now()),
    } as const;
    await aws.call(launchRecordCall(spec.bucket, record), 5_000);
    const all = { sinceMs: 0, limit: 10, id: null, onDemand: new Map() };
    const { incidents, unreadable } = await readIncidents(session, spec, all);
    expect(incidents).toHaveLength(1);
    expect(incidents[0]).toMatchObject({
      instanceId: lost.instanceId,
      replacement: { instanceId: heir.instanceId, by: 'peer' },
    });
    expect(unreadable).toEqual([`incidents/${heir.instanceId}-1.json`]);
    const one = await readIncidents(session, spec, { ...all, id: lost.instanceId.slice(0, 8) });
    expect(one.incidents.map(({ id }) => id)).toEqual([ledger.id]);
    expect((await readIncidents(session, spec, { ...all, id: 'i-00000000' })).incidents).toEqual([]);
  });

  it('the doctor finds what the local cloud has, and says what it has not', async () => {
    const before = cloud.calls().filter(({ action }) => /^(Create|Put|Delete|Modify|Run|Terminate)/.test(action));
    const findings = examine(await gather(session, spec));
    const of = (check: string) => findings.find((finding) => finding.check === check)?.level;
    expect(of('credentials')).toBe('fine');
    expect(of('subnets')).toBe('fine');
    expect(of('launch template')).toBe('fine');
    expect(of('bucket')).toBe('fine');
    expect(findings.find(({ check }) => check === 'quotas')?.text).toBe(
      'Not looked at: the local cloud has no such thing.',
    );
    const after = cloud.calls().filter(({ action }) => /^(Create|Put|Delete|Modify|Run|Terminate)/.test(action));
    expect(after).toEqual(before);
  });
});
