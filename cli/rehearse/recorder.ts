import type { Ledger } from '../../core/drain/ledger.js';
import { seatFromTags, TAG } from '../../core/seats/tags.js';
import type { CloudEvent } from '../../local/cloud-types.js';
import { denialFact } from './stack/permissions.js';
import type { NodeInfo, TimelineEvent } from './timeline.js';

/** Calls that change something, and those that the verdict looks at. */
const WORTH_KEEPING: ReadonlySet<string> = new Set([
  'CreateFleet',
  'RegisterTargets',
  'DeregisterTargets',
  'TerminateInstances',
  'PutObject',
]);
const MAX_EVENTS = 200_000;

/** Writes the timeline from what the cloud tells. */
export class Recorder {
  readonly events: TimelineEvent[] = [];
  readonly troubles: string[] = [];
  readonly #listeners: ((event: TimelineEvent) => void)[] = [];
  readonly #noticed = new Set<string>();
  readonly #cluster: string | null;
  readonly #tasks: 'none' | 'only' | 'too';
  readonly #atWork = new Set<string>();

  /**
   * @param cluster whose nodes are looked at; null: there is but one
   * @param tasks what the nodes run tasks beside: no target tells of nodes that run tasks only
   */
  constructor(cluster: string | null = null, tasks: 'none' | 'only' | 'too' = 'none') {
    this.#cluster = cluster;
    this.#tasks = tasks;
  }

  onEvent(listener: (event: TimelineEvent) => void): void {
    this.#listeners.push(listener);
  }

  add(event: TimelineEvent): void {
    if (this.events.length < MAX_EVENTS) this.events.push(event);
    for (const listener of this.#listeners) listener(event);
  }

  #looksForTasks(instanceId: string, atMs: number): void {
    if (this.#tasks !== 'only' || this.#atWork.has(instanceId)) return;
    this.#atWork.add(instanceId);
    this.add({ atMs, type: 'target', instanceId, state: 'healthy' });
  }

  ledger(ledger: Ledger, atMs: number): void {
    this.add({ atMs, type: 'ledger', ledger });
  }

  take(event: CloudEvent): void {
    const atMs: number = event.atMs;
    switch (event.type) {
      case 'instance-state': {
        const { instanceId, to } = event;
        if (this.#cluster !== null && event.instance.tags[TAG.cluster] !== this.#cluster) return;
        if (event.from === null) this.add({ atMs, type: 'launched', node: nodeOf(event.instance) });
        if (to === 'running') this.add({ atMs, type: 'running', instanceId });
        if (to === 'shutting-down' || to === 'stopping') this.add({ atMs, type: 'ending', instanceId });
        if (to === 'terminated' || to === 'stopped') this.add({ atMs, type: 'ended', instanceId });
        return;
      }
      case 'interruption-notice': {
        const { instanceId, interruption } = event;
        if (interruption.announce === 'none') return;
        this.#noticed.add(instanceId);
        this.add({ atMs, type: 'notice', instanceId, deadlineMs: interruption.atMs });
        return;
      }
      case 'rebalance-recommendation':
        this.add({ atMs, type: 'rebalance', instanceId: event.instanceId });
        return;
      case 'cut-off':
        // At the end of a notice this is what was announced.
        if (event.cause === 'failure' || !this.#noticed.has(event.instanceId)) {
          this.add({ atMs, type: 'died', instanceId: event.instanceId });
        }
        return;
      case 'target-health': {
        const { targetId, state } = event.change;
        this.add({ atMs, type: 'target', instanceId: targetId, state: state === 'unused' ? 'absent' : state });
        return;
      }
      case 'call': {
        const { action, principal, status, replyLost } = event.call;
        const caller = principal?.kind === 'node' ? principal.instanceId : null;
        if (action === 'ListObjectsV2' && status < 400 && caller !== null) this.#looksForTasks(caller, atMs);
        // Nodes with tasks write all the time, so a write says nothing of what they do about a notice.
        if (!WORTH_KEEPING.has(action) || (action === 'PutObject' && this.#tasks !== 'none')) return;
        this.add({ atMs, type: 'call', action, caller, ok: status < 400 || replyLost });
        return;
      }
      case 'trouble':
        if (this.troubles.length < 100) this.troubles.push(`${event.instanceId ?? 'cloud'}: ${event.message}`);
        return;
      case 'denied':
        this.add({ atMs, type: 'denied', denial: denialFact(event.denial) });
        return;
      case 'invocation':
      case 'dead-letter':
      case 'maintenance':
      case 'machine':
      case 'object':
      case 'bus':
        return;
    }
  }
}

interface Tagged {
  readonly instanceId: string;
  readonly zone: string;
  readonly instanceType: string;
  readonly lifecycle: 'spot' | 'on-demand';
  readonly tags: Readonly<Record<string, string>>;
}

const nodeOf = ({ instanceId, zone, instanceType, lifecycle, tags }: Tagged): NodeInfo => ({
  instanceId,
  seat: seatFromTags(tags),
  zone,
  instanceType,
  market: lifecycle,
  ...(/^\d+$/.test(tags[TAG.template] ?? '') ? { templateVersion: Number(tags[TAG.template]) } : {}),
});
