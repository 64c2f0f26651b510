import {
  Duration,
  aws_logs as logs,
  RemovalPolicy,
  aws_s3 as s3,
  aws_secretsmanager as secretsmanager,
  Validations,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { REPORT_PREFIXES } from './node-rights.js';

interface BucketProps {
  readonly retention: logs.RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** The cluster's bucket: hints of the seats, incident reports, last words, the balancer's log, files of workloads. */
export function clusterBucket(scope: Construct, { retention, removalPolicy }: BucketProps): s3.Bucket {
  // The number of each choice is its days.
  const expiration = retention === logs.RetentionDays.INFINITE ? undefined : Duration.days(retention);
  const bucket = new s3.Bucket(scope, 'Bucket', {
    // The balancer's log can be written with no other encryption.
    encryption: s3.BucketEncryption.S3_MANAGED,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    removalPolicy,
    lifecycleRules: [
      ...(expiration === undefined
        ? []
        : [...REPORT_PREFIXES, 'balancer/', 'seats/launched/'].map((prefix) => ({ prefix, expiration }))),
      { abortIncompleteMultipartUploadAfter: Duration.days(1), noncurrentVersionExpiration: Duration.days(30) },
    ],
  });
  Validations.of(bucket).acknowledge({
    id: 'AwsSolutions-S1',
    reason: "Only the cluster's nodes and its balancer write here, and what they write is itself a log.",
  });
  return bucket;
}

/** Models and data are versioned; a bucket of reports needs no versions. */
export function keepVersions(bucket: s3.Bucket): void {
  (bucket.node.defaultChild as s3.CfnBucket).versioningConfiguration = { status: 'Enabled' };
}

/**
 * The key that seals the gossip. 43 letters and digits are the base64 of 32 bytes, without the padding that Secrets
 * Manager couldn't append, and as hard to guess (62^43 > 2^256).
 */
export function gossipKey(scope: Construct): secretsmanager.Secret {
  const secret = new secretsmanager.Secret(scope, 'GossipKey', {
    description: 'Keyring of the gossip between the nodes of a Synkti cluster',
    generateSecretString: {
      secretStringTemplate: '{}',
      generateStringKey: 'primary',
      passwordLength: 43,
      excludePunctuation: true,
      requireEachIncludedType: false,
    },
    removalPolicy: RemovalPolicy.DESTROY,
  });
  Validations.of(secret).acknowledge({
    id: 'AwsSolutions-SMG4',
    reason: 'A rotation goes in steps through the keyring (new key as older, then as primary), so not by a schedule.',
  });
  return secret;
}
