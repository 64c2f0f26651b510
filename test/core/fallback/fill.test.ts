import { describe, expect, it } from 'vitest';
import type { LaunchRequest, NodeView } from '../../../core/cloud.js';
import { type FillAct, fillSeats } from '../../../core/fallback/fill.js';
import { assess } from '../../../core/fallback/outcome.js';
import type { AnyCall, AnyOutcome } from '../../../core/fallback/port.js';
import type { HeldSeat } from '../../../core/seats/seat.js';
import { monoMs } from '../../../core/time.js';
import { failure, nodeViewOf, seatOf, specOf } from '../fixtures.js';
import { ok, play } from './play.js';

const spec = specOf();
const act = (slot: number, kind: FillAct['kind'] = 'need', generation = 2): FillAct => ({
  type: 'fill',
  kind,
  position: seatOf(slot, generation),
});

/** S3 and EC2, as small as they can be. */
class Aws {
  readonly hints = new Map<number, HeldSeat>();
  readonly nodes: NodeView[] = [];
  readonly launches: LaunchRequest[] = [];
  readonly records: string[] = [];
  launch: (request: LaunchRequest) => AnyOutcome = (request) => {
    const instanceId = `i-${request.token}`;
    if (!this.nodes.some((node) => node.instanceId === instanceId)) {
      this.nodes.push(nodeViewOf(instanceId, request.seat, { state: 'pending' }));
    }
    return ok({ instanceIds: [instanceId], errors: [] });
  };

  readonly answer = (call: AnyCall): AnyOutcome => {
    switch (call.op) {
      case 'readHint': {
        const position = this.hints.get(call.slot);
        return ok(position === undefined ? null : { position, etag: 'e' });
      }
      case 'writeHint':
        this.hints.set(call.slot, call.position);
        return ok({ etag: 'e' });
      case 'launch':
        this.launches.push(call.request);
        return this.launch(call.request);
      case 'findNodes':
        return ok(this.nodes.filter(({ seat }) => call.slot === null || seat?.slot === call.slot));
      case 'putObject':
        this.records.push(`${call.key} ${JSON.parse(call.body).by} ${JSON.parse(call.body).instanceId}`);
        return ok(null);
      default:
        throw new Error(`nobody asks for ${call.op}`);
    }
  };
}

const fill = (aws: Aws, acts: readonly FillAct[], untilMs = 100_000, mendMs = 0, its = spec) =>
  play((start) => fillSeats(acts, its, { untilMs: monoMs(untilMs), mendMs }, start), aws.answer);

const noCapacity = failure('capacity', 'InsufficientInstanceCapacity');

