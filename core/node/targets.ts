/** This node's registrations in target groups. */
import type { Outcome } from '../cloud.js';
import { backoffMs } from '../seats/rung.js';
import { after, type Context } from '../time.js';
import { ask, isAsking } from './calls.js';
import type { Emit, NodeState, Target } from './state.js';

export function askTarget(
  state: NodeState,
  target: Target,
  index: number,
  act: 'register' | 'deregister',
  ctx: Context,
  emit: Emit,
): void {
  if (target.dueMs > ctx.nowMs || isAsking(state, (p) => p.for === 'target' && p.index === index)) return;
  // The call may take effect although its answer is lost.
  target.state = 'unknown';
  const { arn: targetGroupArn, port } = target;
  const op = act === 'register' ? 'registerTarget' : 'deregisterTarget';
  const call = { op, targetGroupArn, instanceId: state.identity.id, port } as const;
  ask(state, { for: 'target', index, act }, call, ctx, emit);
}

export function afterTarget(
  state: NodeState,
  index: number,
  act: 'register' | 'deregister',
  outcome: Outcome,
  ctx: Context,
  emit: Emit,
): void {
  const target = state.targets[index];
  if (target === undefined) return;
  // A target group or target that isn't there holds no registration of ours.
  const done = outcome.ok || (act === 'deregister' && outcome.error.kind === 'not-found');
  if (done) {
    target.state = act === 'register' ? 'registered' : 'removed';
    target.retries = 0;
    target.dueMs = ctx.nowMs;
    return;
  }
  target.dueMs = after(ctx.nowMs, backoffMs(target.retries++, ctx.rng, 500, 10_000));
  const { code, message } = outcome.error;
  emit({
    type: 'log',
    level: 'warn',
    code: `${act}-failed`,
    fields: { targetGroup: target.arn, error: code, message },
  });
}
