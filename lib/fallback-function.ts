import {
  type Duration,
  aws_iam as iam,
  aws_lambda as lambda,
  aws_logs as logs,
  RemovalPolicy,
  Size,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { bundleFolder } from './bundles.js';
import { addRights, type Right } from './policy.js';

interface FunctionProps {
  /** Folder of its bundle under `lambda/`. */
  readonly bundle: string;
  readonly description: string;
  readonly timeout: Duration;
  readonly retention: logs.RetentionDays;
  readonly environment: Record<string, string>;
  readonly rights: readonly Right[];
  readonly retryAttempts?: number;
  readonly maxEventAge?: Duration;
}

/** A function of the fallback with its log, its role and what that may do. */
export class FallbackFunction extends Construct {
  readonly handler: lambda.Function;
  readonly policy: iam.Policy;
  readonly logGroup: logs.ILogGroup;

  constructor(scope: Construct, id: string, props: FunctionProps) {
    super(scope, id);
    const { bundle, retention, rights, ...options } = props;
    const logGroup = new logs.LogGroup(this, 'Log', { retention, removalPolicy: RemovalPolicy.DESTROY });
    this.logGroup = logGroup;
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    this.policy = new iam.Policy(this, 'Policy');
    role.attachInlinePolicy(this.policy);
    addRights(this.policy, ...rights, {
      // Not the right to make the group: one that was deleted stays so.
      statement: new iam.PolicyStatement({
        sid: 'WriteLog',
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [logGroup.logGroupArn],
      }),
    });
    this.handler = new lambda.Function(this, 'Handler', {
      ...options,
      code: lambda.Code.fromAsset(bundleFolder(this, `lambda/${bundle}`)),
      handler: 'index.handler',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      memorySize: Size.mebibytes(512).toMebibytes(),
      role,
      logGroup,
    });
  }
}
