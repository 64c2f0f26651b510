/** On-demand prices as users give them: one by one, or many in a file. */
import type { Command } from 'commander';
import { UserError } from '../user-error.js';

export interface PriceFlags {
  readonly onDemandPrice?: readonly string[];
  readonly onDemandPrices?: string;
}

export function addPriceOptions(command: Command): Command {
  return command
    .option('--on-demand-price <type=usd>', 'USD an hour of an instance type; repeatable', collect)
    .option('--on-demand-prices <file>', 'the same of many types, as JSON');
}

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Single prices win over those of the file. @throws UserError */
export async function onDemandPricesIn({
  onDemandPrice,
  onDemandPrices,
}: PriceFlags): Promise<ReadonlyMap<string, number>> {
  const prices = new Map<string, number>();
  if (onDemandPrices !== undefined) {
    const { readOnDemandPrices } = await import('./prices.js');
    for (const [type, usd] of readOnDemandPrices(onDemandPrices, '--on-demand-prices')) prices.set(type, usd);
  }
  for (const text of onDemandPrice ?? []) {
    const [, type, usd] = /^([a-z][a-z0-9-]{0,19}\.[a-z0-9-]{1,19})=(\d{1,4}(?:\.\d{1,8})?)$/.exec(text) ?? [];
    if (type === undefined || !(Number(usd) > 0)) {
      throw new UserError(`--on-demand-price needs a type and USD an hour such as m7g.large=0.0816, not "${text}".`);
    }
    prices.set(type, Number(usd));
  }
  return prices;
}
