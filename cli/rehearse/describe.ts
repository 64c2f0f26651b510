import type { ClusterView } from './cluster-view.js';
import { seconds } from './promises.js';
import { denialText } from './stack/permissions.js';
import type { TimelineEvent } from './timeline.js';

/**
 * An event as a line for people; null when it is of no interest. Call it before the view takes the event.
 *
 * @param serves what a node does that is up
 */
export function describeEvent(event: TimelineEvent, view: ClusterView, serves = 'serves'): string | null {
  const slot = (id: string): string => {
    const seat = view.rows.get(id)?.node.seat;
    return seat === null || seat === undefined ? id : `slot ${seat.slot} (${id})`;
  };
  switch (event.type) {
    case 'launched': {
      const { node } = event;
      const what = `${node.instanceType} ${node.market} in ${node.zone}`;
      const replaces = (node.seat?.generation ?? 1) > 1 ? 'replacement of ' : '';
      return `${replaces}slot ${node.seat?.slot ?? '?'}: ${node.instanceId} launched, ${what}`;
    }
    case 'notice':
      return `${slot(event.instanceId)} got its interruption notice, ${seconds(event.deadlineMs - event.atMs)} left`;
    case 'rebalance':
      return `${slot(event.instanceId)} got a rebalance recommendation`;
    case 'died':
      return `${slot(event.instanceId)} died without a word`;
    case 'target': {
      const before = view.rows.get(event.instanceId)?.target;
      if (event.state === before) return null;
      if (event.state === 'healthy') return `${slot(event.instanceId)} ${serves}`;
      if (event.state === 'draining') return `${slot(event.instanceId)} was deregistered`;
      if (event.state === 'unhealthy') return `${slot(event.instanceId)} doesn't answer the load balancer`;
      return null;
    }
    case 'ledger': {
      const { instanceId, steps } = event.ledger;
      const stop = steps.stop.endedMs;
      return stop === null
        ? null
        : `${slot(instanceId)} reported: drained ${seconds(stop - event.ledger.detectedMs)} after it knew`;
    }
    case 'ending':
      return view.rows.get(event.instanceId)?.phase === 'noticed' ? `${slot(event.instanceId)} is taken by EC2` : null;
    case 'ended':
      return view.rows.get(event.instanceId)?.phase === 'dead' ? null : `${slot(event.instanceId)} is gone`;
    case 'act':
      return `>> ${event.text}`;
    case 'denied':
      return `denied: ${denialText(event.denial)}`;
    case 'agent-dead':
    case 'change':
    case 'shortage':
    case 'running':
    case 'call':
      return null;
  }
}
