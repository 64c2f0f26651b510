import { AwsError } from '../wire/error.js';
import { IamDirectory } from './directory.js';
import { type Ask, type Asker, type Decision, evaluate } from './evaluate.js';
import { type Denial, Ledger } from './ledger.js';

/** Who calls, by a role's credentials. */
export interface RoleCaller {
  readonly roleArn: string;
  /** Instance id, or function name. */
  readonly session: string;
  /** Keys that come with the caller, such as `ec2:SourceInstanceARN`. */
  readonly context: Readonly<Record<string, string>>;
}

export interface IamOptions {
  readonly accountId: string;
  readonly region: string;
  /** Told of each denial once. */
  readonly onDenied: (denial: Denial) => void;
}

/** IAM: who there is, what they may do, and what they did. */
export class Iam extends IamDirectory {
  readonly ledger = new Ledger();
  readonly #options: IamOptions;

  constructor(options: IamOptions) {
    super(options.accountId);
    this.#options = options;
  }

  /** Whether a role may do all that a call needs; what is missing first is the denial. Null: it may. */
  missing(caller: RoleCaller, asks: readonly Ask[]): Denial | null {
    const { roleArn } = caller;
    const role = this.role(roleArn);
    if (role === null) return null;
    const common = {
      'aws:PrincipalArn': roleArn,
      'aws:PrincipalAccount': this.accountId,
      'aws:PrincipalType': 'AssumedRole',
      'aws:RequestedRegion': this.#options.region,
      'aws:ResourceAccount': this.accountId,
      // The endpoint has no TLS here; every SDK uses it in AWS.
      'aws:SecureTransport': 'true',
      'aws:userid': `${role.roleId}:${caller.session}`,
      ...Object.fromEntries(Object.entries(role.tags).map(([key, value]) => [`aws:PrincipalTag/${key}`, value])),
      ...caller.context,
    };
    const policies = this.policiesOf(roleArn);
    const asker: Asker = { kind: 'AWS', id: roleArn, accountId: this.accountId };
    for (const bare of asks) {
      const ask = { ...bare, context: { ...common, ...bare.context } };
      const decision = evaluate(ask, policies, this.resourcePolicies(ask.resource), asker);
      if (decision.allowed) this.ledger.allowed(roleArn, ask, decision.by);
      else return this.#deny(roleArn, ask, decision);
    }
    return null;
  }

  /** Whether an AWS service may act on a resource, as the resource's policy says; false is reported. */
  serviceMay(service: string, ask: Ask): boolean {
    const asker: Asker = { kind: 'Service', id: service, accountId: this.accountId };
    const withAccount = {
      ...ask,
      context: { 'aws:SourceAccount': this.accountId, 'aws:SecureTransport': 'true', ...ask.context },
    };
    const decision = evaluate(withAccount, [], this.resourcePolicies(ask.resource), asker);
    if (!decision.allowed) this.#deny(service, withAccount, decision);
    return decision.allowed;
  }

  #deny(who: string, ask: Ask, decision: Decision): Denial {
    const by = decision.by[0];
    const explicit = by === undefined ? null : (by.statement.sid ?? `statement ${by.index + 1} of ${by.policy}`);
    const { denial, isNew } = this.ledger.denied(who, ask, explicit, decision.nearMisses);
    if (isNew) this.#options.onDenied(denial);
    return denial;
  }
}

/** What AWS answers when a permission is missing, in the words of the service. */
export function denialError(service: string, caller: RoleCaller, accountId: string, denial: Denial): AwsError {
  const role = caller.roleArn.split('/').at(-1) ?? 'role';
  const who = `arn:aws:sts::${accountId}:assumed-role/${role}/${caller.session}`;
  const text = `User: ${who} is not authorized to perform: ${denial.action} on resource: ${denial.resource} because no identity-based policy allows the ${denial.action} action`;
  switch (service) {
    case 'ec2':
      return new AwsError('UnauthorizedOperation', `You are not authorized to perform this operation. ${text}`, 403);
    case 's3':
      return new AwsError('AccessDenied', text, 403);
    case 'cloudformation':
    case 'elasticloadbalancing':
    case 'monitoring':
    case 'sts':
      return new AwsError('AccessDenied', text, 403);
    default:
      return new AwsError('AccessDeniedException', text, 400);
  }
}
