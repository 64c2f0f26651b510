/** Where a listener sends a request: its rules by priority, then its default action. Pure. */
import { AwsError, missingParameter } from '../wire/error.js';
import type { Params } from '../wire/form.js';

export type ListenerAction =
  | { readonly kind: 'forward'; readonly groupArn: string }
  | { readonly kind: 'fixed'; readonly status: number; readonly contentType: string; readonly body: string };

export interface RuleCondition {
  readonly field: 'path-pattern' | 'host-header' | 'http-header' | 'http-request-method' | 'query-string';
  /** Of `http-header`: the header's name, in lower case. */
  readonly header: string | null;
  /** One of them must fit. Of `query-string`: `key=value`, or the value of any key. */
  readonly values: readonly string[];
}

export interface ListenerRule {
  readonly arn: string;
  readonly priority: number;
  readonly conditions: readonly RuleCondition[];
  readonly action: ListenerAction;
  readonly tags: Map<string, string>;
}

export interface RoutedRequest {
  readonly method: string;
  /** As sent, with its query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** `rules`: in the order of their priority. */
export function actionFor(
  request: RoutedRequest,
  rules: readonly Pick<ListenerRule, 'conditions' | 'action'>[],
  otherwise: ListenerAction,
): ListenerAction {
  return rules.find(({ conditions }) => conditions.every((one) => fits(one, request)))?.action ?? otherwise;
}

function fits({ field, header, values }: RuleCondition, { method, url, headers }: RoutedRequest): boolean {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  switch (field) {
    case 'path-pattern':
      return values.some((pattern) => like(pattern, path, false));
    case 'host-header':
      return values.some((pattern) => like(pattern, String(headers.host ?? '').replace(/:\d+$/, ''), true));
    case 'http-header':
      return values.some((pattern) => [headers[header ?? ''] ?? []].flat().some((value) => like(pattern, value, true)));
    case 'http-request-method':
      return values.includes(method);
    case 'query-string': {
      const pairs = [...new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1))];
      return values.some((wanted) => {
        const at = wanted.indexOf('=');
        return pairs.some(([key, value]) =>
          at < 0
            ? like(wanted, value, true)
            : like(wanted.slice(0, at), key, true) && like(wanted.slice(at + 1), value, true),
        );
      });
    }
  }
}

/** `*` stands for any characters, `?` for one. Both pointers move forward only, or back to the last star. */
function like(pattern: string, text: string, anyCase: boolean): boolean {
  const [wanted, given] = anyCase ? [pattern.toLowerCase(), text.toLowerCase()] : [pattern, text];
  let [p, t, star, resume] = [0, 0, -1, 0];
  while (t < given.length) {
    if (wanted[p] === '*') [star, resume, p] = [p, t, p + 1];
    else if (p < wanted.length && (wanted[p] === '?' || wanted[p] === given[t])) [p, t] = [p + 1, t + 1];
    else if (star >= 0) [p, t, resume] = [star + 1, resume + 1, resume + 1];
    else return false;
  }
  while (wanted[p] === '*') p++;
  return p === wanted.length;
}

/** `DefaultActions` or `Actions`: one forward to one target group, or one fixed response. @throws AwsError */
export function readAction(params: Params, name: 'DefaultActions' | 'Actions'): ListenerAction {
  const actions = params.structs(name);
  const action = actions[0];
  if (action === undefined) throw missingParameter(name);
  if (actions.length > 1) throw new AwsError('TooManyActions', 'The local cloud takes one action');
  action.integer('Order', 1, 50_000);
  const type = action.required('Type');
  if (type === 'fixed-response') {
    const config = action.struct('FixedResponseConfig');
    const status = Number(config.required('StatusCode'));
    if (!(status >= 200 && status <= 599)) throw new AwsError('ValidationError', `Status ${status} is not valid`);
    const contentType = config.string('ContentType') ?? 'text/plain';
    return { kind: 'fixed', status, contentType, body: config.string('MessageBody') ?? '' };
  }
  if (type !== 'forward') {
    throw new AwsError('InvalidConfigurationRequest', 'The local cloud knows forward and fixed-response actions only');
  }
  const forward = action.struct('ForwardConfig');
  const groups = forward.structs('TargetGroups');
  const sticky = forward.struct('TargetGroupStickinessConfig').boolean('Enabled');
  if (groups.length > 1 || sticky === true) {
    throw new AwsError('InvalidConfigurationRequest', 'The local cloud forwards to one target group, not sticky');
  }
  const long = groups[0]?.required('TargetGroupArn');
  groups[0]?.integer('Weight', 1, 999);
  const groupArn = action.string('TargetGroupArn') ?? long;
  if (groupArn === undefined) throw missingParameter(`${name}.member.1.TargetGroupArn`);
  return { kind: 'forward', groupArn };
}

/** @throws AwsError */
export function readConditions(params: Params): RuleCondition[] {
  const conditions = params.structs('Conditions').map((one): RuleCondition => {
    const plain = one.strings('Values');
    const field = one.required('Field');
    const of = (config: string): string[] => [...plain, ...one.struct(config).strings('Values')];
    switch (field) {
      case 'path-pattern':
        return { field, header: null, values: of('PathPatternConfig') };
      case 'host-header':
        return { field, header: null, values: of('HostHeaderConfig') };
      case 'http-request-method':
        return { field, header: null, values: of('HttpRequestMethodConfig') };
      case 'http-header':
        return {
          field,
          header: one.struct('HttpHeaderConfig').required('HttpHeaderName').toLowerCase(),
          values: of('HttpHeaderConfig'),
        };
      case 'query-string':
        return {
          field,
          header: null,
          values: one
            .struct('QueryStringConfig')
            .structs('Values')
            .map((pair) => {
              const key = pair.string('Key');
              return `${key === undefined ? '' : `${key}=`}${pair.string('Value') ?? ''}`;
            }),
        };
      default:
        throw new AwsError('ValidationError', `The local cloud knows no condition field '${field.slice(0, 40)}'`);
    }
  });
  if (conditions.length === 0) throw missingParameter('Conditions');
  if (conditions.some(({ values }) => values.length === 0)) {
    throw new AwsError('ValidationError', 'A condition value must be specified');
  }
  return conditions;
}
