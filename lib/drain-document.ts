import { aws_ssm as ssm, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { TAG_CLUSTER } from './names.js';

/**
 * What a function tells a node whose agent doesn't act, and an operator one that shall go: leave. An agent that hangs is
 * killed by systemd. Operators find the document by its tag.
 */
export function drainDocument(scope: Construct, cluster: string): ssm.CfnDocument {
  const document = new ssm.CfnDocument(scope, 'Drain', {
    documentType: 'Command',
    targetType: '/AWS::EC2::Instance',
    content: {
      schemaVersion: '2.2',
      description: 'Tells the Synkti agent of a node to hand over and leave',
      mainSteps: [
        {
          action: 'aws:runShellScript',
          name: 'leave',
          inputs: { timeoutSeconds: '30', runCommand: ['systemctl stop --no-block synkti.service'] },
        },
      ],
    },
  });
  Tags.of(document).add(TAG_CLUSTER, cluster);
  return document;
}
