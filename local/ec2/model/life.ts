import type { InstanceState } from '../../../core/cloud.js';
import { after, type Context, type WallMs, wallMs } from '../../../core/time.js';
import { AwsError } from '../../wire/error.js';
import { change, emit, instanceOf, isEnded, newId, setState } from './state.js';
import type {
  Announce,
  Due,
  Ec2Model,
  EndCause,
  Instance,
  InterruptionAction,
  MaintenanceEvent,
  Transition,
} from './types.js';

export interface StateChange {
  readonly instanceId: string;
  readonly previous: InstanceState;
  readonly current: InstanceState;
}

/** TerminateInstances: repeats do no harm, but one bad id fails the whole batch. @throws AwsError */
export function terminate(model: Ec2Model, instanceIds: readonly string[], ctx: Context): StateChange[] {
  const instances = instanceIds.map((id) => instanceOf(model, id));
  return instances.map((instance) => {
    const previous = instance.record.state;
    if (!isEnded(previous)) shutDown(model, instance, 'user', ctx);
    return { instanceId: instance.instanceId, previous, current: instance.record.state };
  });
}

export interface Interrupt {
  /** Default: the instance's own interruption behaviour. */
  readonly action?: InterruptionAction;
  /** From now to the end; 0: at once. */
  readonly noticeMs: number;
  readonly announce?: Announce;
}

/** EC2 takes a spot instance back. @throws AwsError for instances that aren't spot or aren't alive. */
export function interrupt(model: Ec2Model, instanceId: string, how: Interrupt, ctx: Context): void {
  const instance = instanceOf(model, instanceId);
  const { record } = instance;
  if (record.lifecycle !== 'spot') {
    throw new AwsError('UnsupportedOperation', `Instance ${instanceId} is on-demand: it can't be interrupted`);
  }
  if (record.state !== 'running' && record.state !== 'pending') throw notAlive(instanceId, record.state);
  if (record.interruption !== null) return;
  const interruption = {
    action: how.action ?? record.interruptionBehavior,
    atMs: after(ctx.wallMs, how.noticeMs),
    announce: how.announce ?? 'both',
  };
  change(model, instance, { interruption }, ctx);
  schedule(instance, { atMs: after(ctx.nowMs, how.noticeMs), what: 'reclaim' });
  emit(model, { type: 'interruption-notice', instanceId, interruption, wallMs: ctx.wallMs });
}

/** EC2 says that the instance is at elevated risk. Repeats renew the notice's time. @throws AwsError */
export function recommendRebalance(model: Ec2Model, instanceId: string, ctx: Context): void {
  const instance = instanceOf(model, instanceId);
  if (isEnded(instance.record.state)) throw notAlive(instanceId, instance.record.state);
  change(model, instance, { rebalanceNoticeMs: ctx.wallMs }, ctx);
  emit(model, { type: 'rebalance-recommendation', instanceId, wallMs: ctx.wallMs });
}

/** @throws AwsError */
export function scheduleMaintenance(
  model: Ec2Model,
  instanceId: string,
  what: { readonly code: MaintenanceEvent['code']; readonly notBeforeMs: WallMs; readonly notAfterMs: WallMs },
  ctx: Context,
): MaintenanceEvent {
  const instance = instanceOf(model, instanceId);
  if (isEnded(instance.record.state)) throw notAlive(instanceId, instance.record.state);
  const event: MaintenanceEvent = {
    eventId: newId('instance-event', ctx.rng),
    description: `The instance is scheduled for ${what.code.replace('-', ' ')}`,
    ...what,
  };
  change(model, instance, { maintenance: [...instance.record.maintenance, event].slice(-10) }, ctx);
  emit(model, { type: 'maintenance-scheduled', instanceId, event, wallMs: ctx.wallMs });
  return event;
}

/**
 * The machine dies without a word. EC2 sees it after `seenAfterMs` and ends the instance; null: never, the instance
 * stays `running` with failing status checks. @throws AwsError
 */
export function fail(model: Ec2Model, instanceId: string, seenAfterMs: number | null, ctx: Context): void {
  const instance = instanceOf(model, instanceId);
  if (isEnded(instance.record.state)) throw notAlive(instanceId, instance.record.state);
  change(model, instance, { statusOk: false }, ctx);
  if (seenAfterMs !== null) schedule(instance, { atMs: after(ctx.nowMs, seenAfterMs), what: 'failed-seen' });
  emit(model, { type: 'failed', instanceId, wallMs: ctx.wallMs });
}

