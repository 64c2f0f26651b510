import { missingParameter } from '../wire/error.js';
import type { QueryAction } from '../wire/query-service.js';
import type { XmlObject } from '../wire/xml.js';
import type { Elbv2 } from './elbv2.js';
import type { Listener } from './model.js';
import { type ListenerAction, type ListenerRule, type RuleCondition, readAction, readConditions } from './routing.js';
import { membersXml, page, readTags } from './shapes.js';

/** Actions on the rules of listeners. */
export function ruleActions(elb: Elbv2): [string, QueryAction][] {
  const { model } = elb;
  return [
    [
      'CreateRule',
      (params) => {
        const listener = model.listener(params.required('ListenerArn'));
        const priority = params.integer('Priority', 1, 50_000);
        if (priority === undefined) throw missingParameter('Priority');
        const wish = {
          priority,
          conditions: readConditions(params),
          action: readAction(params, 'Actions'),
          tags: readTags(params),
        };
        params.refuseUnread();
        return { Rules: membersXml([ruleXml(elb.reroute(() => model.createRule(listener, wish)))]) };
      },
    ],
    [
      'ModifyRule',
      (params) => {
        const { listener, rule } = model.rule(params.required('RuleArn'));
        const conditions = params.has('Conditions') ? readConditions(params) : rule.conditions;
        const action = params.has('Actions') ? readAction(params, 'Actions') : rule.action;
        params.refuseUnread();
        const changed = elb.reroute(() => model.changeRule(listener, { ...rule, conditions, action }));
        return { Rules: membersXml([ruleXml(changed)]) };
      },
    ],
    [
      'DeleteRule',
      (params) => {
        const { listener, rule } = model.rule(params.required('RuleArn'));
        params.refuseUnread();
        elb.reroute(() => model.deleteRule(listener, rule));
        return {};
      },
    ],
    [
      'DescribeRules',
      (params) => {
        const arns = params.strings('RuleArns');
        const rules =
          arns.length > 0
            ? arns.map((arn) => ruleXml(model.rule(arn).rule))
            : rulesXml(model.listener(params.required('ListenerArn')));
        const { items, nextMarker } = page(params, rules);
        params.refuseUnread();
        return { Rules: membersXml(items), NextMarker: nextMarker };
      },
    ],
  ];
}

const rulesXml = (listener: Listener): XmlObject[] => [
  ...listener.rules.map(ruleXml),
  {
    RuleArn: `${listener.arn.replace(':listener/', ':listener-rule/')}/default`,
    Priority: 'default',
    IsDefault: true,
    Actions: membersXml([actionXml(listener.action)]),
  },
];

const ruleXml = ({ arn, priority, conditions, action }: ListenerRule): XmlObject => ({
  RuleArn: arn,
  Priority: String(priority),
  IsDefault: false,
  Conditions: membersXml(conditions.map(conditionXml)),
  Actions: membersXml([actionXml(action)]),
});

const CONFIGS = {
  'path-pattern': 'PathPatternConfig',
  'host-header': 'HostHeaderConfig',
  'http-header': 'HttpHeaderConfig',
  'http-request-method': 'HttpRequestMethodConfig',
  'query-string': 'QueryStringConfig',
} as const;

function conditionXml({ field, header, values }: RuleCondition): XmlObject {
  const members =
    field === 'query-string'
      ? values.map((value) => {
          const at = value.indexOf('=');
          return { Key: at < 0 ? undefined : value.slice(0, at), Value: value.slice(at + 1) };
        })
      : values;
  return {
    Field: field,
    [CONFIGS[field]]: { HttpHeaderName: header ?? undefined, Values: membersXml(members) },
  };
}

export function actionXml(action: ListenerAction): XmlObject {
  switch (action.kind) {
    case 'forward':
      return {
        Type: 'forward',
        TargetGroupArn: action.groupArn,
        ForwardConfig: { TargetGroups: membersXml([{ TargetGroupArn: action.groupArn, Weight: 1 }]) },
      };
    case 'fixed':
      return {
        Type: 'fixed-response',
        FixedResponseConfig: {
          StatusCode: String(action.status),
          ContentType: action.contentType,
          MessageBody: action.body,
        },
      };
  }
}
