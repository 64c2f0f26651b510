/** Resources that watch, log or encrypt: a rehearsal goes the same way without them, so they only get a name. */
import { randomUUID } from 'node:crypto';
import { arnOf, type Call, type Handler, type Handlers, type Made, nameFor } from '../handler.js';

interface Harmless {
  /** Why nothing is lost without it. */
  readonly reason: string;
  readonly immutable?: readonly string[];
  readonly make: (call: Call, id: string | null) => Made;
}

const harmless = ({ reason, immutable, make }: Harmless): Handler => {
  const noted = (call: Call, id: string | null): Made => {
    call.host.note(null, reason);
    return make(call, id);
  };
  return {
    immutable: immutable ?? [],
    create: (call) => noted(call, null),
    update: (call, { physicalId }) => noted(call, physicalId),
    remove: () => {},
  };
};

const UNWATCHED =
  'CloudWatch knows the traffic of load balancers alone: alarms never go off, dashboards and log groups stay empty.';
const UNTOLD = 'Topics tell nobody.';
const UNENCRYPTED = 'Keys encrypt nothing.';

const named =
  (property: string, maxLength: number, service: string, prefix: string) =>
  (call: Call, id: string | null): Made => {
    const name = id ?? call.props.text(property) ?? nameFor(call, { maxLength });
    return { physicalId: name, attributes: { Arn: arnOf(call.host, service, `${prefix}${name}`) } };
  };

export const HARMLESS: Handlers = {
  'AWS::CDK::Metadata': {
    create: () => ({ physicalId: 'metadata' }),
    update: (_call, { physicalId }) => ({ physicalId }),
    remove: () => {},
  },
  'AWS::CloudWatch::Alarm': harmless({
    reason: UNWATCHED,
    immutable: ['AlarmName'],
    make: named('AlarmName', 255, 'cloudwatch', 'alarm:'),
  }),
  'AWS::CloudWatch::CompositeAlarm': harmless({
    reason: UNWATCHED,
    immutable: ['AlarmName'],
    make: named('AlarmName', 255, 'cloudwatch', 'alarm:'),
  }),
  'AWS::CloudWatch::Dashboard': harmless({
    reason: UNWATCHED,
    immutable: ['DashboardName'],
    make: named('DashboardName', 255, 'cloudwatch', 'dashboard/'),
  }),
  'AWS::Logs::LogGroup': harmless({
    reason: UNWATCHED,
    immutable: ['LogGroupName'],
    make: (call, id) => {
      const name = id ?? call.props.text('LogGroupName') ?? nameFor(call, { maxLength: 512 });
      return { physicalId: name, attributes: { Arn: arnOf(call.host, 'logs', `log-group:${name}:*`) } };
    },
  }),
  'AWS::Logs::MetricFilter': harmless({ reason: UNWATCHED, make: named('FilterName', 255, 'logs', 'metric-filter:') }),
  'AWS::Logs::QueryDefinition': harmless({
    reason: UNWATCHED,
    make: (_call, id) => ({ physicalId: id ?? randomUUID() }),
  }),
  'AWS::SNS::Topic': harmless({
    reason: UNTOLD,
    immutable: ['TopicName'],
    make: (call, id) => {
      const name = id?.split(':').at(-1) ?? call.props.text('TopicName') ?? nameFor(call, { maxLength: 256 });
      const arn = arnOf(call.host, 'sns', name);
      return { physicalId: arn, attributes: { TopicArn: arn, TopicName: name } };
    },
  }),
  'AWS::SNS::Subscription': harmless({
    reason: UNTOLD,
    make: (call, id) => ({ physicalId: id ?? `${call.props.required('TopicArn')}:${randomUUID()}` }),
  }),
  'AWS::SNS::TopicPolicy': harmless({
    reason: UNTOLD,
    make: (call, id) => ({ physicalId: id ?? nameFor(call, { maxLength: 64 }) }),
  }),
  'AWS::KMS::Key': harmless({
    reason: UNENCRYPTED,
    make: (call, id) => {
      const keyId = id ?? randomUUID();
      return { physicalId: keyId, attributes: { KeyId: keyId, Arn: arnOf(call.host, 'kms', `key/${keyId}`) } };
    },
  }),
  'AWS::KMS::Alias': harmless({
    reason: UNENCRYPTED,
    make: (call) => ({ physicalId: call.props.required('AliasName') }),
  }),
};
