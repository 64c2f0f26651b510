import { aws_ssm as ssm } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** What a function tells a node whose agent doesn't act: leave. An agent that hangs is killed by systemd. */
export const drainDocument = (scope: Construct): ssm.CfnDocument =>
  new ssm.CfnDocument(scope, 'Drain', {
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
