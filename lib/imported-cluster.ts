/**
 * How another stack or app finds a cluster by its name: through one more parameter, which the cluster writes and which
 * CloudFormation reads at deployment.
 */
import { aws_ec2 as ec2, Fn, aws_iam as iam, aws_s3 as s3, aws_ssm as ssm } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { ISynktiCluster } from './cluster-props.js';
import { attributesParameterName, specParameterName } from './names.js';
import { grantSubmit } from './tasks.js';

/** Writes what {@link ImportedCluster} reads. */
export function publishAttributes(scope: Construct, cluster: ISynktiCluster): void {
  new ssm.StringParameter(scope, 'Attributes', {
    parameterName: attributesParameterName(cluster.clusterName),
    description: 'Bucket, role and security group, for SynktiCluster.fromClusterName',
    stringValue: [cluster.bucket.bucketName, cluster.role.roleArn, cluster.securityGroup.securityGroupId].join(','),
  });
}

export class ImportedCluster extends Construct implements ISynktiCluster {
  readonly role: iam.IRole;
  readonly grantPrincipal: iam.IPrincipal;
  readonly securityGroup: ec2.ISecurityGroup;
  readonly connections: ec2.Connections;
  readonly bucket: s3.IBucket;
  readonly specParameter: ssm.IStringParameter;
  readonly clusterName: string;

  constructor(scope: Construct, id: string, clusterName: string) {
    super(scope, id);
    this.clusterName = clusterName;
    const attributes = ssm.StringParameter.valueForStringParameter(this, attributesParameterName(clusterName));
    const attribute = (index: number): string => Fn.select(index, Fn.split(',', attributes));
    this.bucket = s3.Bucket.fromBucketName(this, 'Bucket', attribute(0));
    this.role = iam.Role.fromRoleArn(this, 'NodeRole', attribute(1));
    this.grantPrincipal = this.role;
    this.securityGroup = ec2.SecurityGroup.fromSecurityGroupId(this, 'SecurityGroup', attribute(2));
    this.connections = this.securityGroup.connections;
    this.specParameter = ssm.StringParameter.fromStringParameterName(this, 'Spec', specParameterName(clusterName));
  }
  grantSubmit(grantee: iam.IGrantable): iam.Grant {
    return grantSubmit(this, grantee);
  }
}
