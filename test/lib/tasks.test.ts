import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, aws_ec2 as ec2, aws_ecr as ecr, aws_iam as iam, Size, aws_s3 as s3 } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TASKS, parseSpec } from '../../core/spec/parse.js';
import { CHECKPOINTS, ENDED, FAILED, LEASES, LOGS, OPEN, TASKS } from '../../core/tasks/keys.js';
import { FileSource, SynktiCluster, type TasksOptions, Workload } from '../../lib/index.js';
import { deployed } from './resolve.js';
import { complaints, newStack, synth, WEB } from './synth.js';

const GPU_TYPES = ['g5.xlarge', 'g5.2xlarge', 'g6.xlarge', 'g6.2xlarge'].map((name) => new ec2.InstanceType(name));

interface Statement {
  readonly Sid?: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

const list = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

const statementsOf = (template: Template, policy: string): readonly Statement[] =>
  Object.entries(template.findResources('AWS::IAM::Policy'))
    .filter(([id]) => id.startsWith(policy))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);

/** `s3:GetObject s3:PutObject tasks/open/* tasks/lease/*`: actions, and what follows the bucket's ARN. */
const short = ({ Action, Resource }: Statement): string =>
  [...list(Action), ...list(Resource).map((arn) => /([a-z][a-z/]*\*)"/.exec(JSON.stringify(arn))?.[1] ?? '')].join(' ');

describe('the spec of a workload of tasks', () => {
  const specOf = (options: TasksOptions) => {
    const { Resources } = synth({ workload: Workload.tasks(options) }).template.toJSON();
    const parameter = Object.values<{ Properties: { Name?: string; Value?: unknown } }>(Resources).find(
      ({ Properties }) => Properties?.Name === '/synkti/web/spec',
    );
    const parsed = parseSpec(deployed(parameter?.Properties.Value, Resources));
    if (!parsed.ok) throw new Error(parsed.problem);
    return parsed.value.workloads[0];
  };

  it('has the defaults of the reader', () => {
    expect(specOf({})).toMatchObject({
      kind: 'tasks',
      name: 'tasks',
      port: null,
      memoryMiB: null,
      gpuMemoryMiB: 0,
      ...DEFAULT_TASKS,
    });
  });

  it('carries what the options say', () => {
    expect(
      specOf({
        name: 'batch',
        memory: Size.gibibytes(13),
        gpuMemory: Size.gibibytes(22),
        maxTasksPerNode: 7,
        lease: Duration.seconds(30),
        environment: { A: 'b' },
      }),
    ).toMatchObject({
      name: 'batch',
      memoryMiB: 13 * 1_024,
      gpuMemoryMiB: 22 * 1_024,
      maxTasks: 7,
      leaseMs: 30_000,
      environment: { A: 'b' },
    });
  });
});

describe('a workload of tasks', () => {
  it('has no load balancer', () => {
    synth({ workload: Workload.tasks() }).template.resourceCountIs('AWS::ElasticLoadBalancingV2::LoadBalancer', 0);
  });

  it('lets nodes change nothing in the bucket but what lies under tasks/, and read what its data buckets hold', () => {
    const { stack, vpc } = newStack();
    const data = s3.Bucket.fromBucketName(stack, 'Data', 'data');
    const repository = ecr.Repository.fromRepositoryName(stack, 'Repository', 'train');
    const workload = Workload.tasks({
      dataBuckets: [data],
      images: [{ image: repository.repositoryUriForTag('1'), repository }],
    });
    new SynktiCluster(stack, 'Web', { vpc, workload });
    const plain = statementsOf(synth({ workload: Workload.container({ image: 'x' }) }).template, 'WebNodePolicy');
    const sids = new Set(plain.map(({ Sid }) => Sid));
    const template = Template.fromStack(stack);
    const added = statementsOf(template, 'WebNodePolicy').filter(({ Sid }) => !sids.has(Sid) || Sid === undefined);
    expect(added.map(short)).toEqual([
      's3:GetObject s3:PutObject s3:DeleteObject s3:AbortMultipartUpload tasks/*',
      's3:GetObject data/*',
      's3:ListBucket ',
      'ecr:BatchGetImage ecr:GetDownloadUrlForLayer ',
      'ecr:GetAuthorizationToken ',
    ]);
    expect(JSON.stringify(template.findResources('AWS::EC2::LaunchTemplate'))).toContain('docker pull --quiet');
  });

  it('needs Docker unless told that there are no containers', () => {
    const userData = (options: TasksOptions): string =>
      JSON.stringify(synth({ workload: Workload.tasks(options) }).template.findResources('AWS::EC2::LaunchTemplate'));
    expect(userData({})).toContain('dockerd');
    expect(userData({ containers: false })).not.toContain('dockerd');
  });

  it('fetches programs to where they are said to lie', () => {
    const files = [{ source: FileSource.clusterBucket('programs'), path: '/opt/programs' }];
    const { template } = synth({ workload: Workload.tasks({ files }) });
    expect(JSON.stringify(template.findResources('AWS::EC2::LaunchTemplate'))).toContain(
      "install -d -m 755 '/opt/prog",
    );
  });
});

describe('what lies under tasks/', () => {
  const rulesOf = (workload: Workload): readonly Record<string, unknown>[] =>
    Object.values(synth({ workload }).template.findResources('AWS::S3::Bucket'))[0]?.Properties.LifecycleConfiguration
      .Rules ?? [];
  const tasksRules = (workload: Workload) =>
    rulesOf(workload).filter(({ Prefix }) => String(Prefix ?? '').startsWith(TASKS));

  it('goes when it has ended, and old versions of it the next day', () => {
    const rules = tasksRules(Workload.tasks({ keepEnded: Duration.hours(7 * 24 - 1) }));
    expect(rules.filter(({ ExpirationInDays }) => ExpirationInDays === 7).map(({ Prefix }) => Prefix)).toEqual([
      ENDED,
      FAILED,
      LOGS,
    ]);
    expect(rules).toContainEqual(
      expect.objectContaining({
        Prefix: TASKS,
        NoncurrentVersionExpiration: { NoncurrentDays: 1 },
        ExpiredObjectDeleteMarker: true,
      }),
    );
    expect(rules).toHaveLength(4);
  });

  it('never goes while a task is open: neither queue nor leases nor checkpoints expire', () => {
    for (const rule of tasksRules(Workload.tasks())) {
      if (rule.ExpirationInDays === undefined) continue;
      for (const live of [OPEN, LEASES, CHECKPOINTS]) expect(live.startsWith(String(rule.Prefix))).toBe(false);
    }
  });

  it('is of no concern to other clusters', () => {
    expect(tasksRules(WEB)).toEqual([]);
  });
});

describe('grantSubmit', () => {
  const { stack, vpc } = newStack();
  const cluster = new SynktiCluster(stack, 'Web', { vpc, workload: Workload.tasks(), clusterName: 'web' });
  cluster.grantSubmit(new iam.Role(stack, 'Ci', { assumedBy: new iam.AccountRootPrincipal() }));
  const imported = SynktiCluster.fromClusterName(stack, 'Other', 'other');
  imported.grantSubmit(new iam.User(stack, 'Somebody'));
  const template = Template.fromStack(stack);

  it.each(['Ci', 'Somebody'])('allows what the commands ask for, to %s', (who) => {
    const statements = statementsOf(template, who);
    expect(statements.map(short)).toEqual([
      'ssm:GetParameter ',
      's3:ListBucket ',
      's3:GetObject tasks/*',
      's3:PutObject tasks/open/* tasks/lease/* tasks/ended/*',
      's3:DeleteObject tasks/open/* tasks/checkpoints/*',
      'ec2:DescribeInstanceTypes ec2:DescribeSpotPriceHistory ',
    ]);
    expect(statements[1]?.Condition).toEqual({ StringLike: { 's3:prefix': 'tasks/*' } });
  });

  it('allows what docs/tasks.md says', () => {
    const text = readFileSync(join(import.meta.dirname, '../../docs/tasks.md'), 'utf8');
    const [, section = ''] = text.split('`cluster.grantSubmit(role)`');
    const documented = [...section.matchAll(/^\| `([a-z0-9]+:[A-Za-z]+)` +\|/gm)].map(([, action]) => action);
    expect(statementsOf(template, 'Ci').flatMap(({ Action }) => list(Action))).toEqual(documented);
  });
});

describe('a mistake in a workload of tasks is told at synth:', () => {
  const said = (workload: Workload, types: readonly ec2.InstanceType[] = []): string =>
    complaints(synth({ workload, capacity: { instanceTypes: [...types] } }).stack).join('\n');

  it('nothing is said of a good one', () => {
    expect(said(Workload.tasks())).toBe('');
    expect(said(Workload.tasks({ gpuMemory: Size.gibibytes(22) }), GPU_TYPES)).toBe('');
  });

  it.each<[string, TasksOptions, RegExp]>([
    ['GPU memory without GPUs', { gpuMemory: Size.gibibytes(22) }, /error: .*needs GPUs, but m5.large, .* have none/],
    ['no memory', { memory: Size.kibibytes(1) }, /error: Workload tasks: memory must be at least 1 MiB/],
    ['half a task', { maxTasksPerNode: 0.5 }, /maxTasksPerNode must be a whole number from 1 to 256, not 0.5/],
    ['a short lease', { lease: Duration.millis(1_500) }, /lease must be from 10 seconds to an hour, not 1.5 s/],
    ['a bad variable', { environment: { 'a-b': '' } }, /a-b can't be the name of an environment variable/],
  ])('%s', (_, options, complaint) => {
    expect(said(Workload.tasks(options))).toMatch(complaint);
  });

  it('GPUs that no task gets', () => {
    expect(said(Workload.tasks(), GPU_TYPES)).toMatch(
      /warning: .*without gpuMemory no task gets one.*synkti:gpuMemory/,
    );
  });

  it('two queues', () => {
    const { cluster, stack } = synth({ workload: Workload.tasks() });
    cluster.addWorkload(Workload.tasks({ name: 'more' }));
    expect(complaints(stack).join()).toContain('Workloads tasks and more are both of tasks');
  });
});
