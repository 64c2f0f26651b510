/**
 * On-demand prices from AWS's price list, by a signed request to its query API: the SDK's client for it isn't among this
 * program's libraries, and one call of it is all that is needed.
 *
 * The list of all commercial regions stands in us-east-1. Needs the right `pricing:GetProducts`; the calls are free.
 */
import { createHash, createHmac, type Hash } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { z } from 'zod';
import { inParallel } from '../../parallel.js';

export interface PriceListAccess {
  /** Of the cluster: the list knows prices by region. */
  readonly region: string;
  readonly credentials: () => Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }>;
  /** Another place than AWS's, for tests. */
  readonly endpoint?: string;
}

export interface PriceList {
  /** USD an hour, Linux, shared tenancy. */
  readonly prices: ReadonlyMap<string, number>;
  /** Why prices are missing, in a sentence; null: none is. */
  readonly problem: string | null;
}

const REGION = 'us-east-1';
const ENDPOINT = 'https://api.pricing.us-east-1.amazonaws.com';
const TARGET = 'AWSPriceListService.GetProducts';
const ANSWER_MS = 15_000;
const AT_ONCE = 4;
/** Types asked for at most: a spec has a few pools. */
const MAX_TYPES = 60;

export async function readPriceList(access: PriceListAccess, types: readonly string[]): Promise<PriceList> {
  if (!/^(us|eu|ap|sa|ca|me|af|il|mx)-(?!gov-|iso)/.test(access.region)) {
    return { prices: new Map(), problem: `the price list of ${access.region} can't be read with its credentials` };
  }
  const prices = new Map<string, number>();
  try {
    await inParallel(
      [...new Set(types)].slice(0, MAX_TYPES),
      async (type) => {
        const price = priceIn(await getProducts(access, type));
        if (price !== null) prices.set(type, price);
      },
      { atOnce: AT_ONCE },
    );
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { prices, problem: `AWS's price list can't be read: ${why}` };
  }
  const missing = types.filter((type) => !prices.has(type));
  return {
    prices,
    problem:
      missing.length === 0 ? null : `AWS's price list has no single price of ${[...new Set(missing)].join(', ')}`,
  };
}

/** What makes a price the plain one of a type: Linux without extra software, shared hardware, no reservation. */
function filtersOf(type: string, region: string): object[] {
  const fields = {
    instanceType: type,
    regionCode: region,
    operatingSystem: 'Linux',
    tenancy: 'Shared',
    preInstalledSw: 'NA',
    capacitystatus: 'Used',
    licenseModel: 'No License required',
    marketoption: 'OnDemand',
  };
  return Object.entries(fields).map(([Field, Value]) => ({ Type: 'TERM_MATCH', Field, Value }));
}

async function getProducts({ region, credentials, endpoint = ENDPOINT }: PriceListAccess, type: string) {
  const url = new URL(endpoint);
  const body = JSON.stringify({
    ServiceCode: 'AmazonEC2',
    FormatVersion: 'aws_v1',
    Filters: filtersOf(type, region),
    MaxResults: 10,
  });
  const signer = new SignatureV4({ service: 'pricing', region: REGION, credentials, sha256: Sha256 });
  const signed = await signer.sign({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    path: '/',
    query: {},
    headers: { host: url.host, 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': TARGET },
    body,
  });
  const { host: _, ...headers } = signed.headers;
  const signal = AbortSignal.timeout(ANSWER_MS);
  const answer = await fetch(url, { method: 'POST', headers, body, signal }).catch((error: unknown) => {
    throw new Error(`no answer from ${url.host} (${reasonOf(error)})`);
  });
  const text = await answer.text();
  if (answer.ok) return text;
  throw new Error(refusal(answer.status, text));
}

/** `fetch` tells the cause of a failure aside. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined)?.code : undefined;
  return typeof cause === 'string' ? cause : error instanceof Error ? error.name : String(error);
}

function refusal(status: number, text: string): string {
  const told = z.object({ __type: z.string() }).safeParse(jsonIn(text));
  const code = told.success ? (told.data.__type.split('#').at(-1) ?? '') : '';
  if (/^AccessDenied/.test(code) || status === 403) return 'these credentials may not call pricing:GetProducts';
  return `it answered ${status}${code === '' ? '' : ` (${code})`}`;
}

const answer = z.object({ PriceList: z.array(z.string()).max(100) });
const product = z.object({
  terms: z.object({
    OnDemand: z.record(
      z.string(),
      z.object({
        priceDimensions: z.record(
          z.string(),
          z.object({ unit: z.string(), pricePerUnit: z.object({ USD: z.string().optional() }) }),
        ),
      }),
    ),
  }),
});

/** USD an hour. Null: there is no price, or there are several that differ: then none is the right one for sure. */
export function priceIn(text: string): number | null {
  const parsed = answer.safeParse(jsonIn(text));
  if (!parsed.success) return null;
  const prices = parsed.data.PriceList.flatMap((entry) => {
    const one = product.safeParse(jsonIn(entry));
    if (!one.success) return [];
    return Object.values(one.data.terms.OnDemand)
      .flatMap(({ priceDimensions }) => Object.values(priceDimensions))
      .filter(({ unit }) => unit === 'Hrs')
      .map(({ pricePerUnit }) => Number(pricePerUnit.USD))
      .filter((usd) => usd > 0 && usd < 10_000);
  });
  const [first] = prices;
  return first !== undefined && prices.every((usd) => usd === first) ? first : null;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** SHA-256 as the signer takes it: plain, or keyed when it is given a secret. */
class Sha256 {
  readonly #make: () => Pick<Hash, 'update' | 'digest'>;
  #hash: Pick<Hash, 'update' | 'digest'>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = secret === undefined ? null : bytesOf(secret);
    this.#make = () => (key === null ? createHash('sha256') : (createHmac('sha256', key) as unknown as Hash));
    this.#hash = this.#make();
  }

  update(chunk: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(chunk));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = this.#make();
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data, 'utf8');
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
}
