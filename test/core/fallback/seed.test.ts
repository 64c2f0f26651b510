import { describe, expect, it } from 'vitest';
import type { NodeView } from '../../../core/cloud.js';
import type { AnyCall, AnyOutcome } from '../../../core/fallback/port.js';
import { removeAll, wishOfNone } from '../../../core/fallback/seed.js';
import {
  answerOfRemoval,
  answerOfSeeding,
  namedBy,
  physicalId,
  readStackRequest,
} from '../../../core/fallback/stack.js';
import type { Context } from '../../../core/time.js';
import { monoMs, wallMs } from '../../../core/time.js';
import { failure, seatOf, specOf } from '../fixtures.js';
import { ok, play } from './play.js';
import { node } from './scene.js';

const cluster = { name: 'web', parameter: '/synkti/web/spec', epoch: 'e1' };

/** Nodes that end `endMs` after they are told, and agents that replace them for as long as the wish says so. */
function ending(nodes: NodeView[], endMs: number, stubborn = 0) {
  const endedMs = new Map<string, number>();
  let wish = JSON.stringify(specOf());
  let replacements = stubborn;
  const answer = (call: AnyCall, ctx: Context): AnyOutcome => {
    switch (call.op) {
      case 'readWish':
        return ok({ text: wish, version: 4, changedMs: wallMs(0) });
      case 'writeWish':
        wish = call.text;
        return ok(null);
      case 'findNodes':
        return ok(
          nodes.map((one) => {
            const at = endedMs.get(one.instanceId);
            if (at === undefined) return one;
            return { ...one, state: ctx.nowMs >= at ? 'terminated' : 'shutting-down' };
          }),
        );
      case 'terminate':
        endedMs.set(call.instanceId, ctx.nowMs + endMs);
        if (replacements-- > 0) nodes.push(node(0, nodes.length + 10));
        return ok(null);
      default:
        throw new Error(`nobody asks for ${call.op}`);
    }
  };
  return { answer, wish: () => wish };
}

const remove = (answer: (call: AnyCall, ctx: Context) => AnyOutcome, untilMs = 600_000) =>
  play((start) => removeAll(cluster, specOf(), monoMs(untilMs), start), answer);

describe('a removal', () => {
  it('takes the wish back, gives agents a moment, ends what is left, and sees that nobody is', () => {
    const world = ending([node(0), node(1)], 30_000);
    const { result, calls, ops } = remove(world.answer);
    expect(answerOfRemoval(result)).toEqual({ status: 'SUCCESS', reason: 'No node is left.' });
    expect(JSON.parse(world.wish())).toMatchObject({ desired: 0, version: 5 });
    expect(ops.indexOf('writeWish')).toBeLessThan(ops.indexOf('terminate'));
    expect(calls.filter(({ op }) => op === 'terminate')).toHaveLength(2);
  });

  it('goes on while agents still replace what it ends', () => {
    const nodes = [node(0), node(1)];
    const { result } = remove(ending(nodes, 20_000, 6).answer);
    expect(nodes).toHaveLength(8);
    expect(result.left).toEqual([]);
  });

  it('says what is left when time runs out, and what EC2 refuses', () => {
    expect(answerOfRemoval(remove(ending([node(0)], 900_000).answer, 60_000).result)).toMatchObject({
      status: 'FAILED',
      reason: expect.stringContaining('i-0-1'),
    });
    const denied = remove((call) =>
      call.op === 'findNodes' ? failure('configuration', 'Denied') : failure('not-found'),
    );
    expect(denied.tookMs).toBeLessThan(10_000);
    expect(answerOfRemoval(denied.result)).toMatchObject({
      status: 'FAILED',
      reason: expect.stringContaining('Denied'),
    });
  });
});

describe('a wish of none', () => {
  it('keeps the rest of the spec, and is newer than it and its parameter', () => {
    const spec = specOf({ version: 7 });
    expect(JSON.parse(wishOfNone(JSON.stringify(spec), 3) ?? '')).toEqual({ ...spec, desired: 0, version: 8 });
    expect(JSON.parse(wishOfNone('{"desired":2}', 3) ?? '')).toEqual({ desired: 0, version: 4 });
  });

  it.each(['', '[]', 'null', '{"desired":0}', '{'])('of %j is nothing to write', (text) => {
    expect(wishOfNone(text, 1)).toBeNull();
  });
});

describe("CloudFormation's requests", () => {
  const request = {
    RequestType: 'Create',
    ResponseURL: 'https://s3/answer',
    StackId: 'arn',
    RequestId: 'r',
    LogicalResourceId: 'Seats',
  };

  it('are read with care', () => {
    expect(readStackRequest({ ...request, ResourceProperties: { Epoch: 'abc1' } })).toMatchObject({ epoch: 'abc1' });
    expect(readStackRequest({ ...request, ResourceProperties: { Epoch: 'A B' } })).toMatchObject({ epoch: null });
    expect(readStackRequest(request)).toMatchObject({ physicalResourceId: null, epoch: null });
    for (const bad of [null, 'x', {}, { ...request, RequestType: 'Drop' }, { ...request, ResponseURL: '' }]) {
      expect(readStackRequest(bad)).toBeNull();
    }
  });

  it('name their cluster in the physical id', () => {
    expect(namedBy(physicalId({ cluster: 'web', epoch: 'e1' }))).toEqual({ cluster: 'web', epoch: 'e1' });
    for (const bad of [null, '', 'web', 'synkti/Web/e1', 'synkti/web/', 'synkti/web/e1/x']) {
      expect(namedBy(bad)).toBeNull();
    }
  });

  it('fail only for what somebody must mend, and only when nothing runs', () => {
    const one = (kind: 'capacity' | 'configuration') => ({
      position: seatOf(0),
      instanceId: null,
      optional: false,
      error: failure(kind, `Of.${kind}`).error,
    });
    const launched = { position: seatOf(1), instanceId: 'i-1', optional: false, error: null };
    expect(answerOfSeeding([one('configuration')], 0)).toMatchObject({ status: 'FAILED' });
    expect(answerOfSeeding([one('configuration'), launched], 0).status).toBe('SUCCESS');
    expect(answerOfSeeding([one('configuration')], 2).status).toBe('SUCCESS');
    expect(answerOfSeeding([one('capacity')], 0)).toMatchObject({
      status: 'SUCCESS',
      reason: expect.stringContaining('Of.capacity'),
    });
  });
});
