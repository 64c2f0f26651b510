/**
 * The input of GetMetricData, from JSON or from the query protocol, checked as AWS checks it: all mistakes in one
 * ValidationError, a line each.
 */
import { z } from 'zod';
import { AwsError } from '../wire/error.js';
import type { Params } from '../wire/form.js';
import { type MetricWish, readStatistic } from './metrics.js';

export const MAX_QUERIES = 500;
/** The most that one answer holds, and what it holds unless told. */
export const MAX_DATAPOINTS = 100_800;
const MAX_DIMENSIONS = 30;
const HIGH_RESOLUTION = [1, 5, 10, 20, 30];

const metric = z.strictObject({
  Namespace: z.string().optional(),
  MetricName: z.string().optional(),
  Dimensions: z.array(z.strictObject({ Name: z.string().optional(), Value: z.string().optional() })).optional(),
});
const query = z.strictObject({
  Id: z.string().optional(),
  MetricStat: z
    .strictObject({
      Metric: metric.optional(),
      Period: z.number().optional(),
      Stat: z.string().optional(),
      Unit: z.string().optional(),
    })
    .optional(),
  Expression: z.string().optional(),
  Label: z.string().optional(),
  ReturnData: z.boolean().optional(),
});
const input = z.strictObject({
  MetricDataQueries: z.array(query).optional(),
  /** Seconds since the epoch. */
  StartTime: z.number().optional(),
  EndTime: z.number().optional(),
  NextToken: z.string().optional(),
  ScanBy: z.string().optional(),
  MaxDatapoints: z.number().optional(),
  LabelOptions: z.strictObject({ Timezone: z.string().optional() }).optional(),
});

type Query = z.output<typeof query>;

export interface WantedData {
  readonly id: string;
  readonly label: string;
  readonly wish: MetricWish;
}

export interface DataRequest {
  readonly wanted: readonly WantedData[];
  readonly startMs: number;
  readonly endMs: number;
  readonly descending: boolean;
  readonly maxDatapoints: number;
  readonly nextToken: string | null;
}

/** @throws AwsError `ValidationError` */
export function readDataRequest(value: unknown): DataRequest {
  const parsed = input.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.map((part) => (typeof part === 'number' ? `member.${part + 1}` : String(part))).join('.');
    throw invalid([
      `The parameter ${where === '' ? 'input' : where} is not valid or not supported by the local cloud: ${issue?.message}`,
    ]);
  }
  const { MetricDataQueries, StartTime, EndTime, ScanBy, MaxDatapoints, LabelOptions, NextToken } = parsed.data;
  const mistakes: string[] = [];
  const queries = MetricDataQueries ?? [];
  if (MetricDataQueries === undefined) mistakes.push('The parameter MetricDataQueries is required.');
  else if (queries.length === 0) mistakes.push('The collection MetricDataQueries must not have a size less than 1.');
  else if (queries.length > MAX_QUERIES) {
    throw invalid([`The collection MetricDataQueries must not have a size greater than ${MAX_QUERIES}.`]);
  }
  if (!isTime(StartTime)) mistakes.push('The parameter StartTime is required.');
  if (!isTime(EndTime)) mistakes.push('The parameter EndTime is required.');
  if (isTime(StartTime) && isTime(EndTime) && StartTime >= EndTime) {
    mistakes.push('The parameter StartTime must be less than the parameter EndTime.');
  }
  if (ScanBy !== undefined && ScanBy !== 'TimestampDescending' && ScanBy !== 'TimestampAscending') {
    mistakes.push(`The value ${ScanBy.slice(0, 60)} for parameter ScanBy is not valid.`);
  }
  const limit = MaxDatapoints ?? MAX_DATAPOINTS;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_DATAPOINTS) {
    mistakes.push(`The parameter MaxDatapoints must be from 1 to ${MAX_DATAPOINTS}.`);
  }
  if (!/^[+-]\d{4}$/.test(LabelOptions?.Timezone ?? '+0000')) {
    mistakes.push('The parameter LabelOptions.Timezone must be a sign and four digits.');
  }
  const ids = new Set<string>();
  const wanted = queries.flatMap((one, index): WantedData[] => {
    const name = `MetricDataQueries.member.${index + 1}`;
    const read = readQuery(one, name, mistakes);
    if (one.Id === undefined) return [];
    if (ids.has(one.Id)) mistakes.push(`The value ${one.Id.slice(0, 60)} for parameter ${name}.Id is not unique.`);
    ids.add(one.Id);
    return read === null || one.ReturnData === false ? [] : [read];
  });
  if (wanted.length === 0 && mistakes.length === 0) mistakes.push('At least one query must return data.');
  if (mistakes.length > 0) throw invalid(mistakes);
  return {
    wanted,
    startMs: (StartTime ?? 0) * 1_000,
    endMs: (EndTime ?? 0) * 1_000,
    descending: ScanBy !== 'TimestampAscending',
    maxDatapoints: limit,
    nextToken: NextToken ?? null,
  };
}

