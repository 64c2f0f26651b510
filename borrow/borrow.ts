/**
 * Borrows a cluster: options, credentials, place, template, assets, stack, nodes, in this order. Whatever goes wrong on the
 * way, what was made by then is given back before the caller hears of it.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  assetsIn,
  bootstrapBucket,
  MAX_TEMPLATE_BODY,
  placeTemplate,
  requireBootstrap,
  templateAddress,
  upload,
} from './assets.js';
import { type Aws, type Caller, openAws, whoCalls } from './aws.js';
import { openCluster, waitReady } from './cluster.js';
import type { SynthContext } from './context.js';
import { BorrowError, messageOf } from './error.js';
import { seconds } from './give-back.js';
import { startHeartbeat, thisProcess } from './lease.js';
import { Loan } from './loan.js';
import { randomName, stackName, TAG_BORROWED, TAG_OWNER, tagValue } from './names.js';
import { type BorrowOptions, checkOptions, type Wish } from './options.js';
import { findPlace } from './places.js';
import { giveBackAtEnd } from './process-end.js';
import { createStack, outputsOf, type StackWish, stackEvents, stageNow } from './stack.js';
import { firstFailure, nextLookMs, type StackEvent, standing } from './stack-state.js';
import { OUTPUT, type Synthesized, synthesize } from './synth.js';
import type { BorrowedCluster, Owner } from './types.js';

type Outputs = Readonly<Record<string, string>>;

/** @throws BorrowError */
export async function borrow(options: BorrowOptions, context: SynthContext = {}): Promise<BorrowedCluster> {
  const wish = checkOptions(options, () => randomName(randomBytes(12)));
  const aws = await openAws(options);
  const loan = new Loan(aws, `synkti-${randomUUID()}`, stackName(wish.name), wish.say);
  const ended = new AbortController();
  const timeout = AbortSignal.timeout(wish.timeoutMs);
  const signal = AbortSignal.any([ended.signal, timeout, ...(wish.signal === null ? [] : [wish.signal])]);
  let letGo = (): void => {};

  async function run(): Promise<BorrowedCluster> {
    try {
      const outputs = await make(aws, loan, wish, signal, context);
      return await openCluster(aws, loan, wish, outputs, giveBack);
    } catch (error) {
      const why = signal.aborted ? interrupted(wish, timeout.aborted, error) : aws.explain(error);
      const failure = await giveBackAfter(why, loan);
      letGo();
      throw failure;
    }
  }
  const running = run();
  // At any moment: what is being made is given up first.
  async function giveBack(): Promise<void> {
    ended.abort();
    await running.catch(() => {});
    await loan.giveBack();
    letGo();
  }
  if (wish.onSignal === 'give-back') letGo = giveBackAtEnd({ say: wish.say, giveBack });
  return running;
}

async function make(aws: Aws, loan: Loan, wish: Wish, signal: AbortSignal, context: SynthContext): Promise<Outputs> {
  const startedMs = performance.now();
  const { name, say } = wish;
  signal.throwIfAborted();
  const caller = await whoCalls(aws, signal);
  const bucket = bootstrapBucket(wish.qualifier, caller, aws.region);
  const zones = wish.workload.port !== undefined && wish.loadBalancing === null ? 2 : 1;
  const [place] = await Promise.all([
    findPlace(aws, { ...wish, region: aws.region, zones }, signal),
    requireBootstrap(aws, bucket, caller, signal),
  ]);
  const owner = thisProcess();
  const synthesized = await synthesize(wish, place, { account: caller.account, region: aws.region }, context);
  try {
    for (const warning of synthesized.warnings) say(`note: ${warning}`);
    const assets = assetsIn(synthesized.manifest, synthesized.folder);
    const uploaded = await upload(aws, assets, caller, signal);
    if (uploaded > 0) say(`${uploaded} of ${assets.length} assets uploaded to ${bucket}`);
    loan.stackId = await startStack(aws, loan, wish, { synthesized, bucket, caller, owner, signal });
  } finally {
    await synthesized.remove();
  }
  say(`cluster ${name}: the stack ${loan.stackName} is being made in ${aws.region}`);
  const total = Object.keys(JSON.parse(synthesized.template).Resources ?? {}).length;
  const outputs = await watchCreation(aws, loan, wish, { owner, total, signal });
  await loan.removeTemplate();
  await waitReady(aws, wish, outputs[OUTPUT.targets] ?? null, signal, say);
  say(`cluster ${name} is ready after ${seconds(performance.now() - startedMs)}`);
  return outputs;
}

