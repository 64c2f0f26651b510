/**
 * EventBridge's schedule expressions: `rate(5 minutes)` and `cron(0/15 8-18 ? * MON-FRI *)` in UTC. Written here since cron
 * packages know five fields, not EventBridge's six with `?`.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
 */
import { AwsError } from '../wire/error.js';

export type Schedule =
  | { readonly kind: 'rate'; readonly periodMs: number }
  /** The first time after `fromMs`; infinite when there is none within five years. */
  | { readonly kind: 'cron'; readonly next: (fromMs: number) => number };

const UNITS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };
const MONTHS = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ');
const DAYS = 'SUN MON TUE WED THU FRI SAT'.split(' ');
const DAY_MS = 86_400_000;

const invalid = (): AwsError => new AwsError('ValidationException', 'Parameter ScheduleExpression is not valid.');

/** @throws AwsError `ValidationException` */
export function parseSchedule(text: string): Schedule {
  const rate = /^rate\((\d{1,9}) (minute|hour|day)(s?)\)$/.exec(text);
  if (rate !== null) {
    const count = Number(rate[1]);
    // One is singular, more are plural: EventBridge insists.
    if (count === 0 || (count === 1) !== (rate[3] === '')) throw invalid();
    return { kind: 'rate', periodMs: count * (UNITS[rate[2] ?? ''] ?? Number.NaN) };
  }
  const fields = /^cron\((.+)\)$/.exec(text)?.[1]?.split(' ') ?? [];
  if (fields.length !== 6) throw invalid();
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = '', year = ''] = fields;
  // One of the two days is left to the other.
  if ((dayOfMonth === '?') === (dayOfWeek === '?')) throw invalid();
  const minutes = field(minute, 0, 59, []);
  const hours = field(hour, 0, 23, []);
  const months = field(month, 1, 12, MONTHS);
  const years = field(year, 1970, 2199, []);
  const daysOfMonth = dayOfMonth === '?' ? null : field(dayOfMonth, 1, 31, []);
  const daysOfWeek = dayOfWeek === '?' ? null : field(dayOfWeek, 1, 7, DAYS);
  const onDay = (date: Date): boolean =>
    years.has(date.getUTCFullYear()) &&
    months.has(date.getUTCMonth() + 1) &&
    (daysOfMonth?.has(date.getUTCDate()) ?? true) &&
    (daysOfWeek?.has(date.getUTCDay() + 1) ?? true);
  return {
    kind: 'cron',
    next: (fromMs) => {
      const firstDay = Math.floor(fromMs / DAY_MS) * DAY_MS;
      for (let day = firstDay; day < firstDay + 5 * 366 * DAY_MS; day += DAY_MS) {
        if (!onDay(new Date(day))) continue;
        for (const h of hours) {
          for (const m of minutes) {
            const at = day + h * 3_600_000 + m * 60_000;
            if (at > fromMs) return at;
          }
        }
      }
      return Number.POSITIVE_INFINITY;
    },
  };
}

/** The values of a field, sorted. `L`, `W` and `#` are refused. */
function field(text: string, min: number, max: number, names: readonly string[]): ReadonlySet<number> {
  const value = (one: string): number => {
    const named = names.indexOf(one.toUpperCase());
    const number = named >= 0 ? named + 1 : /^\d{1,4}$/.test(one) ? Number(one) : Number.NaN;
    if (!(number >= min && number <= max)) throw invalid();
    return number;
  };
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const [range = '', step] = part.split('/');
    const [low = '', high] = range.split('-');
    const from = low === '*' ? min : value(low);
    const to =
      low === '*' || (high === undefined && step !== undefined) ? max : high === undefined ? from : value(high);
    const by = step === undefined ? 1 : /^\d{1,4}$/.test(step) && Number(step) > 0 ? Number(step) : Number.NaN;
    if (Number.isNaN(by) || to < from) throw invalid();
    for (let at = from; at <= to; at += by) found.add(at);
  }
  return new Set([...found].sort((a, b) => a - b));
}
