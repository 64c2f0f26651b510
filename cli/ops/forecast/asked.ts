/** What users ask of a forecast, as they write it. */
import { UserError } from '../../user-error.js';

/** Hours of an average month, as AWS counts them. */
export const MONTH_HOURS = 730;

/** A share that is gone in a month is `1 - exp(-rate x 730 h)`. @throws UserError */
export function ratePerHour(text: string): number {
  const [, share] = /^(\d{1,2}(?:\.\d{1,3})?)%$/.exec(text) ?? [];
  if (share !== undefined) return -Math.log(1 - Number(share) / 100) / MONTH_HOURS;
  const [, rate] = /^(\d{1,2}(?:\.\d{1,8})?)\/h$/.exec(text) ?? [];
  if (rate !== undefined && Number(rate) <= 60) return Number(rate);
  throw new UserError(
    `--interruptions needs a share of nodes in a month, such as 5%, or a rate such as 0.01/h, not "${text.slice(0, 40)}".`,
  );
}

const MAX_POOLS = 100;

/** @throws UserError */
export function poolsIn(text: string): { instanceType: string; zone: string }[] {
  const pools = text.split(',').map((part) => {
    const [, instanceType, zone] =
      /^\s*([a-z][a-z0-9-]{0,19}\.[a-z0-9-]{1,19})\/([a-z0-9-]{3,40})\s*$/.exec(part) ?? [];
    if (instanceType === undefined || zone === undefined) {
      throw new UserError(`--pools needs type/zone such as m7g.large/eu-central-1a, not "${part.slice(0, 60)}".`);
    }
    return { instanceType, zone };
  });
  if (pools.length > MAX_POOLS) throw new UserError(`--pools has ${pools.length} pools; ${MAX_POOLS} at most.`);
  return pools;
}
