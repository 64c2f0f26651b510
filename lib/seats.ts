/**
 * Two custom resources, both tended by the seeder, for the two things that CloudFormation can't do by itself.
 *
 * The seats come last: at a deployment everything that a node needs stands already, and at a deletion the nodes end while
 * everything still stands. The bucket's contents come before the right of anybody to write there, and so go after the
 * last of these rights: nothing can be written any more, not even the load balancer's log, when it is emptied.
 */
import { CustomResource, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Dependable, type IConstruct, type IDependable } from 'constructs';
import type { SynktiCluster } from './cluster.js';
import { type Fallback, SEEDER_TIMEOUT } from './fallback.js';
import { epoch } from './spec-json.js';

/**
 * Fills the seats, and ends every node.
 *
 * @param network what nodes need to reach the Internet
 */
export function seats(cluster: SynktiCluster, { seeder }: Fallback, network: readonly IDependable[]): void {
  const resource = new CustomResource(cluster, 'Seats', {
    resourceType: 'Custom::SynktiSeats',
    serviceToken: seeder.handler.functionArn,
    serviceTimeout: SEEDER_TIMEOUT,
    // A change of the spec is a change of this resource.
    properties: { Epoch: epoch(Stack.of(cluster)), Spec: cluster.specParameter.stringValue },
  });
  resource.node.addDependency(...network, allBut(cluster, resource));
}

/**
 * Empties the bucket when it is deleted. It is there also where the bucket is retained, since a resource that vanished
 * from the template would be told to empty it.
 */
export function contents(
  cluster: SynktiCluster,
  { seeder }: Fallback,
  removalPolicy: RemovalPolicy,
  writers: readonly IConstruct[],
): void {
  const resource = new CustomResource(cluster, 'Contents', {
    resourceType: 'Custom::SynktiContents',
    serviceToken: seeder.handler.functionArn,
    serviceTimeout: SEEDER_TIMEOUT,
    properties: { Bucket: cluster.bucket.bucketName, Empty: removalPolicy === RemovalPolicy.DESTROY },
  });
  resource.node.addDependency(seeder.policy);
  for (const writer of writers) writer.node.addDependency(resource);
}

/** Everything in the cluster, also what is added later, but this one resource. */
function allBut(cluster: SynktiCluster, resource: CustomResource): IDependable {
  const rest: IDependable = {};
  Dependable.implement(rest, {
    get dependencyRoots() {
      return cluster.node.children.filter((child) => child !== resource);
    },
  });
  return rest;
}
