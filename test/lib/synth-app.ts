/** The example app, with its cluster or without, as the benchmark of synth runs it. Prints its CPU time in ms. */
import { App, aws_ec2 as ec2, Stack, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';

const [kind] = process.argv.slice(2);
const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
const stack = new Stack(app, 'SynktiExample', { env: { region: 'us-east-1' } });
const vpc = new ec2.Vpc(stack, 'Vpc', {
  availabilityZones: ['us-east-1a', 'us-east-1b', 'us-east-1c'],
  natGateways: 1,
});
Validations.of(vpc).acknowledge({ id: 'AwsSolutions-VPC7', reason: 'As in the example.' });
if (kind === 'with') {
  const { webService } = await import('../../examples/cdk/web-service.js');
  webService(stack, vpc);
}
app.synth();
const { user, system } = process.cpuUsage();
process.stdout.write(`${Math.round((user + system) / 1000)}\n`);
