import { afterEach, describe, expect, it } from 'vitest';
import { priceIn, readPriceList } from '../../../cli/ops/savings/price-list.js';
import { type Call, type Reply, type ScriptedAws, startScriptedAws } from '../../aws/scripted-aws.js';

/** A product as the list has it, cut down to what is read. */
const product = (...usd: string[]): string =>
  JSON.stringify({
    product: { productFamily: 'Compute Instance', attributes: { instanceType: 'm7g.large' } },
    terms: {
      OnDemand: {
        'SKU.TERM': {
          priceDimensions: Object.fromEntries(
            usd.map((price, i) => [`SKU.TERM.${i}`, { unit: 'Hrs', pricePerUnit: { USD: price } }]),
          ),
        },
      },
    },
  });

const listOf = (...products: string[]): string => JSON.stringify({ FormatVersion: 'aws_v1', PriceList: products });

let aws: ScriptedAws | null = null;

afterEach(async () => {
  await aws?.close();
  aws = null;
});

async function ask(script: (call: Call) => Reply, types: readonly string[], region = 'eu-central-1') {
  aws = await startScriptedAws(script);
  const credentials = async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' });
  return readPriceList({ region, credentials, endpoint: aws.endpoint }, types);
}

describe('the price list', () => {
  it('is asked by a signed request for each type', async () => {
    const list = await ask(() => ({ body: listOf(product('0.0976000000')) }), ['m7g.large', 'm7g.large']);
    expect(list).toEqual({ prices: new Map([['m7g.large', 0.0976]]), problem: null });
    const [call, ...more] = aws?.calls ?? [];
    expect(more).toEqual([]);
    expect(call).toMatchObject({ service: 'pricing', action: 'GetProducts' });
    expect(call?.headers['x-amz-security-token']).toBe('token');
    expect(call?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/pricing\/aws4_request, SignedHeaders=[a-z0-9;-]*x-amz-target, Signature=[0-9a-f]{64}$/,
    );
    const { ServiceCode, Filters } = JSON.parse(call?.body ?? '{}');
    expect(ServiceCode).toBe('AmazonEC2');
    expect(Filters).toContainEqual({ Type: 'TERM_MATCH', Field: 'regionCode', Value: 'eu-central-1' });
    expect(Filters).toContainEqual({ Type: 'TERM_MATCH', Field: 'instanceType', Value: 'm7g.large' });
  });

  it('that is denied, fails or is cut off is told in a sentence', async () => {
    const denied = await ask(
      () => ({ status: 400, body: '{"__type":"com.amazonaws#AccessDeniedException"}' }),
      ['a.b'],
    );
    expect(denied.problem).toContain('these credentials may not call pricing:GetProducts');
    await aws?.close();
    const broken = await ask(() => ({ status: 500, body: 'x' }), ['a.b']);
    expect(broken.problem).toContain('it answered 500');
    await aws?.close();
    const cut = await ask(() => 'cut', ['a.b']);
    expect(cut.problem).toMatch(/no answer from 127\.0\.0\.1:\d+/);
  });

  it('names the types that it lacks, and is not asked where it has none', async () => {
    expect((await ask(() => ({ body: listOf() }), ['a.b'])).problem).toContain('no single price of a.b');
    await aws?.close();
    const china = await ask(() => ({ body: listOf(product('1')) }), ['a.b'], 'cn-north-1');
    expect(china.problem).toContain('cn-north-1');
    expect((await ask(() => ({ body: listOf(product('1')) }), ['a.b'], 'us-gov-west-1')).prices.size).toBe(0);
    expect(aws?.calls).toEqual([]);
  });
});

describe('a price', () => {
  it('is taken where there is one, and never chosen among several', () => {
    expect(priceIn(listOf(product('0.1'), product('0.1000')))).toBe(0.1);
    expect(priceIn(listOf(product('0.1'), product('0.2')))).toBeNull();
    expect(priceIn(listOf(product('0')))).toBeNull();
  });

  it.each(['', '[]', '{}', '{"PriceList":["x"]}', '{"PriceList":["{}"]}'])('nonsense has none: %s', (text) => {
    expect(priceIn(text)).toBeNull();
  });
});