/** Null when there is a mistake. */
function readQuery({ Id, MetricStat, Expression, Label }: Query, name: string, mistakes: string[]): WantedData | null {
  const before = mistakes.length;
  const required = (value: unknown, what: string): void => {
    if (value === undefined || value === '') mistakes.push(`The parameter ${name}.${what} is required.`);
  };
  required(Id, 'Id');
  if (Id !== undefined && Id !== '' && !/^[a-z][a-zA-Z0-9_]{0,254}$/.test(Id)) {
    mistakes.push(
      `The value ${Id.slice(0, 60)} for parameter ${name}.Id must begin with a lower-case letter and hold letters, digits and _ alone.`,
    );
  }
  if (Expression !== undefined) {
    mistakes.push(`The parameter ${name}.Expression is not supported by the local cloud, which computes nothing.`);
    return null;
  }
  required(MetricStat, 'MetricStat');
  if (MetricStat === undefined) return null;
  const { Metric, Period, Stat, Unit } = MetricStat;
  required(Metric, 'MetricStat.Metric');
  required(Period, 'MetricStat.Period');
  required(Stat, 'MetricStat.Stat');
  if (Metric !== undefined) {
    required(Metric.Namespace, 'MetricStat.Metric.Namespace');
    required(Metric.MetricName, 'MetricStat.Metric.MetricName');
  }
  if (Period !== undefined && !isPeriod(Period)) {
    mistakes.push(
      `The value ${Period} for parameter ${name}.MetricStat.Period must be one of ${HIGH_RESOLUTION.join(', ')} or a multiple of 60.`,
    );
  }
  const statistic = Stat === undefined ? null : readStatistic(Stat);
  if (Stat !== undefined && Stat !== '' && statistic === null) {
    mistakes.push(`The value ${Stat.slice(0, 60)} for parameter ${name}.MetricStat.Stat is not a valid statistic.`);
  }
  const dimensions = Metric?.Dimensions ?? [];
  if (dimensions.length > MAX_DIMENSIONS) {
    mistakes.push(
      `The collection ${name}.MetricStat.Metric.Dimensions must not have a size greater than ${MAX_DIMENSIONS}.`,
    );
  }
  dimensions.slice(0, MAX_DIMENSIONS).forEach((one, index) => {
    required(one.Name, `MetricStat.Metric.Dimensions.member.${index + 1}.Name`);
    required(one.Value, `MetricStat.Metric.Dimensions.member.${index + 1}.Value`);
  });
  if (mistakes.length > before || statistic === null) return null;
  const metricName = Metric?.MetricName ?? '';
  return {
    id: Id ?? '',
    label: Label ?? metricName,
    wish: {
      namespace: Metric?.Namespace ?? '',
      name: metricName,
      dimensions: dimensions.map((one) => ({ name: one.Name ?? '', value: one.Value ?? '' })),
      periodSeconds: Period ?? 60,
      statistic,
      unit: Unit ?? null,
    },
  };
}

const isTime = (seconds: number | undefined): seconds is number =>
  seconds !== undefined && Math.abs(seconds) <= 8_640_000_000_000;

const isPeriod = (seconds: number): boolean =>
  HIGH_RESOLUTION.includes(seconds) || (Number.isSafeInteger(seconds) && seconds > 0 && seconds % 60 === 0);

/** AWS tells all mistakes at once; here the first twenty. */
const invalid = (mistakes: readonly string[]): AwsError =>
  new AwsError('ValidationError', mistakes.slice(0, 20).join('\n'));

/** The same input as JSON has it. @throws AwsError */
export function plainInput(params: Params): object {
  const seconds = (name: string): number | undefined => {
    const ms = params.time(name);
    return ms === undefined ? undefined : ms / 1_000;
  };
  const labels = params.struct('LabelOptions');
  const plain = {
    ...(params.has('MetricDataQueries')
      ? { MetricDataQueries: params.structs('MetricDataQueries').map(plainQuery) }
      : {}),
    StartTime: seconds('StartTime'),
    EndTime: seconds('EndTime'),
    NextToken: params.string('NextToken'),
    ScanBy: params.string('ScanBy'),
    MaxDatapoints: params.integer('MaxDatapoints'),
    ...(params.has('LabelOptions') ? { LabelOptions: { Timezone: labels.string('Timezone') } } : {}),
  };
  params.refuseUnread();
  return plain;
}

function plainQuery(one: Params): object {
  const stat = one.struct('MetricStat');
  const metric = stat.struct('Metric');
  return {
    Id: one.string('Id'),
    ...(one.has('MetricStat')
      ? {
          MetricStat: {
            ...(stat.has('Metric')
              ? {
                  Metric: {
                    Namespace: metric.string('Namespace'),
                    MetricName: metric.string('MetricName'),
                    Dimensions: metric
                      .structs('Dimensions')
                      .map((dimension) => ({ Name: dimension.string('Name'), Value: dimension.string('Value') })),
                  },
                }
              : {}),
            Period: stat.integer('Period'),
            Stat: stat.string('Stat'),
            Unit: stat.string('Unit'),
          },
        }
      : {}),
    Expression: one.string('Expression'),
    Label: one.string('Label'),
    ReturnData: one.boolean('ReturnData'),
  };
}
