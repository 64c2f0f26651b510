import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { App, type AppProps, aws_ec2 as ec2, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { afterAll } from 'vitest';
import { SynktiCluster, type SynktiClusterProps, Workload } from '../../lib/index.js';

/** Stand-ins for the built bundles: tests of the template must not wait for a build. */
const BUNDLES = join(import.meta.dirname, 'bundles');

const outputs: string[] = [];
afterAll(() => {
  for (const folder of outputs) rmSync(folder, { recursive: true, force: true });
});

/** Without the validation of templates, which takes most of a synth's time. */
export function newApp(props: AppProps = {}): App {
  const app = new App({
    builtinCloudFormationValidation: false,
    treeMetadata: false,
    analyticsReporting: false,
    ...props,
    context: { 'synkti:bundles': BUNDLES, ...props.context },
  });
  outputs.push(app.outdir);
  return app;
}

export function newStack(app: App = newApp(), id = 'Test'): { readonly stack: Stack; readonly vpc: ec2.Vpc } {
  const stack = new Stack(app, id, { env: { region: 'eu-west-1' } });
  const vpc = new ec2.Vpc(stack, 'Vpc', {
    availabilityZones: ['eu-west-1a', 'eu-west-1b', 'eu-west-1c'],
    natGateways: 1,
  });
  return { stack, vpc };
}

export const WEB = Workload.container({
  image: 'public.ecr.aws/nginx/nginx:1.29',
  port: 8080,
  healthCheck: { path: '/health' },
});

export interface Synth {
  readonly cluster: SynktiCluster;
  readonly stack: Stack;
  readonly template: Template;
}

/** One cluster in a stack with a VPC of three zones. */
export function synth(props: Partial<SynktiClusterProps> = {}): Synth {
  const { stack, vpc } = newStack();
  const cluster = new SynktiCluster(stack, 'Web', { vpc, workload: WEB, clusterName: 'web', ...props });
  return { cluster, stack, template: Template.fromStack(stack) };
}

/** Everything that the construct complains of, errors and warnings, as text. */
export function complaints(stack: Stack): readonly string[] {
  const annotations = Annotations.fromStack(stack);
  const found = [...annotations.findError('*', Match.anyValue()), ...annotations.findWarning('*', Match.anyValue())];
  return found.map(({ level, entry }) => `${level}: ${entry.data}`);
}
