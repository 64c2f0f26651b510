import type { LocalCloud } from '../../../local/cloud-types.js';
import type { ClusterView, NodeRow } from '../cluster-view.js';
import type { StackAct } from './acts.js';
import type { StackRun } from './stack-run.js';

export interface StackPlayerOptions {
  readonly cloud: LocalCloud;
  readonly view: ClusterView;
  readonly stack: StackRun;
  /** Until queues have their delay again after a race. */
  readonly noticeMs: number;
  readonly tell: (text: string) => void;
  /** Told of each agent that hangs. */
  readonly onAgentDead: (instanceId: string) => void;
  /** Before the stack is deleted. */
  readonly endTraffic: () => Promise<void>;
}

/** Plays the acts that need a stack. */
export class StackPlayer {
  readonly #options: StackPlayerOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  #deleting = false;

  constructor(options: StackPlayerOptions) {
    this.#options = options;
  }

  /** An act takes its time. */
  get busy(): boolean {
    return this.#deleting || this.#options.stack.busy;
  }

  play(act: StackAct): void {
    const { stack, view, endTraffic } = this.#options;
    switch (act.type) {
      case 'kill-agent': {
        const slots = act.slots === 'all' ? Array.from({ length: stack.desired }, (_, slot) => slot) : act.slots;
        for (const slot of slots) this.#on(view.target(slot), slot, (row) => this.#hang(row));
        return;
      }
      case 'race':
        this.#withoutDelay();
        for (const slot of act.slots) {
          this.#on(view.target(slot), slot, ({ node }) => this.#options.cloud.interrupt(node.instanceId));
        }
        return;
      case 'update':
        stack.update();
        return;
      case 'scale':
        stack.scale(act.nodes);
        return;
      case 'delete':
        this.#deleting = true;
        void endTraffic()
          .then(() => stack.delete())
          .finally(() => {
            this.#deleting = false;
          });
        return;
    }
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #on(row: NodeRow | null, slot: number, act: (row: NodeRow) => void): void {
    const { tell } = this.#options;
    if (row === null) {
      tell(`slot ${slot} has no node just now: left out`);
      return;
    }
    try {
      act(row);
    } catch (error) {
      tell(`slot ${slot} is left out: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** It stands still from one instruction to the next, and nobody restarts it: systemd sees a process that runs. */
  #hang({ node }: NodeRow): void {
    const { cloud, onAgentDead } = this.#options;
    const pid = cloud.instances().find(({ instanceId }) => instanceId === node.instanceId)?.pid ?? null;
    if (pid === null) throw new Error(`${node.instanceId} has no agent that runs`);
    process.kill(pid, 'SIGSTOP');
    onAgentDead(node.instanceId);
  }

  #withoutDelay(): void {
    const { cloud, noticeMs } = this.#options;
    const delays = cloud.queues.list().flatMap(({ arn, attributes: { delaySeconds } }) => {
      return delaySeconds === 0 ? [] : [{ arn, delaySeconds }];
    });
    for (const { arn } of delays) cloud.queues.setAttributes(arn, { delaySeconds: 0 });
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      for (const { arn, delaySeconds } of delays) {
        if (cloud.queues.find(arn) !== null) cloud.queues.setAttributes(arn, { delaySeconds });
      }
    }, noticeMs);
    this.#timers.add(timer);
  }
}