/** The instance was launched so much earlier, for what waits for an age. @throws AwsError */
export function age(model: Ec2Model, instanceId: string, byMs: number, ctx: Context): void {
  const instance = instanceOf(model, instanceId);
  change(model, instance, { launchTimeMs: wallMs(instance.record.launchTimeMs - byMs) }, ctx);
}

const notAlive = (instanceId: string, state: InstanceState): AwsError =>
  new AwsError('IncorrectInstanceState', `The instance '${instanceId}' is ${state}`);

/**
 * Does what is due, each thing as of its own moment even if this call comes late, and hands out everything that happened
 * since the last call, oldest first.
 */
export function advance(model: Ec2Model, ctx: Context): Transition[] {
  for (let next = earliestDue(model, ctx); next !== null; next = earliestDue(model, ctx)) {
    const { instance, item } = next;
    instance.due = instance.due.filter((one) => one !== item);
    const lateMs = ctx.nowMs - item.atMs;
    apply(model, instance, item, { rng: ctx.rng, nowMs: item.atMs, wallMs: after(ctx.wallMs, -lateMs) });
  }
  const transitions = model.outbox;
  model.outbox = [];
  return transitions;
}

/** Ties break by the order of launch. Ends, since nothing that is done makes more than one thing due. */
function earliestDue(model: Ec2Model, ctx: Context): { instance: Instance; item: Due } | null {
  let earliest: { instance: Instance; item: Due } | null = null;
  for (const instance of model.instances.values()) {
    for (const item of instance.due) {
      if (item.atMs <= ctx.nowMs && item.atMs < (earliest?.item.atMs ?? Number.POSITIVE_INFINITY)) {
        earliest = { instance, item };
      }
    }
  }
  return earliest;
}

function apply(model: Ec2Model, instance: Instance, item: Due, ctx: Context): void {
  const { record } = instance;
  switch (item.what) {
    case 'run':
      if (record.state === 'pending') {
        setState(model, instance, 'running', 'launch', ctx, { runningSinceMs: ctx.wallMs });
      }
      return;
    case 'reclaim':
      if (isEnded(record.state)) return;
      emit(model, { type: 'reclaimed', instanceId: instance.instanceId, wallMs: ctx.wallMs });
      if (record.interruption?.action === 'terminate') shutDown(model, instance, 'interruption', ctx);
      else {
        cancelAll(instance);
        setState(model, instance, 'stopping', 'interruption', ctx, {
          stateReason: { code: 'Server.SpotInstanceShutdown', message: 'Server.SpotInstanceShutdown: interrupted' },
        });
        schedule(instance, { atMs: after(ctx.nowMs, model.options.shutdownMs), what: 'stopped' });
      }
      return;
    case 'stopped':
      if (record.state === 'stopping') setState(model, instance, 'stopped', 'interruption', ctx);
      return;
    case 'failed-seen':
      if (!isEnded(record.state)) shutDown(model, instance, 'failure', ctx);
      return;
    case 'terminated':
      if (record.state === 'terminated') return;
      setState(model, instance, 'terminated', causeOf(instance), ctx);
      schedule(instance, { atMs: after(ctx.nowMs, model.options.visibleMs), what: 'forget' });
      return;
    case 'forget':
      model.instances.delete(instance.instanceId);
      return;
  }
}

const REASONS: Record<EndCause, { readonly code: string; readonly message: string }> = {
  user: { code: 'Client.UserInitiatedShutdown', message: 'Client.UserInitiatedShutdown: User initiated shutdown' },
  interruption: {
    code: 'Server.SpotInstanceTermination',
    message: 'Server.SpotInstanceTermination: Spot instance termination',
  },
  failure: { code: 'Server.InternalError', message: 'Server.InternalError: Internal error' },
};

function causeOf(instance: Instance): EndCause {
  const code = instance.record.stateReason?.code;
  return code === REASONS.interruption.code ? 'interruption' : code === REASONS.failure.code ? 'failure' : 'user';
}

function shutDown(model: Ec2Model, instance: Instance, cause: EndCause, ctx: Context): void {
  cancelAll(instance);
  const time = new Date(ctx.wallMs).toISOString().slice(0, 19).replace('T', ' ');
  setState(model, instance, 'shutting-down', cause, ctx, {
    stateReason: REASONS[cause],
    transitionReason: cause === 'user' ? `User initiated (${time} GMT)` : `Service initiated (${time} GMT)`,
  });
  schedule(instance, { atMs: after(ctx.nowMs, model.options.shutdownMs), what: 'terminated' });
}

function cancelAll(instance: Instance): void {
  instance.due = [];
}

function schedule(instance: Instance, item: Due): void {
  instance.due = [...instance.due, item];
}
