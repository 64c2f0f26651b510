/**
 * The instance types of a cluster that says only what they must have. EC2 names them at deployment, so a custom resource
 * asks and chooses; the spec refers to its answer. It is asked again only when the requirements, or the zones, change.
 */
import { CustomResource, type aws_ec2 as ec2, Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { type Fallback, SEEDER_TIMEOUT } from './fallback.js';
import { type InstanceRequirements, requirementsJson } from './instance-requirements.js';

/** @returns the list in JSON, to be put into the spec as it is */
export function chosenTypes(
  scope: Construct,
  { seeder }: Fallback,
  requirements: InstanceRequirements,
  architecture: ec2.InstanceArchitecture,
  subnets: readonly ec2.ISubnet[],
): number {
  const wish = {
    ...requirementsJson(requirements, architecture),
    zones: subnets.map(({ availabilityZone }) => availabilityZone),
  };
  const resource = new CustomResource(scope, 'InstanceTypes', {
    resourceType: 'Custom::SynktiInstanceTypes',
    serviceToken: seeder.handler.functionArn,
    serviceTimeout: SEEDER_TIMEOUT,
    properties: { Requirements: Stack.of(scope).toJsonString(wish) },
  });
  resource.node.addDependency(seeder.policy);
  // A number is what CDK writes into JSON without quotes.
  return Token.asNumber(resource.getAtt('InstanceTypes'));
}