interface Start {
  readonly synthesized: Synthesized;
  readonly bucket: string;
  readonly caller: Caller;
  readonly owner: Owner;
  readonly signal: AbortSignal;
}

async function startStack(aws: Aws, loan: Loan, wish: Wish, start: Start): Promise<string> {
  const { synthesized, bucket, caller, owner, signal } = start;
  let template: StackWish['template'] = { body: synthesized.template };
  if (Buffer.byteLength(synthesized.template) > MAX_TEMPLATE_BODY) {
    const place = { bucket, key: `synkti-borrowed/${loan.attempt}.json` };
    loan.template = await placeTemplate(aws, place, synthesized.template, caller, signal);
    template = { url: templateAddress(aws, place, caller) };
  }
  const bootstrapRole = `arn:${caller.partition}:iam::${caller.account}:role/cdk-${wish.qualifier}-cfn-exec-role-${caller.account}-${aws.region}`;
  signal.throwIfAborted();
  loan.asked = true;
  return createStack(aws, {
    name: loan.stackName,
    template,
    attempt: loan.attempt,
    tags: { ...wish.tags, [TAG_BORROWED]: 'true', [TAG_OWNER]: tagValue(`${owner.who}@${owner.host}:${owner.pid}`) },
    role: wish.executionRole ?? bootstrapRole,
  });
}

interface Watch {
  readonly owner: Owner;
  /** Resources of the template. */
  readonly total: number;
  readonly signal: AbortSignal;
}

/** Looks in a row that may fail before the wait does. */
const MAX_BLIND_LOOKS = 10;

/** Until the stack stands; the lease is renewed from the moment that there is a bucket for it. */
async function watchCreation(aws: Aws, loan: Loan, wish: Wish, { owner, total, signal }: Watch): Promise<Outputs> {
  const id = loan.stackId ?? loan.stackName;
  const startedMs = performance.now();
  let told = -1;
  let blind = 0;
  for (;;) {
    await sleep(nextLookMs(performance.now() - startedMs), undefined, { signal });
    let events: StackEvent[];
    let look: Awaited<ReturnType<typeof stageNow>>;
    try {
      [events, look] = await Promise.all([stackEvents(aws, id), stageNow(aws, id)]);
      blind = 0;
    } catch (error) {
      blind += 1;
      if (blind >= MAX_BLIND_LOOKS) throw error;
      continue;
    }
    const made = standing(events);
    if (made.size !== told) wish.say(`${made.size} of ${total} resources stand`);
    told = made.size;
    const bucket = [...made.values()].find(({ type }) => type === 'AWS::S3::Bucket')?.physicalId;
    if (bucket !== undefined) loan.heartbeat ??= startHeartbeat(aws, bucket, wish.leaseMs, owner, wish.say);
    if (look.stage === 'standing' && look.stack !== null) return outputsOf(look.stack);
    if (look.stage !== 'coming') throw notMade(loan.stackName, events);
  }
}

function notMade(name: string, events: readonly StackEvent[]): BorrowError {
  const why = firstFailure(events) ?? 'somebody else deleted it meanwhile';
  return new BorrowError('STACK_FAILED', `The stack ${name} could not be made: ${why}.`);
}

function interrupted({ name, signal, timeoutMs }: Wish, late: boolean, error: unknown): BorrowError {
  if (error instanceof BorrowError && error.code !== 'NOT_READY') return error;
  if (!late || signal?.aborted === true) {
    return new BorrowError('ABORTED', `The cluster ${name} was given up before it was ready.`, error);
  }
  if (error instanceof BorrowError) return error;
  return new BorrowError('NOT_READY', `The cluster ${name} doesn't stand after ${seconds(timeoutMs)}.`, error);
}

async function giveBackAfter(why: BorrowError, loan: Loan): Promise<BorrowError> {
  try {
    await loan.giveBack();
    return why;
  } catch (error) {
    return new BorrowError('LEFT_BEHIND', `${why.message} Then giving it back failed: ${messageOf(error)}`, why);
  }
}
