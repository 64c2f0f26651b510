import {
  Duration,
  type RemovalPolicy,
  aws_s3 as s3,
  aws_secretsmanager as secretsmanager,
  Validations,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** Days that incidents, last words and the balancer's log are kept. */
const REPORT_DAYS = 90;

/** The cluster's bucket: hints of the seats, incident reports, last words, the balancer's log. */
export function clusterBucket(scope: Construct, removalPolicy: RemovalPolicy): s3.Bucket {
  const bucket = new s3.Bucket(scope, 'Bucket', {
    // The balancer's log can be written with no other encryption.
    encryption: s3.BucketEncryption.S3_MANAGED,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    removalPolicy,
    lifecycleRules: [
      ...['incidents/', 'last-words/', 'balancer/'].map((prefix) => ({
        prefix,
        expiration: Duration.days(REPORT_DAYS),
      })),
      { abortIncompleteMultipartUploadAfter: Duration.days(1) },
    ],
  });
  Validations.of(bucket).acknowledge({
    id: 'AwsSolutions-S1',
    reason: "Only the cluster's nodes and its balancer write here, and what they write is itself a log.",
  });
  return bucket;
}

/**
 * The key that seals the gossip. 43 letters and digits are the base64 of 32 bytes, without the padding that Secrets
 * Manager couldn't append, and as hard to guess (62^43 > 2^256).
 */
export function gossipKey(scope: Construct, removalPolicy: RemovalPolicy): secretsmanager.Secret {
  const secret = new secretsmanager.Secret(scope, 'GossipKey', {
    description: 'Keyring of the gossip between the nodes of a Synkti cluster',
    generateSecretString: {
      secretStringTemplate: '{}',
      generateStringKey: 'primary',
      passwordLength: 43,
      excludePunctuation: true,
      requireEachIncludedType: false,
    },
    removalPolicy,
  });
  Validations.of(secret).acknowledge({
    id: 'AwsSolutions-SMG4',
    reason: 'A rotation goes by steps through the keyring (new key as older, then as primary), so not by a schedule.',
  });
  return secret;
}
