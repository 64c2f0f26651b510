import { queryService } from '../wire/query-service.js';
import type { Service } from '../wire/service.js';

/** STS: who am I. */
export function stsService(options: { readonly accountId: string }): Service {
  return queryService({
    name: 'sts',
    protocol: 'query',
    namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    actions: new Map([
      [
        'GetCallerIdentity',
        (params, { principal }) => {
          params.refuseUnread();
          const { accountId } = options;
          if (principal.kind === 'user') {
            return { Arn: `arn:aws:iam::${accountId}:root`, UserId: accountId, Account: accountId };
          }
          const role = principal.roleArn.split('/').at(-1) ?? 'role';
          const session = principal.kind === 'node' ? principal.instanceId : principal.functionName;
          return {
            Arn: `arn:aws:sts::${accountId}:assumed-role/${role}/${session}`,
            UserId: `AROA00000000000000000:${session}`,
            Account: accountId,
          };
        },
      ],
    ]),
  });
}
