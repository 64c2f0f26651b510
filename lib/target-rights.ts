import { aws_iam as iam } from 'aws-cdk-lib';
import { addRights } from './policy.js';

const DEREGISTER = 'elasticloadbalancing:DeregisterTargets';

/** Rights on the workloads' target groups, which are known one by one. Nobody gets any when there are none. */
export class TargetRights {
  readonly #holders: { readonly policy: iam.Policy; readonly actions: readonly string[]; readonly looks: boolean }[];
  #statements: readonly iam.PolicyStatement[] | undefined;

  /**
   * @param nodes who registers and deregisters
   * @param functions who only deregisters
   * @param looker who sees what is registered, besides
   */
  constructor(nodes: iam.Policy, functions: readonly iam.Policy[], looker: iam.Policy) {
    this.#holders = [
      { policy: nodes, actions: ['elasticloadbalancing:RegisterTargets', DEREGISTER], looks: false },
      ...functions.map((policy) => ({ policy, actions: [DEREGISTER], looks: policy === looker })),
    ];
  }

  add(targetGroupArn: string): void {
    this.#statements ??= this.#holders.map(({ policy, actions, looks }) => {
      const statement = new iam.PolicyStatement({ sid: 'Targets', actions: [...actions] });
      addRights(policy, { statement });
      if (looks) addRights(policy, { statement: lookAtTargets(), wildcards: 'It has no narrower right to look.' });
      return statement;
    });
    for (const statement of this.#statements) statement.addResources(targetGroupArn);
  }
}

const lookAtTargets = (): iam.PolicyStatement =>
  new iam.PolicyStatement({
    sid: 'LookAtTargets',
    actions: ['elasticloadbalancing:DescribeTargetHealth'],
    resources: ['*'],
  });
