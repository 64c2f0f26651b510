import type { Cloud } from '../aws/cloud.js';
import type { LaunchAnswer, Outcome } from '../core/cloud.js';
import { nextDeadlineMs, stepNode } from '../core/node/node.js';
import type { NodeEffect, NodeEvent } from '../core/node/port.js';
import type { NodeState } from '../core/node/state.js';
import { worstOf } from '../core/seats/pursuit.js';
import type { Context } from '../core/time.js';
import type { GossipSocket } from './gossip-socket.js';
import type { Log } from './log.js';
import type { Workloads } from './workloads.js';

/**
 * Runs the brain of this node: hands it events one at a time, carries out what it asks for, and wakes it at its next
 * deadline. An effect that fails is counted and logged; only the brain's own broken invariants end the agent.
 */
export interface Host {
  push(event: NodeEvent): void;
  readonly state: NodeState;
  readonly counters: Readonly<HostCounters>;
  stop(): void;
}

export interface HostCounters {
  events: number;
  effectsFailed: number;
  /** By `op result`: bounded by the ops and the kinds of errors. */
  readonly calls: Record<string, number>;
}

export interface HostParts {
  readonly state: NodeState;
  readonly clock: () => Context;
  readonly cloud: Pick<Cloud, 'call'>;
  readonly socket: Pick<GossipSocket, 'send' | 'exchange' | 'reply'>;
  readonly workloads: Pick<Workloads, 'start' | 'stop' | 'setAttentive'>;
  readonly log: Log;
  /** After each step: what the brain knows now. */
  readonly observe?: (state: NodeState) => void;
  readonly onExit: () => void;
}

/** Pauses between two ticks, in ms: a brain that is always due must not keep a core busy. */
const SHORTEST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 60_000;
/** Events that wait while one is handled. Beyond it datagrams are dropped, as a full socket buffer would do. */
const QUEUE_MAX = 4_096;
const SAVE_LOG_TIMEOUT_MS = 5_000;

export function createHost(parts: HostParts): Host {
  const { clock, cloud, socket, workloads, log } = parts;
  const queue: NodeEvent[] = [];
  const counters: HostCounters = { events: 0, effectsFailed: 0, calls: {} };
  let { state } = parts;
  let busy = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  function push(event: NodeEvent): void {
    if (stopped || (queue.length >= QUEUE_MAX && event.type === 'datagram')) return;
    queue.push(event);
    if (!busy) work();
  }

  function work(): void {
    busy = true;
    for (let event = queue.shift(); event !== undefined && !stopped; event = queue.shift()) {
      counters.events += 1;
      const step = stepNode(state, event, clock());
      state = step.state;
      for (const effect of step.effects) {
        try {
          carryOut(effect);
        } catch (error) {
          failed(effect, error);
        }
      }
      workloads.setAttentive(state.phase === 'leaving' || state.phase === 'drained');
      parts.observe?.(state);
    }
    busy = false;
    if (!stopped) schedule();
  }

  function schedule(): void {
    clearTimeout(timer);
    const now = clock();
    const wait = nextDeadlineMs(state, now) - now.nowMs;
    timer = setTimeout(
      () => push({ type: 'tick' }),
      Math.ceil(Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, wait))),
    );
  }

  function carryOut(effect: NodeEffect): void {
    switch (effect.type) {
      case 'datagram':
        socket.send(effect.to, effect.messages);
        return;
      case 'exchange': {
        const { to } = effect;
        socket
          .exchange(to, effect.exchange)
          .catch(() => null)
          .then((exchange) =>
            push(exchange === null ? { type: 'exchange-failed', to } : { type: 'exchange-answer', to, exchange }),
          );
        return;
      }
      case 'exchange-reply':
        socket.reply(effect.connection, effect.exchange);
        return;
      case 'call': {
        const { id, call } = effect;
        void cloud.call(call, effect.timeoutMs).then((outcome) => {
          const result = resultOf(outcome);
          counters.calls[`${call.op} ${result}`] = (counters.calls[`${call.op} ${result}`] ?? 0) + 1;
          if (!outcome.ok) {
            const { code, message } = outcome.error;
            log.write('debug', 'call-failed', { op: call.op, kind: result, error: code, message });
          }
          push({ type: 'outcome', id, outcome });
        });
        return;
      }
      case 'start-workload':
        workloads.start(effect.name);
        return;
      case 'stop-workload':
        workloads.stop(effect.name, effect.graceMs);
        return;
      case 'save-log': {
        const { bucket, key } = effect;
        void cloud.call({ op: 'putObject', bucket, key, body: log.recent() }, SAVE_LOG_TIMEOUT_MS).then((outcome) => {
          if (!outcome.ok) log.write('warn', 'log-not-saved', { error: outcome.error.code });
        });
        return;
      }
      case 'log':
        log.write(effect.level, effect.code, effect.fields);
        return;
      case 'exit':
        stop();
        parts.onExit();
        return;
    }
  }

  function failed(effect: NodeEffect, error: unknown): void {
    counters.effectsFailed += 1;
    const why = error instanceof Error ? error.message : String(error);
    log.write('error', 'effect-failed', { effect: effect.type, why });
  }

  function stop(): void {
    stopped = true;
    clearTimeout(timer);
    queue.length = 0;
  }

  return {
    push,
    get state() {
      return state;
    },
    counters,
    stop,
  };
}

/** As it is counted: a launch that EC2 answered with no instance failed of what its pools say. */
function resultOf(outcome: Outcome): string {
  if (!outcome.ok) return outcome.error.kind;
  const value: unknown = outcome.value;
  const launch = typeof value === 'object' && value !== null && 'instanceIds' in value && 'errors' in value;
  return launch && (value as LaunchAnswer).instanceIds.length === 0 ? worstOf(value as LaunchAnswer).kind : 'ok';
}
