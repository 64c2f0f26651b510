import type { AwsError } from '../wire/error.js';
import { Params } from '../wire/form.js';
import { pairsOf } from '../wire/query-service.js';
import type { Principal, WireRequest } from '../wire/service.js';
import { type CloudformationAsks, cloudformationAsks } from './asks/cloudformation.js';
import { type Ec2Asks, ec2Asks } from './asks/ec2.js';
import { type Elbv2Asks, elbv2Asks } from './asks/elbv2.js';
import { type JsonAsks, jsonAsks } from './asks/json.js';
import { type S3Asks, s3Asks } from './asks/s3.js';
import type { Ask } from './evaluate.js';
import { denialError, type Iam, type RoleCaller } from './iam.js';

export interface GateOptions {
  readonly iam: Iam;
  readonly accountId: string;
  readonly ec2: Ec2Asks;
  readonly elbv2: Elbv2Asks;
  readonly s3: S3Asks;
  readonly cloudformation: CloudformationAsks;
  readonly json: JsonAsks;
}

/** Stands before the services: a call with a role's credentials needs the role's policies. */
export function gate(options: GateOptions): (request: WireRequest, action: string) => AwsError | null {
  const { iam, accountId } = options;
  return (request, action) => {
    const caller = callerOf(request.principal, options);
    // Whoever has keys of his own is an administrator here.
    if (caller === null || iam.role(caller.roleArn) === null) return null;
    const denial = iam.missing(caller, asksOf(options, request, action));
    return denial === null ? null : denialError(request.service, caller, accountId, denial);
  };
}

function callerOf(principal: Principal, { ec2, accountId }: GateOptions): RoleCaller | null {
  switch (principal.kind) {
    case 'user':
      return null;
    case 'node': {
      const { instanceId, roleArn } = principal;
      const arn = `arn:aws:ec2:${ec2.model.options.region}:${accountId}:instance/${instanceId}`;
      return { roleArn, session: instanceId, context: { 'ec2:SourceInstanceARN': arn } };
    }
    case 'function': {
      const { functionName, functionArn, roleArn } = principal;
      return { roleArn, session: functionName, context: { 'lambda:SourceFunctionArn': functionArn } };
    }
  }
}

function asksOf(options: GateOptions, request: WireRequest, action: string): Ask[] {
  switch (request.service) {
    case 'ec2':
      return ec2Asks(options.ec2, action, Params.parse(pairsOf(request)));
    case 'elasticloadbalancing':
      return elbv2Asks(options.elbv2, action, Params.parse(pairsOf(request)));
    case 's3':
      return s3Asks(options.s3, action, request);
    case 'sts':
      // Everybody may ask who he is.
      return action === 'GetCallerIdentity' ? [] : [{ action: `sts:${action}`, resource: '*', context: {} }];
    case 'monitoring':
      // Signed as monitoring, allowed as cloudwatch; metrics aren't resources.
      return [{ action: `cloudwatch:${action}`, resource: '*', context: {} }];
    case 'cloudformation':
      return cloudformationAsks(options.cloudformation, action, Params.parse(pairsOf(request)));
    case 'lambda': {
      const name = decodeURIComponent(/^\/[^/]+\/functions\/([^/]+)/.exec(request.path)?.[1] ?? '');
      const { region, accountId } = options.json;
      const arn = name.startsWith('arn:') ? name : `arn:aws:lambda:${region}:${accountId}:function:${name}`;
      return [
        { action: action === 'Invoke' ? 'lambda:InvokeFunction' : `lambda:${action}`, resource: arn, context: {} },
      ];
    }
    default:
      return jsonAsks(options.json, request.service, action, request.body);
  }
}
