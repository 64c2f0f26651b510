import { aws_logs as logs, RemovalPolicy } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseKeyring } from '../../core/gossip/keyring.js';
import { FileSource, Workload } from '../../lib/index.js';
import { synth } from './synth.js';

it('what Secrets Manager generates is a keyring', () => {
  synth().template.hasResourceProperties('AWS::SecretsManager::Secret', {
    GenerateSecretString: {
      SecretStringTemplate: '{}',
      GenerateStringKey: 'primary',
      PasswordLength: 43,
      ExcludePunctuation: true,
      RequireEachIncludedType: false,
    },
  });
  fc.assert(
    fc.property(fc.stringMatching(/^[a-zA-Z0-9]{43}$/), (primary) => {
      const ring = parseKeyring(JSON.stringify({ primary }));
      expect(ring.ok && ring.primary.length).toBe(32);
    }),
  );
});

it('reports expire, hints do not', () => {
  const { template } = synth({ logRetention: logs.RetentionDays.ONE_WEEK });
  const [bucket] = Object.values(template.findResources('AWS::S3::Bucket'));
  const rules: readonly { Prefix?: string; ExpirationInDays?: number }[] =
    bucket?.Properties.LifecycleConfiguration.Rules;
  expect(rules.filter((rule) => rule.ExpirationInDays === 7).map((rule) => rule.Prefix)).toEqual([
    'incidents/',
    'last-words/',
    'balancer/',
    'seats/launched/',
  ]);
  expect(rules.filter((rule) => rule.ExpirationInDays !== undefined)).toHaveLength(4);
});

it('reports can be kept for ever', () => {
  const { template } = synth({ logRetention: logs.RetentionDays.INFINITE });
  expect(JSON.stringify(template.findResources('AWS::S3::Bucket'))).not.toContain('ExpirationInDays":');
});

it('keeps versions only where models lie', () => {
  const versioned = { VersioningConfiguration: { Status: 'Enabled' } };
  const files = [{ source: FileSource.clusterBucket('llama'), path: '/models' }];
  synth({ workload: Workload.container({ image: 'x', files }) }).template.hasResourceProperties(
    'AWS::S3::Bucket',
    versioned,
  );
  synth().template.hasResourceProperties('AWS::S3::Bucket', { VersioningConfiguration: Match.absent() });
});

it('the bucket goes with the stack unless told otherwise', () => {
  synth().template.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Delete' });
  synth({ removalPolicy: RemovalPolicy.RETAIN }).template.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Retain' });
});