describe('filling seats', () => {
  it('launches with the token that an agent uses, looks once, and is done', () => {
    const aws = new Aws();
    const { result, ops } = fill(aws, [act(0), act(2)]);
    expect(ops).toEqual(['readHint', 'readHint', 'launch', 'launch', 'findNodes', 'findNodes']);
    expect(aws.launches.map(({ token }) => token)).toEqual(['synkti.web.e1.0.2.0', 'synkti.web.e1.2.2.0']);
    expect(result.filled.map(({ instanceId }) => instanceId)).toEqual([
      'i-synkti.web.e1.0.2.0',
      'i-synkti.web.e1.2.2.0',
    ]);
    expect(assess({ carriedOut: 0, failures: [], filled: result.filled })).toMatchObject({ launched: 2, again: null });
  });

  it('nothing to fill asks nothing', () => {
    expect(fill(new Aws(), []).ops).toEqual([]);
  });

  it('starts where others stopped, and climbs to on-demand', () => {
    const aws = new Aws();
    aws.hints.set(0, seatOf(0, 2, 1));
    const { launch } = aws;
    aws.launch = (request) => (request.market === 'spot' ? noCapacity : launch(request));
    const { result } = fill(aws, [act(0)]);
    expect(aws.launches.map(({ seat }) => seat.rung)).toEqual([1, 2]);
    expect(result.filled[0]?.instanceId).toBe('i-synkti.web.e1.0.2.2');
  });

  it('an ended instance that its token brings back is no holder', () => {
    const aws = new Aws();
    aws.nodes.push(nodeViewOf('i-synkti.web.e1.0.2.0', seatOf(0, 2), { state: 'terminated' }));
    expect(fill(aws, [act(0)]).result.filled[0]?.instanceId).toBe('i-synkti.web.e1.0.3.0');
  });

  it('ends with its time, and leaves the position for the next', () => {
    const aws = new Aws();
    aws.launch = () => noCapacity;
    const { result, tookMs } = fill(aws, [act(0)], 20_000);
    expect(tookMs).toBeLessThan(21_000);
    expect(result.filled[0]).toMatchObject({ instanceId: null, error: { kind: 'capacity' } });
    expect(aws.hints.get(0)?.rung).toBeGreaterThan(2);
    expect(assess({ carriedOut: 0, failures: [], filled: result.filled })).toMatchObject({
      acted: false,
      unfilled: 1,
      again: null,
      classes: { capacity: 1 },
    });
  });

  it('what must be mended is told at once, or after patience where there is some', () => {
    const aws = new Aws();
    aws.launch = () => failure('configuration', 'UnauthorizedOperation');
    const { result } = fill(aws, [act(0)]);
    expect(aws.launches).toHaveLength(1);
    expect(assess({ carriedOut: 0, failures: [], filled: result.filled }).again?.code).toBe('UnauthorizedOperation');
    const patient = new Aws();
    const { launch } = patient;
    patient.launch = (request) => (patient.launches.length < 3 ? failure('configuration') : launch(request));
    expect(fill(patient, [act(0)], 200_000, 90_000).result.filled[0]?.instanceId).not.toBeNull();
  });

  it('a throttle that lasts makes the event come again', () => {
    const aws = new Aws();
    aws.launch = () => failure('throttle');
    const { filled } = fill(aws, [act(0)], 5_000).result;
    expect(assess({ carriedOut: 0, failures: [], filled }).again?.kind).toBe('throttle');
  });

  it('a wish is one attempt', () => {
    const aws = new Aws();
    aws.launch = () => noCapacity;
    const { result } = fill(aws, [act(0, 'wish')]);
    expect(aws.launches).toHaveLength(1);
    expect(assess({ carriedOut: 0, failures: [], filled: result.filled }).again).toBeNull();
  });

  it('a return is one attempt on spot, written down, and never on-demand', () => {
    const aws = new Aws();
    aws.launch = () => noCapacity;
    for (let i = 0; i < 4; i++) fill(aws, [act(0, 'return')]);
    expect(aws.launches.map(({ seat, market }) => `${seat.rung} ${market}`)).toEqual([
      '0 spot',
      '1 spot',
      '3 spot',
      '4 spot',
    ]);
    expect(aws.hints.get(0)).toEqual(seatOf(0, 2, 5));
  });
});

describe('who launched a node', () => {
  const options = { untilMs: monoMs(100_000), mendMs: 0, launcher: 'sweep' } as const;

  it('is written down last, of launches that EC2 answered', () => {
    const aws = new Aws();
    const { ops } = play((start) => fillSeats([act(0), act(2)], spec, options, start), aws.answer);
    expect(ops.slice(-3)).toEqual(['findNodes', 'putObject', 'putObject']);
    expect(aws.records).toEqual(
      aws.launches.map(({ token, seat }) => `seats/launched/${seat.slot}.2.json sweep i-${token}`),
    );
  });

  it('of a node that somebody else launched nothing is written', () => {
    const aws = new Aws();
    aws.nodes.push(nodeViewOf('i-others', seatOf(0, 2)));
    aws.launch = () => failure('mismatch', 'IdempotentParameterMismatch');
    const { result } = play((start) => fillSeats([act(0)], spec, options, start), aws.answer);
    expect(result.filled[0]?.instanceId).toBe('i-others');
    expect(aws.records).toEqual([]);
  });

  it('nothing is written when nothing was launched, or a record fails: the seat is what counts', () => {
    const aws = new Aws();
    aws.launch = () => noCapacity;
    play((start) => fillSeats([act(0, 'wish')], spec, options, start), aws.answer);
    expect(aws.records).toEqual([]);
    const denied = new Aws();
    const answer = (call: AnyCall): AnyOutcome =>
      call.op === 'putObject' ? failure('configuration', 'AccessDenied') : denied.answer(call);
    const { result } = play((start) => fillSeats([act(0)], spec, options, start), answer);
    expect(assess({ carriedOut: 0, failures: [], filled: result.filled }).again).toBeNull();
  });
});
