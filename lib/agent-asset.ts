import { aws_s3_assets as assets, aws_iam as iam } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { bundle } from './bundles.js';
import type { Right } from './policy.js';

/** The agent's bundle as nodes fetch it. */
export interface AgentAsset {
  /** `s3://...` */
  readonly url: string;
  readonly sha256: string;
  readonly right: Right;
}

/** Uploads the agent's bundle at deployment. */
export function agentAsset(scope: Construct): AgentAsset {
  const { path, sha256 } = bundle(scope, 'agent.mjs');
  const asset = new assets.Asset(scope, 'Agent', { path });
  const statement = new iam.PolicyStatement({
    sid: 'FetchAgent',
    actions: ['s3:GetObject'],
    resources: [asset.bucket.arnForObjects(asset.s3ObjectKey)],
  });
  return { url: asset.s3ObjectUrl, sha256, right: { statement } };
}
