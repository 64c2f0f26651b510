import { afterEach, expect, it } from 'vitest';
import { openSession, type Session } from '../../../cli/aws/session.js';
import { readSavings, type Saved } from '../../../cli/ops/savings/read.js';
import { openLedger } from '../../../core/drain/ledger.js';
import { wallMs } from '../../../core/time.js';
import { type Call, type Reply, type ScriptedAws, startScriptedAws } from '../../aws/scripted-aws.js';
import { seatOf, specOf } from '../../core/fixtures.js';
import { idOf } from './scene.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Yesterday: the reader's clock is this machine's. */
const BEGAN = Math.floor(Date.now() / DAY) * DAY - DAY;

const iso = (ms: number): string => new Date(ms).toISOString();

/** Seat 0.3 ran for two hours; of seat 1.5 there is a report and no launch, of seat 2.1 a launch and no report. */
const OBJECTS: Readonly<Record<string, string>> = {
  'seats/launched/0.3.json': launch(0, 3),
  'seats/launched/2.1.json': launch(2, 1),
  [`incidents/${idOf(0, 3)}-1.json`]: report(0, 3),
  [`incidents/${idOf(1, 5)}-1.json`]: report(1, 5),
  'incidents/i-0123456789abcdef0-9.json': '{"format":1}',
};

function launch(slot: number, generation: number): string {
  const seat = seatOf(slot, generation);
  const record = { format: 1, seat, instanceId: idOf(slot, generation), by: 'agent', launcher: null, atMs: BEGAN };
  return JSON.stringify(record);
}

function report(slot: number, generation: number): string {
  const seat = seatOf(slot, generation);
  const knewMs = wallMs(BEGAN + 2 * HOUR - 120_000);
  const ledger = openLedger(idOf(slot, generation), seat, 'interruption', knewMs, wallMs(BEGAN + 2 * HOUR));
  const node = { instanceType: 'm7g.large', zone: 'us-east-1a', lifecycle: 'spot' };
  return JSON.stringify({ format: 1, ...ledger, ...node });
}

function answer(call: Call): Reply {
  if (call.service === 's3') {
    const url = new URL(call.path, 'http://s3');
    const prefix = url.searchParams.get('prefix');
    if (prefix === null) {
      const body = OBJECTS[url.pathname.split('/').slice(2).join('/')];
      return body === undefined ? { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' } : { body };
    }
    const keys = Object.keys(OBJECTS).filter((key) => key.startsWith(prefix));
    const contents = keys.map(
      (key) => `<Contents><Key>${key}</Key><LastModified>${iso(BEGAN + HOUR)}</LastModified><Size>1</Size></Contents>`,
    );
    return { body: `<ListBucketResult>${contents.join('')}</ListBucketResult>` };
  }
  if (call.action === 'DescribeInstances') return { body: '<R><reservationSet/></R>' };
  const item = `<item><instanceType>m7g.large</instanceType><availabilityZone>us-east-1a</availabilityZone><spotPrice>0.03</spotPrice><timestamp>${iso(BEGAN - DAY)}</timestamp></item>`;
  return { body: `<R><spotPriceHistorySet>${item}</spotPriceHistorySet></R>` };
}

let aws: ScriptedAws | null = null;
let session: Session | null = null;

afterEach(async () => {
  session?.close();
  await aws?.close();
});

async function savingsFrom(script: (call: Call) => Reply): Promise<Saved> {
  aws = await startScriptedAws(script);
  const keys = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' };
  session = await openSession({ endpoint: aws.endpoint, region: 'us-east-1' }, keys);
  const onDemand = new Map([['m7g.large', 0.1]]);
  return readSavings(session, specOf(), { fromMs: BEGAN, onDemand });
}

it('nodes that EC2 has forgotten are known from the bucket, and what is known in part is named', async () => {
  const saved = await savingsFrom(answer);
  expect(saved.nodes).toBe(1);
  expect(saved.total.hours).toBe(2);
  expect(saved.total.paidUsd).toBeCloseTo(0.06, 9);
  expect(saved.total.savedUsd).toBeCloseTo(0.14, 9);
  expect(saved.withoutStart).toEqual([idOf(1, 5)]);
  expect(saved.withoutEnd).toEqual([idOf(2, 1)]);
  expect(saved.unreadable).toEqual(['incidents/i-0123456789abcdef0-9.json']);
  expect(saved.unseen).toEqual([]);
});

it('what may not be read is named, and the rest is told all the same', async () => {
  const denied =
    '<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized.</Message></Error></Errors></Response>';
  const saved = await savingsFrom((call) =>
    call.action === 'DescribeSpotPriceHistory' ? { status: 403, body: denied } : answer(call),
  );
  expect(saved.unseen).toMatchObject([{ what: 'spot prices' }]);
  expect(saved.unseen[0]?.why).toContain('ec2:DescribeSpotPriceHistory');
  expect(saved.total).toMatchObject({ hours: 2, paidUsd: null, savedUsd: null });
  expect(saved.withoutSpotPrice).toEqual([{ pool: 'm7g.large us-east-1a', hours: 2 }]);
});
