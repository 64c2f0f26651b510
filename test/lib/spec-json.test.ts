import { Duration, aws_ec2 as ec2, Size } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { parseSpec } from '../../core/spec/parse.js';
import type { Spec } from '../../core/spec/spec.js';
import { FileSource, RebalancePolicy, type SynktiClusterProps, Workload } from '../../lib/index.js';
import { deployed } from './resolve.js';
import { synth } from './synth.js';

/** The spec of a cluster as an agent reads it. */
function specOf(props: Partial<SynktiClusterProps> = {}): Spec {
  const { Resources } = synth(props).template.toJSON();
  const parameter = Object.values<{ Type: string; Properties: { Name: string; Value: unknown } }>(Resources).find(
    ({ Type, Properties }) => Type === 'AWS::SSM::Parameter' && Properties.Name === '/synkti/web/spec',
  );
  const parsed = parseSpec(deployed(parameter?.Properties.Value, Resources));
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

describe('the spec in the template', () => {
  it('is one that agents can read, with their defaults', () => {
    const spec = specOf();
    expect(spec).toMatchObject({
      cluster: 'web',
      epoch: 'a4b5c6d7e8f9',
      desired: 3,
      launch: { templateId: 'lt-0123456789abcdef0', templateVersion: 7, onDemandAfter: 3, onDemandBase: 0 },
      policy: { rebalance: 'pre-warm', drainMs: 120_000, keepServingMs: 25_000, bootPatienceMs: 600_000 },
      gossip: { preset: 'lan', port: 7946 },
      bucket: 'test-bucket',
    });
    expect(spec.launch.pools).toHaveLength(36);
    expect(spec.workloads).toHaveLength(1);
    expect(spec.workloads[0]).toMatchObject({
      kind: 'container',
      name: 'main',
      port: 8080,
      health: { path: '/health', intervalMs: 5_000, timeoutMs: 2_000, healthyAfter: 2, unhealthyAfter: 3 },
      stopGraceMs: 30_000,
    });
    expect(spec.workloads[0]?.targetGroupArns).toHaveLength(1);
  });

  it('carries what the props say', () => {
    const spec = specOf({
      capacity: {
        desired: 9,
        onDemandBase: 2,
        onDemandFallback: false,
        instanceTypes: [new ec2.InstanceType('m7g.large'), new ec2.InstanceType('c7g.large')],
      },
      failover: {
        rebalance: RebalancePolicy.REPLACE,
        drainTime: Duration.seconds(80),
        keepServing: Duration.seconds(20),
        bootPatience: Duration.minutes(15),
      },
      workload: Workload.process({
        name: 'api',
        command: ['node', 'server.mjs'],
        workingDirectory: '/opt/api',
        environment: { LEVEL: 'info' },
        port: 9000,
        inFlightPath: '/in-flight',
        stopGrace: Duration.seconds(10),
      }),
    });
    expect(spec.launch).toMatchObject({ onDemandAfter: null, onDemandBase: 2 });
    expect(spec.launch.pools.map((pool) => `${pool.zone} ${pool.instanceType}`)).toEqual([
      'eu-west-1a c7g.large',
      'eu-west-1a m7g.large',
      'eu-west-1b c7g.large',
      'eu-west-1b m7g.large',
      'eu-west-1c c7g.large',
      'eu-west-1c m7g.large',
    ]);
    expect(spec.policy).toMatchObject({
      rebalance: 'replace',
      drainMs: 80_000,
      keepServingMs: 20_000,
      bootPatienceMs: 900_000,
    });
    expect(spec.workloads[0]).toMatchObject({
      kind: 'process',
      command: ['node', 'server.mjs'],
      workingDirectory: '/opt/api',
      environment: { LEVEL: 'info' },
      inFlightPath: '/in-flight',
      stopGraceMs: 10_000,
    });
  });

  it('says how many copies there are, and what one needs', () => {
    const spec = specOf({
      workload: Workload.container({
        image: 'model',
        copies: 2,
        memory: Size.gibibytes(6),
        gpuMemory: Size.gibibytes(20),
      }),
    });
    expect(spec.workloads[0]).toMatchObject({ copies: 2, memoryMiB: 6_144, gpuMemoryMiB: 20_480 });
    expect(specOf().workloads[0]).not.toHaveProperty('copies');
  });

  it('mounts the files of a container where it looks for them', () => {
    const spec = specOf({
      workload: Workload.container({
        image: 'model',
        gpus: 1,
        files: [{ source: FileSource.clusterBucket('llama'), path: '/models' }],
      }),
      capacity: { instanceTypes: [new ec2.InstanceType('g5.xlarge')] },
    });
    expect(spec.workloads[0]).toMatchObject({
      gpus: 1,
      mounts: [{ source: '/var/lib/synkti-files/main/0', target: '/models', readOnly: true }],
    });
  });

  it('survives quotes and backslashes in a command', () => {
    const command = ['sh', '-c', 'printf "%s\\n" \'a\' "$HOME" \u00fc'];
    const [workload] = specOf({ workload: Workload.process({ command }) }).workloads;
    expect(workload).toMatchObject({ command });
  });
});
