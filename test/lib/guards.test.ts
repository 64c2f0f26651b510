import {
  type App,
  aws_certificatemanager as acm,
  Duration,
  aws_ec2 as ec2,
  aws_elasticloadbalancingv2 as elbv2,
  NestedStack,
  RemovalPolicy,
  Size,
  type Stack,
  Tags,
} from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { FileSource, LoadBalancing, SynktiCluster, type SynktiClusterProps, Workload } from '../../lib/index.js';
import { complaints, newApp, newStack, WEB } from './synth.js';

type Change = (stack: Stack, vpc: ec2.Vpc) => Partial<SynktiClusterProps>;

function said(change: Change, after: (cluster: SynktiCluster, app: App) => void = () => {}): readonly string[] {
  const app = newApp();
  const { stack, vpc } = newStack(app);
  const cluster = new SynktiCluster(stack, 'Web', { vpc, workload: WEB, clusterName: 'web', ...change(stack, vpc) });
  after(cluster, app);
  return complaints(stack);
}

const types = (...names: readonly string[]): ec2.InstanceType[] => names.map((name) => new ec2.InstanceType(name));
const oneZone: Change = () => ({ subnets: { availabilityZones: ['eu-west-1a'] }, loadBalancing: LoadBalancing.none() });
const targets =
  (props: Partial<elbv2.ApplicationTargetGroupProps>): Change =>
  (stack, vpc) => ({
    loadBalancing: LoadBalancing.targetGroup(
      new elbv2.ApplicationTargetGroup(stack, 'Targets', {
        vpc,
        port: 80,
        targetType: elbv2.TargetType.INSTANCE,
        deregistrationDelay: Duration.seconds(30),
        healthCheck: { interval: Duration.seconds(5), healthyThresholdCount: 2 },
        ...props,
      }),
    ),
  });

it('nothing is said of a good cluster', () => {
  expect(said(() => ({}))).toEqual([]);
  expect(said(targets({}))).toEqual([]);
});

