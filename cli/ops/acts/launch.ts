/** A successor's launch from an operator's machine: core's own pursuit, played with the session's clients. */
import { createEc2 } from '../../../aws/ec2.js';
import { createS3 } from '../../../aws/s3.js';
import { within } from '../../../aws/within.js';
import { type Filled, fillSeats } from '../../../core/fallback/fill.js';
import type { AnyCall, AnyOutcome } from '../../../core/fallback/port.js';
import type { Script } from '../../../core/fallback/script.js';
import { seededRng } from '../../../core/rng.js';
import type { HeldSeat } from '../../../core/seats/seat.js';
import type { Spec } from '../../../core/spec/spec.js';
import { after, type Context, monoMs, wallMs } from '../../../core/time.js';
import type { Session } from '../../aws/session.js';

/** One attempt takes one launch and a few looks. */
const LAUNCH_MS = 60_000;
const CALL_MS = 20_000;

export async function launchSuccessor(session: Session, spec: Spec, position: HeldSeat): Promise<Filled> {
  const rng = seededRng(`${process.pid}:${Date.now()}`);
  const clock = (): Context => ({ nowMs: monoMs(performance.now()), wallMs: wallMs(Date.now()), rng });
  const start = clock();
  const options = { untilMs: after(start.nowMs, LAUNCH_MS), mendMs: 0, launcher: 'operator' } as const;
  const acts = [{ type: 'fill', position, kind: 'wish' } as const];
  const { filled } = await play(session, fillSeats(acts, spec, options, start), clock);
  return filled[0] ?? { position, instanceId: null, error: null, optional: true };
}

async function play<T>(session: Session, script: Script<T>, clock: () => Context): Promise<T> {
  let step = script.next();
  while (!step.done) {
    const ask = step.value;
    if (ask.type === 'calls') {
      const outcomes = await Promise.all(ask.calls.map((call) => carry(session, call)));
      step = script.next({ outcomes, ctx: clock() });
    } else {
      const ms = Math.max(0, ask.untilMs - clock().nowMs);
      await new Promise((resolve) => setTimeout(resolve, Math.ceil(ms)));
      step = script.next({ outcomes: [], ctx: clock() });
    }
  }
  return step.value;
}

/** The calls that filling a seat makes. */
function carry(session: Session, call: AnyCall): Promise<AnyOutcome> {
  return within(CALL_MS, async (signal) => (await send(session, call, signal)) as never);
}

async function send(session: Session, call: AnyCall, signal: AbortSignal): Promise<unknown> {
  switch (call.op) {
    case 'launch':
      return createEc2(await session.client('ec2')).launch(call.request, signal);
    case 'findNodes':
      return createEc2(await session.client('ec2')).findNodes(call.cluster, call.epoch, call.slot, signal);
    case 'describeNode':
      return createEc2(await session.client('ec2')).describeNode(call.instanceId, signal);
    case 'readHint':
      return createS3(await session.client('s3')).readHint(call.bucket, call.slot, signal);
    case 'writeHint':
      return createS3(await session.client('s3')).writeHint(call.bucket, call.slot, call.position, call.etag, signal);
    case 'putObject':
      return createS3(await session.client('s3')).putObject(call.bucket, call.key, call.body, signal);
    default:
      throw new Error(`${call.op} is no part of a launch.`);
  }
}