const CASES: readonly (readonly [what: string, change: Change, says: RegExp])[] = [
  ['a name in upper case', () => ({ clusterName: 'Web' }), /error: .*"Web" won't do: give clusterName/],
  ['a name of 25 characters', () => ({ clusterName: 'a'.repeat(25) }), /at most 24 lower case/],
  [
    'a lease shorter than two sweeps',
    () => ({ lease: Duration.minutes(9) }),
    /error: .*lease is 9 minutes, but the sweep looks every 5 minutes: make it from 10 minutes to 30 days/,
  ],
  ['a lease of months', () => ({ lease: Duration.days(31) }), /error: .*lease is 31 days.* to 30 days/],
  [
    'a lease that leaves the bucket',
    () => ({ lease: Duration.hours(1), removalPolicy: RemovalPolicy.RETAIN }),
    /warning: .*The bucket stays when the lease ends/,
  ],
  ['half a node', () => ({ capacity: { desired: 2.5 } }), /desired must be a whole number/],
  ['fewer than none', () => ({ capacity: { desired: -1 } }), /desired must be a whole number/],
  ['a base above the wish', () => ({ capacity: { desired: 2, onDemandBase: 3 } }), /error: .*onDemandBase is 3, but/],
  [
    'two architectures',
    () => ({ capacity: { instanceTypes: types('m7g.large', 'm7i.large') } }),
    /error: .*mix x86-64/,
  ],
  [
    'another architecture than the types',
    () => ({ capacity: { architecture: ec2.InstanceArchitecture.ARM_64, instanceTypes: types('m7i.large') } }),
    /error: .*mix x86-64/,
  ],
  ['one zone', oneZone, /warning: .*two zones or more.*synkti:zones/],
  [
    'few pools',
    () => ({ capacity: { instanceTypes: types('m7i.large') } }),
    /warning: .*make 3 spot pools.*synkti:pools/,
  ],
  [
    'one zone for a balancer',
    () => ({ subnets: { availabilityZones: ['eu-west-1a'] } }),
    /error: .*needs subnets in two/,
  ],
  [
    'GPUs that no type has',
    () => ({ workload: Workload.container({ image: 'x', gpus: 1 }) }),
    /error: .*needs GPUs, but m5.large, .* have none/,
  ],
  [
    'more copies than nodes',
    () => ({ capacity: { desired: 3 }, workload: Workload.container({ image: 'x', copies: 4 }) }),
    /error: .*wants 4 copies, one a node, but capacity.desired is 3/,
  ],
  [
    'no copies',
    () => ({ workload: Workload.container({ image: 'x', copies: 0 }) }),
    /error: .*copies must be a whole number from 1, not 0/,
  ],
  [
    'a root volume below the image',
    () => ({ capacity: { instanceTypes: types('g5.xlarge') }, machine: { rootVolumeSize: Size.gibibytes(50) } }),
    /error: .*75 GiB/,
  ],
  [
    'an image of one’s own',
    () => ({ machine: { image: ec2.MachineImage.genericLinux({ 'eu-west-1': 'ami-0123456789abcdef0' }) } }),
    /warning: .*Node.js 20.19 or newer or else dnf.*synkti:image/,
  ],
  [
    'Windows',
    () => ({ machine: { image: ec2.MachineImage.genericWindows({ 'eu-west-1': 'ami-0123456789abcdef0' }) } }),
    /error: .*Windows image: choose a Linux image/,
  ],
  [
    'a delay as long as the notice',
    targets({ deregistrationDelay: Duration.minutes(2) }),
    /error: .*deregistration delay of Test\/Targets is 120 s.*30 to 60 s/,
  ],
  [
    'a delay that takes most of it',
    targets({ deregistrationDelay: Duration.seconds(90) }),
    /warning: .*is 90 s.*synkti:deregistrationDelay/,
  ],
  ['the delay that AWS sets', targets({ deregistrationDelay: undefined }), /error: .*is 300 s/],
  [
    'a delay of the own balancer',
    () => ({ loadBalancing: LoadBalancing.ownBalancer({ deregistrationDelay: Duration.minutes(5) }) }),
    /error: .*is 300 s/,
  ],
  [
    'a slow health check of the balancer',
    targets({ healthCheck: { interval: Duration.seconds(30), healthyThresholdCount: 5 } }),
    /warning: .*takes 150 s to see that a node is healthy.*synkti:healthCheck/,
  ],
  [
    'a slow health check of the agent',
    () => ({
      workload: Workload.container({ image: 'x', port: 80, healthCheck: { path: '/', interval: Duration.minutes(1) } }),
    }),
    /error: .*takes 180 s to see that it is broken/,
  ],
  [
    'an NLB',
    (stack, vpc) => ({
      loadBalancing: LoadBalancing.targetGroup(
        new elbv2.NetworkTargetGroup(stack, 'Targets', { vpc, port: 80, deregistrationDelay: Duration.seconds(30) }),
      ),
    }),
    /warning: .*Network Load Balancer.*Use an Application Load Balancer.*synkti:nlb/,
  ],
  [
    'serving on past the notice',
    () => ({ failover: { keepServing: Duration.seconds(100) } }),
    /error: .*keepServing is 100 s/,
  ],
  [
    'a sweep every minute and a half',
    () => ({ failover: { sweepPeriod: Duration.seconds(90) } }),
    /error: .*sweepPeriod is 1.5 minutes: make it 1 to 5/,
  ],
  ['a sweep every hour', () => ({ failover: { sweepPeriod: Duration.hours(1) } }), /error: .*sweepPeriod is 60 min/],
  [
    'plain HTTP to the Internet',
    () => ({ loadBalancing: LoadBalancing.ownBalancer({ internetFacing: true }) }),
    /warning: .*plain HTTP.*certificate.*synkti:plainHttp/,
  ],
  [
    'more pools than a launch takes',
    () => ({
      capacity: {
        instanceTypes: types(...Array.from({ length: 101 }, (_, i) => `m${i % 51}i.${i < 51 ? '' : 'x'}large`)),
      },
    }),
    /error: .*make 303 pools, and a launch takes 300: give fewer/,
  ],
  [
    'more than the spec holds',
    () => ({ workload: Workload.container({ image: 'x', environment: { LONG: 'x'.repeat(8_000) } }) }),
    /error: .*SSM holds 8192: give shorter/,
  ],
  [
    'a name of a workload',
    () => ({ workload: Workload.container({ name: 'a b', image: 'x' }) }),
    /letters, digits and hyphens/,
  ],
  [
    'a port',
    () => ({ workload: Workload.container({ image: 'x', port: 70_000 }) }),
    /port must be a whole number from 1/,
  ],
  [
    'a health check without a port',
    () => ({ workload: Workload.container({ image: 'x', healthCheck: { path: '/' } }) }),
    /needs a port/,
  ],
  [
    'a relative path',
    () => ({ workload: Workload.container({ image: 'x', port: 1, healthCheck: { path: 'up' } }) }),
    /must start with \//,
  ],
  ['no command', () => ({ workload: Workload.process({ command: [] }) }), /command must name a program/],
  ['an image with a space', () => ({ workload: Workload.container({ image: 'nginx 1' }) }), /without spaces/],
  [
    'an environment',
    () => ({ workload: Workload.container({ image: 'x', environment: { 'A-B': '1' } }) }),
    /A-B can't be/,
  ],
  [
    'files at a relative path',
    () => ({
      workload: Workload.process({ command: ['x'], files: [{ source: FileSource.clusterBucket('a'), path: 'b' }] }),
    }),
    /must be absolute/,
  ],
  [
    'a private image without its repository',
    () => ({ workload: Workload.container({ image: '111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1' }) }),
    /warning: .*Give the container's `repository`.*synkti:repository/,
  ],
];

describe('is complained of', () => {
  it.each(CASES)('%s', (_what, change, says) => {
    expect(said(change).join('\n')).toMatch(says);
  });
});

it('a name that only the deployment knows ends the synthesis at once', () => {
  expect(() => said((stack) => ({ clusterName: `a${stack.account}` }))).toThrow(/clusterName must be known at synth/);
});

describe('what comes after', () => {
  it('two workloads of one name, or on one port', () => {
    const add = (workload: Workload) =>
      said(
        () => ({}),
        (cluster) => cluster.addWorkload(workload),
      ).join('\n');
    expect(add(Workload.container({ image: 'x' }))).toMatch(/Two workloads are named main/);
    expect(add(Workload.container({ name: 'b', image: 'x', port: 8080 }))).toMatch(
      /main and b both listen on port 8080/,
    );
  });

  it('a max price in the launch template', () => {
    const price = (cluster: SynktiCluster): void =>
      (cluster.launchTemplate.node.defaultChild as ec2.CfnLaunchTemplate).addPropertyOverride(
        'LaunchTemplateData.InstanceMarketOptions',
        { MarketType: 'spot', SpotOptions: { MaxPrice: '0.01' } },
      );
    expect(said(() => ({}), price).join('\n')).toMatch(/warning: .*maximum price.*Remove it.*synkti:maxPrice/);
  });

  it('a tag that the instance metadata can’t show', () => {
    expect(
      said(
        () => ({}),
        (_cluster, app) => Tags.of(app).add('cost/center', '42'),
      ).join('\n'),
    ).toMatch(/error: .*"cost\/center".*Rename it/);
    expect(
      said(
        () => ({}),
        (_cluster, app) => Tags.of(app).add('cost:center', '42'),
      ),
    ).toEqual([]);
  });

  it('nothing of HTTPS', () => {
    const https: Change = (stack) => ({
      loadBalancing: LoadBalancing.ownBalancer({
        internetFacing: true,
        certificates: [
          acm.Certificate.fromCertificateArn(stack, 'Certificate', 'arn:aws:acm:eu-west-1:1:certificate/a'),
        ],
      }),
    });
    expect(said(https)).toEqual([]);
  });
});

describe('a lease', () => {
  it.each([
    [Duration.minutes(10), {}],
    [Duration.minutes(2), { failover: { sweepPeriod: Duration.minutes(1) } }],
    [Duration.days(30), {}],
  ])('of %s is well', (lease, more) => {
    expect(said(() => ({ lease, ...more }))).toEqual([]);
  });

  it('needs a stack of its own', () => {
    const { stack, vpc } = newStack();
    const nested = new NestedStack(stack, 'Nested');
    new SynktiCluster(nested, 'Web', { vpc, workload: WEB, clusterName: 'web', lease: Duration.hours(1) });
    expect(complaints(stack).join()).toMatch(/error: .*nested in another/);
  });
});
